"""Encoding of the intervals between a channel's spikes as channels, which preserves timing finer than a step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numba
import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.train.datasets.binning import Times, Units
from myelin.train.datasets.checks import MAX_CHANNELS, unit_dtype
from myelin.train.datasets.events import SpikeDataset


def by_interval(dataset: SpikeDataset, edges_ms: Sequence[float]) -> SpikeDataset:
    """A data set in which each spike moves to a copy of its channel, chosen by the interval since the channel's previous spike.

    Args:
        dataset: a row of N units; the times of each sample are in ascending order.
        edges_ms: K increasing edges in milliseconds; without edges ``dataset`` itself is returned.

    Returns:
        Units of shape (K + 1, 1, N): spike i of unit n moves to plane ``k = #(edges <= interval)``, unit ``k N + n``; the first
        spike of a unit moves to plane K.  Times, labels and the number of spikes do not change.

    A step of 10 or 20 ms loses the position of spikes in the step, and with it the pitch and the lowest formant, to which the
    channels lock.  Intervals preserve them as rates of planes; changes of speed and shifts do not change the intervals.
    Source of the idea: Ghitza 1994, ensemble interval histogram; the auditory nerve's intervals, Cariani & Delgutte 1996.

    Raises:
        DataError: units on two axes, too many of them, or times out of order.
    """
    if not len(edges_ms):
        return dataset
    if dataset.shape is not None:
        raise DataError(f"{dataset.name}: units lie on two axes; intervals are split for units in a row")
    planes = len(edges_ms) + 1
    if planes * dataset.channels > MAX_CHANNELS:
        raise DataError(f"{dataset.name}: {planes} planes of {dataset.channels} units; {MAX_CHANNELS} units in all are allowed")
    units = np.empty(dataset.units.size, unit_dtype(planes * dataset.channels))
    edges_s = np.asarray(edges_ms, np.float64) / 1000
    wrong = _split(dataset.times_s, dataset.units, dataset.offsets, dataset.channels, edges_s, units)
    if wrong >= 0:
        raise DataError(
            f"{dataset.name}: the times of sample {wrong} are out of order; write the file again with each sample's spikes "
            "in the order of time"
        )
    shape = (planes, 1, dataset.channels)
    return replace(dataset, units=units, channels=planes * dataset.channels, shape=shape)


@numba.njit(cache=True, nogil=True)
def _split(
    times_s: Times,
    units: Units,
    offsets: npt.NDArray[np.int64],
    channels: int,
    edges_s: npt.NDArray[np.float64],
    result: Units,
) -> int:
    """Write the new units to ``result``; returns the first sample whose times decrease, or -1."""
    last = np.empty(channels)
    for sample in range(offsets.size - 1):
        last[:] = -np.inf
        for i in range(offsets[sample], offsets[sample + 1]):
            if i > offsets[sample] and times_s[i] < times_s[i - 1]:
                return sample
            unit, time = np.int64(units[i]), np.float64(times_s[i])
            interval = time - last[unit]
            plane = 0
            while plane < edges_s.size and interval >= edges_s[plane]:
                plane += 1
            last[unit] = time
            result[i] = plane * channels + unit
    return -1
