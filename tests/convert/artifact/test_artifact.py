"""Artifacts: written whole, read back proven, and refused when anything in them is not as it was."""

from __future__ import annotations

import json

import numpy as np
import pytest

from myelin.convert import write_netx
from myelin.convert.artifact.artifact import read_artifact, write_artifact
from myelin.convert.opened import read
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.hw_configs.target_files import load_target


@pytest.fixture
def inputs():
    return np.random.default_rng(0).integers(0, 2, (3, 20, 2))


@pytest.fixture
def artifact(tmp_path, small, inputs):
    provenance = {"checkpoint": tmp_path / "run", "seed": np.int64(3), "classes": ("a", "b")}
    folder = tmp_path / "art"
    return write_artifact(folder, small, load_target("loihi2"), inputs=inputs, provenance=provenance, metrics={"accuracy": 0.5})


def test_round_trip(artifact, inputs, tmp_path):
    found = read_artifact(artifact)
    np.testing.assert_array_equal(found.golden.spikes, inputs)
    assert found.golden.spikes.dtype == np.uint8 and found.golden.output.sum() > 0
    assert found.manifest["target"]["name"] == "loihi2"
    assert found.manifest["target"]["limits"]["delay_steps_max"] == 62
    assert "weight_exp_min" in found.manifest["target"]["not_public"]
    assert found.manifest["provenance"] == {"checkpoint": str(tmp_path / "run"), "seed": 3, "classes": ["a", "b"]}
    assert found.manifest["metrics"] == {"accuracy": 0.5}
    files = {"network.net", "golden.npz", "lava_network.py", "lava_network.npz", "README.md"}
    assert set(found.manifest["files"]) == files
    assert {path.name for path in artifact.iterdir()} == files | {"manifest.json"}


def test_golden_inputs_may_be_negative(tmp_path, inputs):
    """Delta encoders take values of either sign; 8 unsigned bit would turn -3 into 253."""
    from myelin.convert import Delta, Dense, Input, Layer, Network, Sigma

    encoded = Network(Input((2,), 4, Delta(1)), (Layer((1,), Dense([[2, -4]]), Sigma(), output="state"),))
    write(tmp_path / "art", encoded, inputs * -3)
    assert read_artifact(tmp_path / "art").golden.spikes.min() == -3


def test_read_takes_a_file_or_a_folder(artifact, tmp_path):
    assert len(read(artifact).network.layers) == len(read(artifact / "network.net").network.layers) == 2
    with pytest.raises(NetworkError, match="no such file or folder"):
        read(tmp_path / "none")
    with pytest.raises(NetworkError, match=r"has no manifest\.json; an artifact folder"):
        read(tmp_path)


def write(folder, small, inputs, **change):
    given = {"inputs": inputs, "provenance": {}, "metrics": {}, **change}
    return write_artifact(folder, small, load_target("cpu"), **given)


def test_an_artifact_is_replaced_and_nothing_else(artifact, small, inputs, tmp_path):
    write(artifact, small, inputs)
    assert read_artifact(artifact).manifest["target"]["name"] == "cpu"
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", small, inputs)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("years of work")
    with pytest.raises(NetworkError, match="holds files that are not an artifact; give a new or empty folder"):
        write(tmp_path / "thesis", small, inputs)
    (tmp_path / "file").write_text("x")
    with pytest.raises(NetworkError, match="is not a folder"):
        write(tmp_path / "file", small, inputs)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "years of work"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["art", "empty", "file", "thesis"]


