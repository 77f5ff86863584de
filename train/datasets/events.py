"""Labelled spike trains as flat lists of events; samples become dense only when a batch is binned."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.train.datasets.binning import Binned, bin_events, pooled_cells

MAX_CLASSES = 1000  # without class names, a larger label counts as damage, not as a class
MAX_CHANNELS = 65536  # units are uint16 in the file format
EVENTS_AT_ONCE = 2**22  # events checked at a time; bounds temporary arrays
MODES = ("count", "binary")


@dataclass(frozen=True, eq=False)
class SpikeDataset:
    """Samples of spikes, each with a class; sample i has the events ``offsets[i] : offsets[i + 1]``.

    times_s: (events,) float32, seconds from the start of the sample, finite and >= 0.
    units: (events,) uint16, 0..channels - 1; 0 is the highest pitch, as in SHD.
    offsets: (samples + 1,) int64, from 0 to the number of events, non-decreasing.
    labels: (samples,) int64, 0..classes - 1.
    channels: number of input channels of the encoder (SHD: 700).
    keys: names of the classes, empty if the file has none.
    speakers: (samples,) int64, or None if the speakers are unknown.
    name: origin of the data; every error begins with it.
    shape: (C, H, W) of units on two axes, in C order: unit = (channel H + row) W + column; None for a row of units.
    mapped: folder from which the events are memory-mapped, None if they are in memory.

    All arrays are read-only copies or views. Raises DataError if they contradict each other or exceed their ranges.
    """

    times_s: npt.NDArray[np.float32]
    units: npt.NDArray[np.uint16]
    offsets: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    channels: int = 700
    keys: tuple[str, ...] = ()
    speakers: npt.NDArray[np.int64] | None = None
    name: str = "spike data"
    shape: tuple[int, int, int] | None = None
    mapped: Path | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.channels <= MAX_CHANNELS:
            raise DataError(f"{self.name}: channels is {self.channels}, allowed is 1..{MAX_CHANNELS}")
        if self.shape is not None and (len(self.shape) != 3 or min(self.shape) < 1 or math.prod(self.shape) != self.channels):
            raise DataError(
                f"{self.name}: shape is {self.shape}; (channels, height, width) of {self.channels} units together is allowed"
            )
        object.__setattr__(self, "keys", tuple(str(key) for key in self.keys))
        for field, dtype in (("offsets", np.int64), ("labels", np.int64), ("speakers", np.int64)):
            self._freeze(field, dtype, "biu")
        self._check_units()
        self._freeze("units", np.uint16, "biu")
        self._freeze("times_s", np.float32, "f")
        self._check_shapes()
        self._check_times()
        self._check_labels()

    def __len__(self) -> int:
        return int(self.labels.size)

    @property
    def classes(self) -> int:
        """Number of class names, or the highest label + 1 if there are no names."""
        return len(self.keys) or int(self.labels.max(initial=-1)) + 1

    @property
    def durations_s(self) -> npt.NDArray[np.float32]:
        """(samples,) time of each sample's last spike in seconds; 0 if it has no spikes."""
        result = np.zeros(len(self), np.float32)
        filled = np.flatnonzero(np.diff(self.offsets))
        if filled.size:
            # empty samples have no events, so the starts of the others divide the list into exactly their events
            result[filled] = np.maximum.reduceat(self.times_s, self.offsets[filled])
        return result

    def sample(self, index: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint16]]:
        """Times in seconds and units of one sample."""
        (index,) = self._indices([index])
        events = slice(self.offsets[index], self.offsets[index + 1])
        return self.times_s[events], self.units[events]

    def subset(self, indices: npt.ArrayLike) -> SpikeDataset:
        """A new data set of the samples ``indices`` (or the true elements of a boolean mask), in that order."""
        chosen = self._indices(indices)
        lengths = np.diff(self.offsets)[chosen]
        offsets = np.concatenate(([0], np.cumsum(lengths)))
        # event k of the result is event k - offsets[i] of its sample i
        source = np.arange(offsets[-1]) + np.repeat(self.offsets[chosen] - offsets[:-1], lengths)
        return SpikeDataset(
            times_s=self.times_s[source],
            units=self.units[source],
            offsets=offsets,
            labels=self.labels[chosen],
            channels=self.channels,
            keys=self.keys,
            speakers=None if self.speakers is None else self.speakers[chosen],
            name=self.name,
            shape=self.shape,
        )

    def bin(
        self,
        indices: npt.ArrayLike,
        steps: int,
        step_ms: float,
        channels: int | tuple[int, ...],
        mode: str = "count",
        max_count: int = 255,
        *,
        channel_shift: npt.ArrayLike | None = None,
        time_shift_ms: npt.ArrayLike | None = None,
        time_stretch: npt.ArrayLike | None = None,
    ) -> Binned:
        """Frames of the samples ``indices``, (batch, steps, channels) uint8, with the counts of dropped events.

        A spike at t seconds falls into step floor(1000 t / step_ms). ``channels`` pools neighbouring units and must divide
        the number of channels. mode "count" keeps up to ``max_count`` (1..255) spikes per cell, "binary" keeps one.
        For units on two axes ``channels`` is a shape (C, H, W), each a divisor of the data's, and frames are
        (batch, steps, C, H, W). For a row of units a shape is allowed too if all but one of its axes are 1.

        Augmentation, with one number per sample of the batch (or one for all): unit + channel_shift (raw channels, integer),
        1000 t * time_stretch + time_shift_ms. On two axes a channel_shift is (vertical, horizontal), (batch, 2). Events
        outside the frame are dropped and counted in the result.

        Raises DataError for an index, a size, a mode or an augmentation that is not allowed.
        """
        chosen = self._indices(indices)
        if steps < 1 or not np.isfinite(step_ms) or step_ms <= 0:
            raise DataError(f"{self.name}: {steps} steps of {step_ms} ms; at least one step of more than 0 ms is needed")
        pooled = self._pooled(channels)
        if mode not in MODES:
            raise DataError(f"{self.name}: binning mode is {mode!r}, allowed are {' and '.join(MODES)}")
        if not 1 <= max_count <= 255:
            raise DataError(f"{self.name}: max_count is {max_count}, allowed is 1..255 (frames are 8 bit)")
        frames = np.zeros((chosen.size, steps, math.prod(pooled)), np.uint8)
        raw = self.shape or (1, 1, self.channels)
        shift = self._per_sample("channel_shift", channel_shift, 0, chosen.size, pairs=self.shape is not None).astype(np.int64)
        if self.shape is None:
            shift = np.stack((np.zeros_like(shift), shift), axis=1)
        account = bin_events(
            self.times_s,
            self.units,
            self.offsets,
            chosen,
            float(step_ms),
            raw[1],
            raw[2],
            pooled_cells(raw, pooled),
            1 if mode == "binary" else int(max_count),
            shift,
            self._per_sample("time_shift_ms", time_shift_ms, 0.0, chosen.size),
            self._per_sample("time_stretch", time_stretch, 1.0, chosen.size),
            frames,
        )
        return Binned(frames.reshape(*frames.shape[:2], *(channels if isinstance(channels, tuple) else (channels,))), *account)

    def _pooled(self, channels: int | tuple[int, ...]) -> tuple[int, int, int]:
        """``channels`` as (C, H, W); DataError unless the units pool to it."""
        if self.shape is None:
            wanted = math.prod(channels) if isinstance(channels, tuple) else channels
            if isinstance(channels, tuple) and sorted(channels)[:-1] != [1] * (len(channels) - 1):
                raise DataError(
                    f"{self.name}: its units are a row of {self.channels}, asked for is {_by(channels)}; a file whose units "
                    "lie on two axes says so in its root attribute 'shape'"
                )
            if wanted < 1 or self.channels % wanted:
                divisors = ", ".join(str(n) for n in range(1, self.channels + 1) if self.channels % n == 0)
                raise DataError(
                    f"{self.name}: {self.channels} channels do not pool to {wanted}; allowed are its divisors {divisors}"
                )
            return 1, 1, wanted
        if not isinstance(channels, tuple) or len(channels) != 3:
            raise DataError(
                f"{self.name}: its units are {_by(self.shape)}, asked for is a row of {channels}; name data whose units are a "
                f"row, or train with a shape, such as --set data.shape={list(self.shape)}"
            )
        if any(part < 1 or whole % part for whole, part in zip(self.shape, channels, strict=True)):
            raise DataError(
                f"{self.name}: units of {_by(self.shape)} do not pool to {_by(channels)}; a divisor along each axis is allowed"
            )
        return channels[0], channels[1], channels[2]

    def _indices(self, indices: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Checked sample numbers as int64; a boolean mask becomes the indices of its true elements."""
        array = np.atleast_1d(np.asarray(indices))
        if array.dtype.kind == "b" and array.shape == (len(self),):
            array = np.flatnonzero(array)
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise DataError(
                f"{self.name}: sample indices have dtype {array.dtype} and shape {array.shape}; whole numbers are needed"
            )
        if array.size and (array.min() < 0 or array.max() >= len(self)):
            raise DataError(f"{self.name}: sample indices lie in {array.min()}..{array.max()}, allowed is 0..{len(self) - 1}")
        return array.astype(np.int64)

    def _per_sample(self, what: str, values: Any, default: float, size: int, pairs: bool = False) -> npt.NDArray[np.float64]:
        """One finite number, or one pair, per sample, float64; channel shifts must be integers and stretches positive."""
        array = np.asarray(default if values is None else values, dtype=np.float64)
        shape = (size, 2) if pairs else (size,)
        if array.shape not in ((), shape):
            needed = "one pair (vertical, horizontal)" if pairs else "one number"
            raise DataError(f"{self.name}: {what} has shape {array.shape}, needed is {needed} for each of {size} samples")
        if not np.isfinite(array).all():
            raise DataError(f"{self.name}: {what} holds NaN or infinite values")
        if what == "channel_shift" and (array != np.round(array)).any():
            raise DataError(f"{self.name}: channel_shift holds fractions; channels shift by whole numbers")
        if what == "time_stretch" and (array <= 0).any():
            raise DataError(f"{self.name}: time_stretch goes down to {array.min():g}; it must be more than 0")
        return np.ascontiguousarray(np.broadcast_to(array, shape))

    def _freeze(self, field: str, dtype: Any, kinds: str) -> None:
        """Replace a field by a read-only, contiguous array of ``dtype``; DataError if its dtype's kind is not in ``kinds``."""
        value = getattr(self, field)
        if value is None:
            return
        array = np.asarray(value)
        if array.size and array.dtype.kind not in kinds:
            kind = "whole numbers" if "i" in kinds else "floating-point numbers"
            raise DataError(f"{self.name}: {field} has dtype {array.dtype}; {kind} are needed")
        array = np.ascontiguousarray(array, dtype=dtype).view()
        array.setflags(write=False)
        object.__setattr__(self, field, array)

    def _check_shapes(self) -> None:
        """Check that every array is one-dimensional, that lengths agree, and that the offsets cover exactly the events."""
        samples = self.labels.size
        for field in ("times_s", "units", "offsets", "labels", "speakers"):
            value = getattr(self, field)
            if value is not None and value.ndim != 1:
                raise DataError(f"{self.name}: {field} has shape {value.shape}; a list is needed")
        if self.offsets.size != samples + 1:
            raise DataError(f"{self.name}: {self.offsets.size - 1} spike trains but {samples} labels; one label each is needed")
        if self.speakers is not None and self.speakers.size != samples:
            raise DataError(f"{self.name}: {self.speakers.size} speakers but {samples} labels; one speaker each is needed")
        if self.times_s.size != self.units.size:
            raise DataError(
                f"{self.name}: {self.times_s.size} spike times but {self.units.size} units; one unit each is needed"
            )
        if self.offsets[0] != 0 or self.offsets[-1] != self.units.size or (np.diff(self.offsets) < 0).any():
            raise DataError(f"{self.name}: offsets must rise from 0 to the number of events, {self.units.size}")

    def _check_times(self) -> None:
        """Check that times are finite and not negative."""
        # min and max propagate NaN, so valid data needs no temporary arrays
        count, first = 0, 0
        for start in range(0, self.times_s.size, EVENTS_AT_ONCE):
            times = self.times_s[start : start + EVENTS_AT_ONCE]
            if not (times.min() >= 0 and times.max() < np.inf):
                bad = np.flatnonzero(~((times >= 0) & (times < np.inf)))
                first = first if count else start + int(bad[0])
                count += bad.size
        if count:
            raise DataError(
                f"{self.name}: {count} spike times are NaN, infinite or negative (first {self.times_s[first]:g} s in "
                f"sample {self._owner(first)}); times are seconds >= 0: encode the recordings again"
            )

    def _check_units(self) -> None:
        """Check that units lie in 0..channels - 1, before they become uint16, where 65536 would wrap to 0."""
        units = np.asarray(self.units)
        if units.size and units.dtype.kind in "biu":
            check_range(int(units.min()), int(units.max()), self.channels, self.name)

    def _check_labels(self) -> None:
        """Check that labels lie in 0..classes - 1."""
        limit = len(self.keys) or MAX_CLASSES
        if self.labels.size and (self.labels.min() < 0 or self.labels.max() >= limit):
            bad = np.flatnonzero((self.labels < 0) | (self.labels >= limit))
            why = f"it names {limit} classes" if self.keys else "it names no classes"
            raise DataError(
                f"{self.name}: {bad.size} labels are out of range (first {self.labels[bad[0]]} in sample {bad[0]}), allowed is "
                f"0..{limit - 1} since {why}"
            )

    def _owner(self, event: int) -> int:
        """Number of the sample that an event belongs to."""
        return int(np.searchsorted(self.offsets, event, side="right")) - 1


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def check_range(lowest: int, highest: int, channels: int, name: str) -> None:
    """Raise DataError unless units from ``lowest`` to ``highest`` lie in 0..channels - 1."""
    if lowest < 0 or highest >= channels:
        raise DataError(
            f"{name}: units lie in {lowest}..{highest}, allowed is 0..{channels - 1}; a file of another "
            "number of channels says so in its root attribute 'channels'"
        )


def join_events(
    trains: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint16], npt.NDArray[np.int64]]:
    """Concatenate the (times_s, units) of all samples: returns times_s and units (events,), offsets (samples + 1,)."""
    times = [np.asarray(t, np.float32) for t, _ in trains]
    units = [np.asarray(u, np.uint16) for _, u in trains]
    offsets = np.concatenate(([0], np.cumsum([t.size for t in times], dtype=np.int64)))
    return np.concatenate([np.empty(0, np.float32), *times]), np.concatenate([np.empty(0, np.uint16), *units]), offsets
