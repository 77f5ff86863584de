"""Bounds: what a file declares is checked before it is read, and every message names the variable that allows more."""

from __future__ import annotations

import os
import re
import zipfile
from functools import partial

import numpy as np
import pytest

from myelin.hw_configs.errors import ConfigError, DataError, TargetError
from myelin.hw_configs.reading import bounds
from myelin.hw_configs.reading.array_files import names_in, read_npy, read_npz
from myelin.hw_configs.reading.text_files import read_json, read_toml
from myelin.hw_configs.target_files import load_target


@pytest.mark.parametrize("bound", bounds.BOUNDS, ids=lambda bound: bound.variable)
def test_a_bound_is_set_by_its_variable(bound, monkeypatch):
    assert bound.value == bound.default
    monkeypatch.setenv(bound.variable, "7")
    assert bound.value == 7
    assert bound.cure(9) == f"if the file is what it should be, allow more with {bound.variable}=9"
    for wrong in ("", "0", "-1", "many", "1e9", "٣", "9" * 20):
        monkeypatch.setenv(bound.variable, wrong)
        with pytest.raises(ConfigError, match=rf"{bound.variable} is '{re.escape(wrong)}'; a whole number above 0 is allowed"):
            bound.value  # noqa: B018


def test_what_compressed_files_may_unpack_to(monkeypatch):
    assert bounds.most_unpacked(10) == 32_000_000
    assert bounds.most_unpacked(10**6) == 10**8
    assert bounds.most_unpacked(10**12) == 16_000_000_000
    assert bounds.too_large(10**6, 2 * 10**8) == (
        "has 1000000 bytes and unpacks to 200 MB, beyond 100 times its size; if the file is what it should be, allow more with "
        "MYELIN_MAX_RATIO=200"
    )
    assert "unpacks to more than 16000 MB, 16000 MB are allowed; " in bounds.too_large(10**12)
    assert "MYELIN_MAX_DATA_MB=32000" in bounds.too_large(10**12)


def test_text_is_read_as_far_as_it_is_allowed(tmp_path, monkeypatch):
    path = tmp_path / "x.json"
    path.write_text("[" + "1," * 600_000 + "1]")
    assert len(read_json(path)) == 600_001
    monkeypatch.setenv("MYELIN_MAX_TEXT_MB", "1")
    with pytest.raises(
        ValueError, match=r"it has more than 1 MB; if the file is what it should be, allow more with MYELIN_MAX_TEXT"
    ):
        read_json(path)
    monkeypatch.setenv("MYELIN_MAX_CONFIG_KB", "1")
    with pytest.raises(ValueError, match=r"it has more than 1 kB; .* allow more with MYELIN_MAX_CONFIG_KB=1201"):
        read_toml(path)
    with pytest.raises(ValueError, match="it has more than 1 kB"):
        read_toml("/dev/zero")  # has no end


def test_text_from_a_pipe(tmp_path, monkeypatch):
    """As ``<(command)`` of a shell gives it; one without a writer is no reason to wait for ever."""
    read, write = os.pipe()
    os.write(write, b"a = 1")
    os.close(write)
    assert read_toml(f"/dev/fd/{read}") == {"a": 1}
    os.close(read)
    os.mkfifo(tmp_path / "x")
    monkeypatch.setattr(bounds, "PIPE_S", 0)
    with pytest.raises(ValueError, match="it is a pipe, and nothing came out of it for 0 s; save what it holds to a file"):
        read_toml(tmp_path / "x")


def test_text_is_read_where_files_know_no_waiting(tmp_path, monkeypatch):
    """Windows has no O_NONBLOCK, no poll, and before Python 3.12 no set_blocking."""
    for module, name in ((os, "O_NONBLOCK"), (os, "set_blocking"), (bounds.select, "poll")):
        monkeypatch.delattr(module, name)
    (tmp_path / "x.toml").write_text("a = 1")
    assert read_toml(tmp_path / "x.toml") == {"a": 1}
    read, write = os.pipe()
    os.write(write, b"a = 2")
    os.close(write)
    assert read_toml(f"/dev/fd/{read}") == {"a": 2}
    os.close(read)


@pytest.mark.parametrize(("kind", "make"), [("a pipe", os.mkfifo), ("a device", partial(os.symlink, "/dev/zero"))])
def test_what_is_no_regular_file(tmp_path, kind, make):
    make(tmp_path / "x")
    with pytest.raises(DataError, match=rf"x is {kind}; a regular file is needed: save what it holds to one"):
        bounds.check_regular(tmp_path / "x", DataError)
    bounds.check_regular(tmp_path, DataError)
    bounds.check_regular(tmp_path / "absent", DataError)