def test_a_failed_write_leaves_nothing_behind(tmp_path, small, inputs, monkeypatch):
    import myelin.convert.artifact.artifact as module

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "sha256", fail)
    with pytest.raises(NetworkError, match=r"cannot be written: .*No space left"):
        write(tmp_path / "art", small, inputs)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"metrics": {"accuracy": float("nan")}}, "metrics.accuracy is nan; numbers, texts"),
        ({"provenance": {"runs": [{"net": object()}]}}, r"provenance.runs\[0\].net is <object"),
        ({"inputs": np.zeros((0, 5, 2), int)}, "at least one sample"),
        ({"inputs": np.zeros((1, 5, 3), int)}, "spikes have shape"),
    ],
)
def test_what_cannot_be_written(tmp_path, small, inputs, change, text):
    with pytest.raises(DataError, match=text):
        write(tmp_path / "art", small, **{"inputs": inputs, **change})
    assert list(tmp_path.iterdir()) == []


def manifest_change(**change):
    def apply(folder):
        path = folder / "manifest.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **change}))

    return apply


def resign(folder):
    """Make the hashes right again, as someone who wants to deceive would."""
    from myelin.convert.artifact.files import sha256

    files = {name: {"sha256": sha256(folder / name)} for name in ("network.net", "golden.npz")}
    manifest_change(files=files)(folder)


def other_network(folder):
    from myelin.convert import read_netx

    network = read_netx(folder / "network.net")
    import dataclasses

    changed = dataclasses.replace(network.layers[0], delay_steps=np.array([1, 0, 4]))
    write_netx(dataclasses.replace(network, layers=(changed, network.layers[1])), folder / "network.net")
    resign(folder)


def other_golden(folder, **change):
    with np.load(folder / "golden.npz") as stored:
        arrays = {**dict(stored), **change}
    np.savez(folder / "golden.npz", **{name: value for name, value in arrays.items() if value is not None})
    resign(folder)


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda f: (f / "network.net").unlink(), "network.net is missing; export the artifact again"),
        (lambda f: (f / "network.net").write_bytes(b"x"), "network.net was changed or damaged: its SHA-256 is 2d711642b726"),
        (lambda f: (f / "golden.npz").write_bytes(b""), "golden.npz was changed or damaged"),
        (lambda f: (f / "manifest.json").unlink(), r"has no manifest\.json"),
        (lambda f: (f / "manifest.json").write_text("{"), "is not the manifest of an artifact"),
        (lambda f: (f / "manifest.json").write_text("[]"), "is not the manifest of an artifact"),
        (manifest_change(format=2), "the artifact has format 2, this version reads 1"),
        (manifest_change(files={"network.net": {}}), "must list network.net and golden.npz"),
        (manifest_change(files={"network.net": {}, "../../etc/passwd": {}}), "must list network.net and golden.npz"),
        (manifest_change(files=["network.net", "golden.npz"]), "must list network.net and golden.npz"),
        (lambda f: ((f / "golden.npz").write_bytes(b"junk"), resign(f)), "golden.npz cannot be read"),
        (lambda f: ((f / "network.net").write_bytes(b"junk"), resign(f)), "cannot be read as a netx file"),
        (lambda f: other_golden(f, scores=None), "golden.npz cannot be read: .*scores"),
        (lambda f: other_golden(f, spikes=np.zeros((3, 20, 5), np.uint8)), r"golden inputs have shape \(3, 20, 5\)"),
        (lambda f: other_golden(f, spikes=np.full((3, 20, 2), 9, np.uint8)), "golden inputs do not fit the network"),
        (
            lambda f: other_golden(f, output=np.zeros((3, 20, 2))),
            r"golden values do not come out: \d+ of 420 differ, first in the output: sample",
        ),
        (
            lambda f: other_golden(f, scores=np.zeros((3, 2), int)),
            "golden class scores are not the sums of the golden output: .* sample 0, class 0",
        ),
        (lambda f: other_golden(f, output=np.zeros((1, 2))), r"the output of golden.npz has shape \(1, 2\)"),
        (other_network, "golden values do not come out: .*, first in the spikes of layer 1: sample"),
    ],
)
def test_damage_is_found_and_named(artifact, damage, text):
    damage(artifact)
    with pytest.raises(NetworkError, match=text) as caught:
        read_artifact(artifact)
    assert str(caught.value).startswith(str(artifact)) and "\n" not in str(caught.value)
