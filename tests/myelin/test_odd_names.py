"""A name that no file can have is refused by every reader as a missing file is, also where it stands in another file."""

from __future__ import annotations

import json

import pytest

import myelin
from myelin.hw_configs.errors import MyelinError
from myelin.hw_configs.target_files import load_target
from myelin.sweep.file import read_sweep
from myelin.sweep.run import train_sweep
from myelin.train.config.files import load_config
from myelin.train.datasets import available_splits, load, read_ecg, read_shd
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