def _header(descr, shape):
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def test_arrays_come_back(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3), "text": np.asarray("words"), "none": np.empty((0, 4)), "one": np.array(5)}
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "x.npz", **arrays)
        found = read_npz(tmp_path / "x.npz")
        assert names_in(tmp_path / "x.npz") == arrays.keys() == found.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array)
            assert found[name].dtype == array.dtype
    assert read_npz(tmp_path / "x.npz", {"one"}.__contains__).keys() == {"one"}
    fortran = np.asfortranarray(arrays["a"])
    np.save(tmp_path / "x.npy", fortran)
    np.testing.assert_array_equal(read_npy(tmp_path / "x.npy"), fortran)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_header("'<f4'", "(1000000000000,)"), "a says that it has shape (1000000000000,) of float32, and has 128 bytes"),
        (_header("'<f4'", "(-1,)"), "a says that it has shape (-1,) of float32"),
        (_header("'|S0'", "(1000000000,)"), "a says that it has shape (1000000000,) of |S0"),
        (_header("'|O'", "(3,)"), "a is an array of Python objects, which could run anything"),
        (_header("'<f4'", "((((" + ")"), "a has a damaged header"),
        (b"\x93NUMPY\x03\x00" + bytes(200), "a is of version (3, 0) of numpy's format"),
        (b"", "EOF: reading magic string"),
    ],
)
def test_arrays_that_lie(tmp_path, content, said):
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", content)
    (tmp_path / "a").write_bytes(content)
    for read, path in ((read_npz, "x.npz"), (read_npy, "a")):
        with pytest.raises(ValueError) as caught:
            read(tmp_path / path)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_zip_file_that_unpacks_a_thousandfold(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "x.npz", a=np.zeros(2**23))
    with pytest.raises(ValueError, match=r"unpacks to 68 MB, beyond 100 times its size; .* MYELIN_MAX_RATIO=10\d\d"):
        read_npz(tmp_path / "x.npz")
    assert read_npz(tmp_path / "x.npz", {"b"}.__contains__) == {}
    monkeypatch.setenv("MYELIN_MAX_RATIO", "1100")
    assert read_npz(tmp_path / "x.npz")["a"].size == 2**23
    (tmp_path / "x.npz").write_bytes(b"PK")
    assert names_in(tmp_path / "x.npz") == set()


def test_nothing_is_unpickled(tmp_path):
    """No reader asks numpy, pickle or torch for objects: ``numpy.load`` stands nowhere without ``allow_pickle=False``."""
    from places import ROOT

    for room in ("hw_configs", "train", "convert", "lava_models", "myelin"):
        for path in (ROOT / room).rglob("*.py"):
            if path.is_symlink() or "standalone" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            found = re.findall(r"\b(?:np|numpy)\.load\((?!.*allow_pickle=False)", text)
            found += re.findall(
                r"^\s*(?:import|from) (?:pickle|shelve|marshal|dill)\b|\btorch\.load\(|allow_pickle=True", text, re.M
            )
            assert not found, (path, found)


BOARD = 'name = "x"\ntitle = "X"\n[events]\nsynaptic_operation = { energy_pj = %s, source = "made up" }\n'
RUN = '{"config": {"train": {"epochs": Infinity}, "data": {"steps": Infinity, "step_ms": 1, "channels": 1, "message_bits": 1}}}'


def test_numbers_that_no_float_or_integer_holds(tmp_path):
    """Whole numbers of 400 digits, which TOML has, and infinite ones, which JSON has."""
    from myelin.convert.binning import Binning
    from myelin.train.config.files import load_config
    from myelin.train.run.files.run_record import read_run

    path = tmp_path / "x.toml"
    path.write_text(f"[train]\nlearning_rate = 1{'0' * 400}\n")
    with pytest.raises(ConfigError, match=r"x.toml: not a TOML file: train.learning_rate is an integer of more than 63 bits$"):
        load_config(path)
    path.write_text(BOARD % f"1{'0' * 400}")
    with pytest.raises(TargetError, match=r"events.synaptic_operation.energy_pj is an integer of more than 63 bits$"):
        load_target(path)
    (tmp_path / "run.json").write_text(RUN)
    run = read_run(tmp_path)
    with pytest.raises(
        ConfigError, match=r"run.json is incomplete \(OverflowError: cannot convert float infinity to integer\)"
    ):
        run.epochs  # noqa: B018
    with pytest.raises(DataError, match=r"does not say how spikes become frames \(OverflowError"):
        Binning.from_dict(run.data_section, "run.json")


def test_frames_that_no_memory_holds(monkeypatch):
    from myelin.train.datasets import SpikeDataset

    data = SpikeDataset.from_events([[0.1]], [[0]], [0], channels=4, name="words")
    with pytest.raises(
        DataError, match=r"words: frames of 1 samples, 1000000000000 steps and 4 channels take 4000000 MB; use fewer"
    ):
        data.bin([0], 10**12, 1.0, 4)
    monkeypatch.setenv("MYELIN_MAX_FRAMES_MB", "1")
    with pytest.raises(DataError, match=r"use fewer at a time, or allow more with MYELIN_MAX_FRAMES_MB=4"):
        data.bin([0], 10**6, 1.0, 4)
