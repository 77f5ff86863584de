"""SHA-256 of data and parameters, by which runs are told apart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np

from myelin.train.datasets import SpikeDataset


def fingerprint(dataset: SpikeDataset) -> str:
    """SHA-256 over all events, labels and targets; tells whether a resumed run sees the same data."""
    shape = np.array(dataset.shape or (), np.int64)
    more: list[np.ndarray] = [] if dataset.targets is None else [np.array(dataset.targets.shape), dataset.targets]
    more += [] if dataset.counts is None else [dataset.counts]
    return digest((dataset.times_s, dataset.units, dataset.offsets, dataset.labels, shape, *more))


def digest(arrays: Iterable[np.ndarray]) -> str:
    """SHA-256 over the values of ``arrays``."""
    result = hashlib.sha256()
    for values in arrays:
        result.update(np.ascontiguousarray(values).data)
    return result.hexdigest()
