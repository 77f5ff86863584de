"""Binning of events to frames in one numba pass: count[b, step, cell] of the spikes in one step and one pooled cell."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt


class Binned(NamedTuple):
    """Frames, and counts that account for every event: frames.sum() + late + early + off_channel + clipped == events.

    frames: (batch, steps, channels) or (batch, steps, C, H, W) uint8, spikes per step and pooled channel.
    events: number of events of the chosen samples.
    late, early: numbers of events after the end of the window, and of events that a time shift moved before its start.
    off_channel: number of events that a channel shift moved beyond the first or last channel, or beyond an edge of two axes.
    clipped: number of events dropped because their count had reached ``max_count``.
    """

    frames: npt.NDArray[np.uint8]
    events: int
    late: int
    early: int
    off_channel: int
    clipped: int


def pooled_cells(shape: tuple[int, int, int], pooled: tuple[int, int, int]) -> npt.NDArray[np.int64]:
    """(units,) index of each unit's pooled cell; units of ``shape`` (C, H, W) and cells of ``pooled`` are in C order."""
    places = np.indices(shape).reshape(3, -1)
    factors = np.array([whole // part for whole, part in zip(shape, pooled, strict=True)])
    return np.ravel_multi_index(tuple(places // factors[:, None]), pooled).astype(np.int64)


@numba.njit(cache=True, nogil=True)
def bin_events(
    times_s: npt.NDArray[np.float32],
    units: npt.NDArray[np.uint16],
    offsets: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int64],
    step_ms: float,
    height: int,
    width: int,
    cells: npt.NDArray[np.int64],
    max_count: int,
    shift: npt.NDArray[np.int64],
    time_shift_ms: npt.NDArray[np.float64],
    time_stretch: npt.NDArray[np.float64],
    frames: npt.NDArray[np.uint8],
) -> tuple[int, int, int, int, int]:
    """Add the events of samples ``indices`` to ``frames`` (zeros on entry), in place, and return the five sums of `Binned`.

    step = floor((1000 t stretch[b] + shift_ms[b]) / step_ms)    in double precision
    cell = cells[unit + shift[b, 0] width + shift[b, 1]]         if the shifted row and column stay within height and width

    t is in seconds; unit = (channel height + row) width + column, where a row of N units has height 1 and width N.  shift
    (batch, 2) is vertical and horizontal; stretch and shift_ms are (batch,); frames are (batch, steps, cells).
    """
    events = late = early = off_channel = clipped = 0
    steps = frames.shape[1]
    for b in range(indices.size):
        sample = indices[b]
        scale = 1000.0 * time_stretch[b]
        down, right = shift[b, 0], shift[b, 1]
        for i in range(offsets[sample], offsets[sample + 1]):
            events += 1
            unit = np.int64(units[i])
            if down != 0 or right != 0:
                row, column = unit // width % height + down, unit % width + right
                if row < 0 or row >= height or column < 0 or column >= width:
                    off_channel += 1
                    continue
                unit += down * width + right
            cell = cells[unit]
            # compared as a float: the step of a time of 1e30 s exceeds an integer
            position = (np.float64(times_s[i]) * scale + time_shift_ms[b]) / step_ms
            if position < 0.0:
                early += 1
            elif position >= steps:
                late += 1
            elif frames[b, np.int64(position), cell] >= max_count:
                clipped += 1
            else:
                frames[b, np.int64(position), cell] += 1
    return events, late, early, off_channel, clipped


@numba.njit(cache=True, nogil=True)
def mean_times(times_s: npt.NDArray[np.float32], offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(samples,) mean time of each sample's spikes in seconds, 0 if it has none; sums in double precision, in order."""
    result = np.zeros(offsets.size - 1)
    for sample in range(result.size):
        total = 0.0
        for i in range(offsets[sample], offsets[sample + 1]):
            total += times_s[i]
        if offsets[sample + 1] > offsets[sample]:
            result[sample] = total / (offsets[sample + 1] - offsets[sample])
    return result
