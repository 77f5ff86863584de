"""A name that no file can have is refused by every reader as a missing file is, also where it stands in another file."""

from __future__ import annotations

import json
import wave

import numpy as np
import pytest
from small_network import answered, shd_file, small_network

import myelin
from myelin.hw_configs.errors import MyelinError
from myelin.hw_configs.target_files import load_target
from myelin.sweep.file import read_sweep
from myelin.sweep.run import train_sweep
from myelin.train.cochlea.folder import encode_folder
from myelin.train.config.files import load_config
from myelin.train.datasets import available_splits, load, read_ecg, read_shd
from myelin.train.datasets.mapped import Storage
from myelin.train.datasets.npz import read_npz
from myelin.train.run.start import configuration

NAMES = ("y" * 300, "/".join(["y" * 200] * 30), "a\0b", "~nobody-of-that-name/x", "\udcff")
READERS = {
    "netx": lambda name: myelin.read(f"{name}.net"),
    "NIR": lambda name: myelin.read(f"{name}.nir"),
    "artifact": myelin.read,
    "target": load_target,
    "target file": lambda name: load_target(f"{name}.toml"),
    "configuration": load_config,
    "sweep": read_sweep,
    "data": load,
    "splits": available_splits,
    "SHD": read_shd,
    "npz": read_npz,
    "ECG": read_ecg,
    "images": lambda name: load(f"{name}:pixels", "train"),
}


@pytest.mark.parametrize("name", NAMES, ids=["long", "deep", "null", "home", "bytes"])
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_name_that_no_file_can_have(reader, name):
    with pytest.raises(MyelinError):
        reader(name)


@pytest.mark.parametrize("name", NAMES[:4], ids=["long", "deep", "null", "home"])
def test_within_another_file(name, tmp_path):
    pytest.importorskip("torch")
    (tmp_path / "d.toml").write_text(f"target = {json.dumps(name)}\n")
    with pytest.raises(MyelinError, match=r"is unknown; known are|cannot be read"):
        configuration(tmp_path / "d.toml")
    (tmp_path / "s.toml").write_text(f"base = {json.dumps(name)}\nseeds = [0]\n")
    with pytest.raises(MyelinError, match="neither a built-in experiment nor a file"):
        train_sweep(tmp_path / "s.toml", "builtin", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.toml", "s.toml"]


def test_a_file_whose_name_is_no_text(tmp_path):
    samples = answered(small_network(), samples=3)
    file = shd_file(samples, tmp_path / "\udcff.h5")
    assert len(load(file, storage=Storage(in_memory_mb=0, cache=tmp_path))) == 3
    inputs = myelin.InputChoice(data=file, steps=25, step_ms=1.0)
    assert myelin.map_cores(small_network(), "loihi2", inputs=inputs)["input"]["data"] == str(file)


def test_recordings_whose_names_are_no_text(tmp_path):
    folder = tmp_path / "wav"
    folder.mkdir()
    sound = (np.random.default_rng(0).normal(size=4000) * 3000).astype("<i2")
    for name in ("\udcff_a_1", "b_b_1"):
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(sound.tobytes())
    (found,) = encode_folder(folder, tmp_path / "x.h5", channels=70).datasets.values()
    assert found.keys == ("b", "\udcff")
    assert load(tmp_path / "x.h5").keys == ("b", "\N{REPLACEMENT CHARACTER}")


def test_tensors_in_a_folder_whose_name_is_no_text(tmp_path):
    torch = pytest.importorskip("torch")
    from myelin.train.run.files.checkpoint import read_tensors, write_tensors

    file = tmp_path / "\udcff.safetensors"
    write_tensors(file, {"a": torch.arange(3.0)}, {"epoch": "1"})
    assert read_tensors(file)["a"].tolist() == [0, 1, 2]
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(myelin.ConfigError, match="cannot be read as safetensors"):
        read_tensors(file)
