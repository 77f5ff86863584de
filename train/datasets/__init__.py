"""Data sets of labelled spike trains: read (`load`, `read_shd`), split, bin (`SpikeDataset.bin`), write (`write_shd`)."""

from myelin.train.datasets.binning import Binned
from myelin.train.datasets.events import SpikeDataset, join_events
from myelin.train.datasets.intervals import by_interval
from myelin.train.datasets.mapped import Storage
from myelin.train.datasets.registry import BUILTIN, SPLITS, available_splits, load
from myelin.train.datasets.shd import read_shd, write_shd
from myelin.train.datasets.splits import split

__all__ = [
    "BUILTIN",
    "SPLITS",
    "Binned",
    "SpikeDataset",
    "Storage",
    "available_splits",
    "by_interval",
    "join_events",
    "load",
    "read_shd",
    "split",
    "write_shd",
]
