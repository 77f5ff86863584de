"""Binning of events to frames in one numba pass: count[b, step, cell] of the spikes in one step and one pooled cell."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError

#: Times of events: float32 or float64.
Times = npt.NDArray[np.floating[Any]]
#: Units of events: uint16, or uint32 above 65536 channels.
Units = npt.NDArray[np.unsignedinteger[Any]]


class Binned(NamedTuple):
    """Frames, and counts that account for every spike: frames.sum() + late + early + off_channel + clipped == events.

    frames: (batch, steps, channels) or (batch, steps, C, H, W) uint8, spikes per step and pooled channel.
    events: number of spikes of the chosen samples.
    late, early: numbers of spikes after the end of the window, and of spikes that a time shift moved before its start.
    off_channel: number of spikes that a channel shift moved beyond the first or last channel, or beyond an edge of two axes.
    clipped: number of spikes dropped because their count had reached ``max_count``.
    """

    frames: npt.NDArray[np.uint8]
    events: int
    late: int
    early: int
    off_channel: int
    clipped: int


def pooled_shape(
    shape: tuple[int, int, int] | None, units: int, channels: int | tuple[int, ...], name: str
) -> tuple[int, int, int]:
    """``channels`` as (C, H, W); DataError unless ``units`` units of ``shape`` pool to it."""
    if shape is None:
        wanted = math.prod(channels) if isinstance(channels, tuple) else channels
        if isinstance(channels, tuple) and sorted(channels)[:-1] != [1] * (len(channels) - 1):
            raise DataError(
                f"{name}: its units are a row of {units}, asked for is {_by(channels)}; a file whose units "
                "lie on two axes says so in its root attribute 'shape'"
            )
        if wanted < 1 or units % wanted:
            raise DataError(f"{name}: {units} channels do not pool to {wanted}; allowed are its divisors {_divisors(units)}")
        return 1, 1, wanted
    if not isinstance(channels, tuple) or len(channels) != 3:
        raise DataError(
            f"{name}: its units are {_by(shape)}, asked for is a row of {channels}; name data whose units are a "
            f"row, or train with a shape, such as --set data.shape={list(shape)}"
        )
    if any(part < 1 or whole % part for whole, part in zip(shape, channels, strict=True)):
        raise DataError(f"{name}: units of {_by(shape)} do not pool to {_by(channels)}; a divisor along each axis is allowed")
    return channels[0], channels[1], channels[2]


def pooled_cells(shape: tuple[int, int, int], pooled: tuple[int, int, int]) -> npt.NDArray[np.int64]:
    """(units,) index of each unit's pooled cell; units of ``shape`` (C, H, W) and cells of ``pooled`` are in C order."""
    places = np.indices(shape).reshape(3, -1)
    factors = np.array([whole // part for whole, part in zip(shape, pooled, strict=True)])
    return np.ravel_multi_index(tuple(places // factors[:, None]), pooled).astype(np.int64)


def per_sample(what: str, values: Any, default: float, size: int, name: str, pairs: bool = False) -> npt.NDArray[np.float64]:
    """One finite number, or one pair, per sample, float64; channel shifts must be integers and stretches positive."""
    array = np.asarray(default if values is None else values, dtype=np.float64)
    shape = (size, 2) if pairs else (size,)
    if array.shape not in ((), shape):
        needed = "one pair (vertical, horizontal)" if pairs else "one number"
        raise DataError(f"{name}: {what} has shape {array.shape}, needed is {needed} for each of {size} samples")
    if not np.isfinite(array).all():
        raise DataError(f"{name}: {what} holds NaN or infinite values")
    if what == "channel_shift" and (array != np.round(array)).any():
        raise DataError(f"{name}: channel_shift holds fractions; channels shift by whole numbers")
    if what == "time_stretch" and (array <= 0).any():
        raise DataError(f"{name}: time_stretch goes down to {array.min():g}; it must be more than 0")
    return np.ascontiguousarray(np.broadcast_to(array, shape))


#: Steps are shorter by this share, so that a time at the very start of a step is in it, however 1000 t and the division round.
_ROUNDED = 2.0**-50


@numba.njit(cache=True, nogil=True)
def bin_events(
    times_s: Times,
    units: Units,
    counts: npt.NDArray[np.uint8] | None,
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

    step = floor((1000 t stretch[b] + shift_ms[b]) / step_ms)    in double precision, its rounding allowed for
    cell = cells[unit + shift[b, 0] width + shift[b, 1]]         if the shifted row and column stay within height and width

    t is in seconds; unit = (channel height + row) width + column, where a row of N units has height 1 and width N.  An event
    stands for ``counts`` spikes, or for one if that is None.  shift (batch, 2) is vertical and horizontal; stretch and
    shift_ms are (batch,); frames are (batch, steps, cells).
    """
    events = late = early = off_channel = clipped = 0
    steps = frames.shape[1]
    shorter = step_ms * (1.0 - _ROUNDED)
    count = 1
    for b in range(indices.size):
        sample = indices[b]
        scale = 1000.0 * time_stretch[b]
        down, right = shift[b, 0], shift[b, 1]
        for i in range(offsets[sample], offsets[sample + 1]):
            if counts is not None:  # decided when numba compiles
                count = int(counts[i])
            events += count
            unit = np.int64(units[i])
            if down != 0 or right != 0:
                row, column = unit // width % height + down, unit % width + right
                if row < 0 or row >= height or column < 0 or column >= width:
                    off_channel += count
                    continue
                unit += down * width + right
            cell = cells[unit]
            # compared as a float: the step of a time of 1e30 s exceeds an integer
            position = (np.float64(times_s[i]) * scale + time_shift_ms[b]) / shorter
            if position < 0.0:
                early += count
            elif position >= steps:
                late += count
            elif counts is not None:
                kept = min(count, max_count - int(frames[b, np.int64(position), cell]))
                frames[b, np.int64(position), cell] += kept
                clipped += count - kept
            elif frames[b, np.int64(position), cell] >= max_count:
                clipped += 1
            else:
                frames[b, np.int64(position), cell] += 1
    return events, late, early, off_channel, clipped


@numba.njit(cache=True, nogil=True)
def mean_times(times_s: Times, offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """(samples,) mean time of each sample's events in seconds, 0 if it has none; sums in double precision, in order."""
    result = np.zeros(offsets.size - 1)
    for sample in range(result.size):
        total = 0.0
        for i in range(offsets[sample], offsets[sample + 1]):
            total += times_s[i]
        if offsets[sample + 1] > offsets[sample]:
            result[sample] = total / (offsets[sample + 1] - offsets[sample])
    return result


def _divisors(number: int) -> str:
    """Divisors of ``number``, in order; those between the first and last ten are left out."""
    low = [n for n in range(1, math.isqrt(number) + 1) if number % n == 0]
    divisors = [str(n) for n in sorted({*low, *(number // n for n in low)})]
    return ", ".join(divisors if len(divisors) <= 24 else [*divisors[:10], "...", *divisors[-10:]])


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
