"""A sweep compares networks by one class per sample; other data is refused by name before anything is trained."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.hw_configs.errors import DataError
from myelin.sweep.run import train_sweep
from myelin.train.datasets import SpikeDataset


@pytest.mark.parametrize(
    ("y", "title"),
    [(np.zeros((6, 20), np.int64), "a label per step"), (np.zeros((6, 20, 1), np.float32), "a trace")],
    ids=["steps", "trace"],
)
def test_other_tasks_are_refused(tmp_path, y, title):
    data = tmp_path / "train.npz"
    SpikeDataset.from_dense(np.ones((6, 20, 4), np.uint8), y, time_axis=1).save(data)
    (tmp_path / "s.toml").write_text('base = "demo"\n')
    with pytest.raises(DataError, match=f"has {title}; a sweep compares networks by one class per sample"):
        train_sweep(tmp_path / "s.toml", str(data), tmp_path / "out")
    assert not (tmp_path / "out").exists()
