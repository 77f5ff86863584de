"""Checks of a data set's arrays at its construction; every error begins with the name of the data."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.argument_checks import is_integer, is_number, shown
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.train.datasets.events import SpikeDataset

MAX_CLASSES = 1000  # without class names, a larger label counts as damage, not as a class
MAX_CHANNELS = 2**31 - 1
EVENTS_AT_ONCE = 2**22  # events checked at a time; bounds temporary arrays
_MOST_NAMES = 100_000  # of classes; the largest sets of pictures have some 20,000


def unit_dtype(channels: int) -> np.dtype[np.uint16] | np.dtype[np.uint32]:
    """The smallest dtype of units of ``channels`` channels: uint16 up to 65536, else uint32."""
    return np.dtype(np.uint16) if channels <= np.iinfo(np.uint16).max + 1 else np.dtype(np.uint32)


def check_sizes(data: SpikeDataset) -> None:
    """Check the channels, their shape, and the steps of dense data."""
    if not is_integer(data.channels) or not 1 <= data.channels <= MAX_CHANNELS:
        raise DataError(f"{data.name}: channels is {shown(data.channels)}, allowed is 1..{MAX_CHANNELS}")
    shape = None if data.shape is None else whole_shape(data.shape, data.name)
    if shape is not None and (len(shape) != 3 or min(shape) < 1 or math.prod(shape) != data.channels):
        raise DataError(
            f"{data.name}: shape is {shape}; (channels, height, width) of {data.channels} units together is allowed"
        )
    if (data.steps is None) != (data.step_ms is None):
        raise DataError(f"{data.name}: steps is {data.steps}, step_ms is {data.step_ms}; both or neither are needed")
    if data.steps is not None and data.step_ms is not None:
        check_steps(data.steps, data.step_ms, data.name)


def check_steps(steps: int, step_ms: float, name: str) -> None:
    """Raise DataError unless there is at least one step, of more than 0 ms."""
    if not _whole(steps):
        raise DataError(f"{name}: steps is {steps!r}; an integer of at least 1 is allowed")
    if not is_number(step_ms):
        raise DataError(f"{name}: step_ms is {step_ms!r}; a number of milliseconds above 0 is allowed")
    if steps < 1 or not np.isfinite(step_ms) or step_ms <= 0:
        raise DataError(f"{name}: {steps} steps of {step_ms} ms; at least one step of more than 0 ms is needed")


def _whole(value: object) -> bool:
    """Whether ``value`` is a whole number, of any type of numbers but bool."""
    return is_number(value) and value == value // 1


def whole_shape(shape: object, name: str) -> tuple[int, ...]:
    """``shape`` as integers; DataError if it is no tuple of whole numbers."""
    axes = tuple(shape) if isinstance(shape, Iterable) and not isinstance(shape, str) else ()
    if not axes or not all(_whole(size) for size in axes):
        raise DataError(f"{name}: shape is {shape!r}; a tuple of integers is allowed: (channels,) or (channels, height, width)")
    return tuple(int(size) for size in axes)


def check_lengths(data: SpikeDataset) -> None:
    """Check that every array is one-dimensional, that lengths agree, and that the offsets cover exactly the events."""
    samples = data.labels.size
    for field in ("times_s", "units", "offsets", "labels", "speakers", "counts"):
        value = getattr(data, field)
        if value is not None and value.ndim != 1:
            raise DataError(f"{data.name}: {field} has shape {value.shape}; a list is needed")
    if data.offsets.size != samples + 1:
        raise DataError(f"{data.name}: {data.offsets.size - 1} spike trains but {samples} labels; one label each is needed")
    if data.speakers is not None and data.speakers.size != samples:
        raise DataError(f"{data.name}: {data.speakers.size} speakers but {samples} labels; one speaker each is needed")
    if data.times_s.size != data.units.size:
        raise DataError(f"{data.name}: {data.times_s.size} spike times but {data.units.size} units; one unit each is needed")
    if data.counts is not None and data.counts.size != data.units.size:
        raise DataError(f"{data.name}: {data.counts.size} counts but {data.units.size} units; one count each is needed")
    if data.offsets[0] != 0 or data.offsets[-1] != data.units.size or (np.diff(data.offsets) < 0).any():
        raise DataError(f"{data.name}: offsets must rise from 0 to the number of events, {data.units.size}")


def check_times(data: SpikeDataset) -> None:
    """Check that times are finite and not negative."""
    # min and max propagate NaN, so valid data needs no temporary arrays
    count, first = 0, 0
    for start in range(0, data.times_s.size, EVENTS_AT_ONCE):
        times = data.times_s[start : start + EVENTS_AT_ONCE]
        if not (times.min() >= 0 and times.max() < np.inf):
            bad = np.flatnonzero(~((times >= 0) & (times < np.inf)))
            first = first if count else start + int(bad[0])
            count += bad.size
    if count:
        raise DataError(
            f"{data.name}: {count} spike times are NaN, infinite or negative (first {data.times_s[first]:g} s in "
            f"sample {_owner(data, first)}); times are seconds >= 0: encode the recordings again"
        )


def check_units(units: npt.ArrayLike, channels: int, name: str) -> None:
    """Check that units lie in 0..channels - 1, before a cast, in which 65536 would wrap to 0."""
    array = np.asarray(units)
    if array.size and array.dtype.kind in "biu":
        check_range(int(array.min()), int(array.max()), channels, name)


def check_range(lowest: int, highest: int, channels: int, name: str) -> None:
    """Raise DataError unless units from ``lowest`` to ``highest`` lie in 0..channels - 1."""
    if lowest < 0 or highest >= channels:
        raise DataError(
            f"{name}: units lie in {lowest}..{highest}, allowed is 0..{channels - 1}; a file of another "
            "number of channels says so in its root attribute 'channels'"
        )


def check_counts(counts: npt.ArrayLike, name: str) -> None:
    """Check that counts of events lie in 1..255, before they become uint8."""
    array = np.asarray(counts)
    if array.size and array.dtype.kind in "biu" and (array.min() < 1 or array.max() > 255):
        raise DataError(f"{name}: counts lie in {array.min()}..{array.max()}, allowed is 1..255 (frames are 8 bit)")


def check_labels(data: SpikeDataset) -> None:
    """Check that the labels, and those of the steps, lie in 0..classes - 1, and that the targets fit the samples."""
    limit = (len(data.keys) if data.task == "classes" else 0) or MAX_CLASSES
    why = f"it names {limit} classes" if data.keys else "it names no classes"
    if data.labels.size and (data.labels.min() < 0 or data.labels.max() >= limit):
        bad = np.flatnonzero((data.labels < 0) | (data.labels >= limit))
        raise DataError(
            f"{data.name}: {bad.size} labels are out of range (first {data.labels[bad[0]]} in sample {bad[0]}), allowed is "
            f"0..{limit - 1} since {why}"
        )
    if data.targets is not None:
        _check_targets(data, data.targets)


def _check_targets(data: SpikeDataset, targets: npt.NDArray[np.int64] | npt.NDArray[np.float32]) -> None:
    samples, shape = data.labels.size, targets.shape
    if data.steps is None:
        raise DataError(f"{data.name}: has targets for every step, but no steps; say steps and step_ms")
    if shape[:2] != (samples, data.steps):
        raise DataError(
            f"{data.name}: targets have shape {shape}; one for each of {data.steps} steps of {samples} samples is needed"
        )
    if data.task == "trace":
        if data.keys and len(data.keys) != shape[2]:
            raise DataError(
                f"{data.name}: names {len(data.keys)} outputs but its traces have {shape[2]}; one name each is needed"
            )
        finite = np.isfinite(targets).reshape(samples, -1).all(axis=1)
        if not finite.all():
            failed, first = int((~finite).sum()), int(np.argmin(finite))
            raise DataError(
                f"{data.name}: the traces of {failed} samples hold NaN or infinite values (first sample {first}); "
                "finite values are needed"
            )
        return
    limit = len(data.keys) or MAX_CLASSES
    if targets.size and (targets.min() < -1 or targets.max() >= limit):
        bad = np.argwhere((targets < -1) | (targets >= limit))
        sample, step = bad[0]
        raise DataError(
            f"{data.name}: {len(bad)} labels of steps are out of range (first {targets[sample, step]} at step {step} of sample "
            f"{sample}), allowed is -1 (no label) or 0..{limit - 1}"
        )


def _owner(data: SpikeDataset, event: int) -> int:
    """Number of the sample that an event belongs to."""
    return int(np.searchsorted(data.offsets, event, side="right")) - 1


def names_of(keys: object, name: str) -> tuple[str, ...]:
    """Names of classes as texts; DataError if ``keys`` is one text, or no list."""
    if isinstance(keys, str | bytes) or not isinstance(keys, Iterable):
        raise DataError(f"{name}: keys is {shown(keys)}; a list of the names of the classes is allowed, such as ['yes', 'no']")
    return tuple(str(key) for key in keys)


def check_names(count: int, what: str) -> None:
    """Raise DataError if there are more names of classes than any data set has: each takes some hundred bytes."""
    if count > _MOST_NAMES:
        raise DataError(f"{what} names {count} classes; at most {_MOST_NAMES} are allowed: it is damaged, or no list of names")
