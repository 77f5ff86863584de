"""The samples of a configuration as a run trains on them."""

from __future__ import annotations

from dataclasses import replace

from myelin.train.config.data import DataConfig
from myelin.train.datasets.events import SpikeDataset
from myelin.train.datasets.intervals import by_interval
from myelin.train.datasets.targets import unlabelled_as


def prepared(dataset: SpikeDataset, data: DataConfig) -> SpikeDataset:
    """``dataset`` with its spikes split by intervals, and steps without a label as ``data`` takes them."""
    dataset = by_interval(dataset, data.intervals_ms)
    return replace(dataset, targets=unlabelled_as(dataset.targets, data.unlabelled))
