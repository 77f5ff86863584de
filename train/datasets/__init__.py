"""Data sets of spikes: from arrays, events or torch (`SpikeDataset.from_dense` ...), read (`load`, `read_shd`, `read_idx`,
`read_ecg`), split, binned (`SpikeDataset.bin`), written (`SpikeDataset.save`, `write_shd`)."""

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401
from myelin.train.datasets.binning import Binned
from myelin.train.datasets.ecg import read_ecg
from myelin.train.datasets.events import SpikeDataset, join_events
from myelin.train.datasets.idx import read_idx
from myelin.train.datasets.intervals import by_interval
from myelin.train.datasets.mapped import Storage
from myelin.train.datasets.registry import BUILTIN, SPLITS, available_splits, load, with_time_unit
from myelin.train.datasets.shd import read_shd, write_shd
from myelin.train.datasets.splits import drawn_samples, speaker_overlap, split
from myelin.train.datasets.time_units import check_window

__all__ = [
    "BUILTIN",
    "SPLITS",
    "Binned",
    "SpikeDataset",
    "Storage",
    "available_splits",
    "by_interval",
    "check_window",
    "drawn_samples",
    "join_events",
    "load",
    "read_ecg",
    "read_idx",
    "read_shd",
    "speaker_overlap",
    "split",
    "with_time_unit",
    "write_shd",
]
