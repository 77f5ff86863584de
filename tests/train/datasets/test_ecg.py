"""QTDB-ECG: files made here in the real format and, if they are there, the real ones."""

from __future__ import annotations

import numpy as np
import pytest
from places import SHARED
from scipy.io import savemat

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import available_splits, load, read_ecg

ECG = SHARED / "data" / "ecg"


def traces(samples=3, steps=7, seed=0):
    """x in -1, 0, 1 and one-hot y, of which some steps have no class."""
    rng = np.random.default_rng(seed)
    x, phase = rng.integers(-1, 2, (samples, steps, 4)).astype(float), rng.integers(-1, 6, (samples, steps))
    return x, np.eye(7)[phase][..., :6], phase


def test_a_file_becomes_classes_of_steps(tmp_path):
    x, y, phase = traces()
    savemat(tmp_path / "QTDB_train.mat", {"x": x, "y": y, "t": np.arange(7), "max_i": 7})
    assert available_splits(tmp_path) == ("train",)
    data = load(tmp_path, "train")
    assert (data.task, data.classes, data.channels, data.steps, data.step_ms) == ("steps", 6, 8, 7, 1.0)
    np.testing.assert_array_equal(data.targets, phase)
    frames = data.bin(range(3), 7, 1.0, 8).frames.astype(int)
    np.testing.assert_array_equal(frames[:, :, 0::2] - frames[:, :, 1::2], x)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"x": np.full((3, 7, 4), 2)}, "x holds other values than -1, 0 and 1"),
        ({"x": np.zeros((3, 6, 4))}, r"x has shape \(3, 6, 4\), y \(3, 7, 6\)"),
        ({"y": np.ones((3, 7, 6))}, "y is not one-hot"),
        ({"y": np.full((3, 7, 6), 0.5)}, "y is not one-hot"),
        (
            {"y": np.zeros((3, 7, 100_001), np.int8)},
            "names 100001 classes; at most 100000 are allowed: it is",
        ),
        ({"y": "text"}, "y is text; an array of real numbers is needed"),
        ({"y": None}, "has no y; a file of QTDB-ECG has x"),
    ],
)
def test_files_that_are_refused(tmp_path, change, said):
    x, y, _ = traces()
    values = {key: value for key, value in ({"x": x, "y": y} | change).items() if value is not None}
    savemat(tmp_path / "x.mat", values)
    with pytest.raises(DataError, match=said):
        read_ecg(tmp_path / "x.mat")


def test_damaged_files(tmp_path):
    x, y, _ = traces()
    savemat(tmp_path / "good.mat", {"x": x, "y": y}, do_compression=True)
    good, path = (tmp_path / "good.mat").read_bytes(), tmp_path / "bad.mat"
    for position in range(0, len(good), 11):
        for content in (good[:position], good[:position] + bytes(16) + good[position + 16 :]):
            path.write_bytes(content)
            try:
                read_ecg(path)
            except DataError as error:
                assert str(error).startswith(str(path)) and "\n" not in str(error)
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(DataError, match=r"cannot be read as .mat \(.*\); it is damaged or of another kind"):
        read_ecg(path)
    with pytest.raises(DataError, match="no such file"):
        read_ecg(tmp_path / "absent.mat")
    with pytest.raises(DataError, match="has steps instead of times; leave the unit of time out"):
        load(f"{tmp_path / 'good.mat'}:ms")


@pytest.mark.skipif(not ECG.is_dir(), reason=f"needs {ECG}")
def test_the_real_traces():
    data = load(ECG, "test")
    assert (len(data), data.steps, data.classes, data.task) == (141, 1301, 6, "steps")
    assert np.mean(data.targets == -1) == pytest.approx(0.104, abs=0.001)
    assert data.bin([0], 1301, 1.0, 8).events == data.sample(0)[1].size
