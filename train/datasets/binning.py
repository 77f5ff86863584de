"""Events to frames: count[b, step, channel] of the spikes that fall into one step and one pooled channel, in one numba pass."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt


class Binned(NamedTuple):
    """Frames and the account of every event: frames.sum() + late + early + off_channel + clipped == events.

    frames: (batch, steps, channels) uint8, spikes per step and pooled channel.
    events: how many events the chosen samples hold.
    late, early: events past the end of the window, or moved before its start by a time shift.
    off_channel: events that a channel shift moved beyond the first or last channel.
    clipped: events that would have raised a count above ``max_count``.
    """

    frames: npt.NDArray[np.uint8]
    events: int
    late: int
    early: int
    off_channel: int
    clipped: int


@numba.njit(cache=True, nogil=True)
def bin_events(
    times_s: npt.NDArray[np.float32],
    units: npt.NDArray[np.uint16],
    offsets: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int64],
    step_ms: float,
    raw_channels: int,
    pool: int,
    max_count: int,
    channel_shift: npt.NDArray[np.int64],
    time_shift_ms: npt.NDArray[np.float64],
    time_stretch: npt.NDArray[np.float64],
    frames: npt.NDArray[np.uint8],
) -> tuple[int, int, int, int, int]:
    """Add the events of samples ``indices`` to ``frames`` (zeros on entry) and return the five sums of `Binned`.

    step    = floor((1000 t stretch[b] + shift_ms[b]) / step_ms)      in double precision
    channel = floor((unit + channel_shift[b]) / pool)                 unit + channel_shift within 0..raw_channels - 1

    t in seconds; stretch, shift_ms and channel_shift have one value a sample of the batch.
    """
    events = late = early = off_channel = clipped = 0
    steps = frames.shape[1]
    for b in range(indices.size):
        sample = indices[b]
        scale = 1000.0 * time_stretch[b]
        for i in range(offsets[sample], offsets[sample + 1]):
            events += 1
            unit = np.int64(units[i]) + channel_shift[b]
            if unit < 0 or unit >= raw_channels:
                off_channel += 1
                continue
            # compared as a float: a time of 1e30 s has no integer step to compare
            position = (np.float64(times_s[i]) * scale + time_shift_ms[b]) / step_ms
            if position < 0.0:
                early += 1
            elif position >= steps:
                late += 1
            elif frames[b, np.int64(position), unit // pool] >= max_count:
                clipped += 1
            else:
                frames[b, np.int64(position), unit // pool] += 1
    return events, late, early, off_channel, clipped
