"""Labelled spike trains as flat lists of events; samples become dense only when a batch is binned."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.reading.bounds import FRAMES_MB, MB
from myelin.train.datasets import checks
from myelin.train.datasets.binning import Binned, Times, Units, bin_events, per_sample, pooled_cells, pooled_shape
from myelin.train.datasets.constructors import Constructors
from myelin.train.datasets.saving import write_npz

MODES = ("count", "binary")
#: What the network answers: a class for a sample, a class for every step, or values for every step.
Task = Literal["classes", "steps", "trace"]


@dataclass(frozen=True, eq=False)
class SpikeDataset(Constructors):
    """Samples of spikes, each with its answer; sample i has the events ``offsets[i] : offsets[i + 1]``.

    times_s: (events,) float32 or float64, seconds from the start of the sample, finite and >= 0.
    units: (events,) uint16, or uint32 above 65536 channels, 0..channels - 1; 0 is the highest pitch, as in SHD.
    offsets: (samples + 1,) int64, from 0 to the number of events, non-decreasing.
    labels: (samples,) int64, 0..classes - 1; with ``targets``, a group of each sample, by which a split can be stratified.
    channels: number of input channels of the encoder (SHD: 700).
    keys: names of the classes, or of the outputs of traces; empty if the file has none.
    speakers: (samples,) int64, or None if the speakers are unknown.
    name: origin of the data; every error begins with it.
    shape: (C, H, W) of units on two axes, in C order: unit = (channel H + row) W + column; None for a row of units.
    mapped: folder from which the events are memory-mapped, None if they are in memory.
    targets: None for one class per sample; (samples, steps) int64, the class of every step, -1 where there is none; or
        (samples, steps, outputs) float32, values that the outputs shall follow.
    counts: (events,) uint8, 1..255 spikes that each event stands for; None for one each.
    steps, step_ms: number of steps of dense data, and their length; needed with ``targets``, which no other binning fits.

    All arrays are read-only copies or views. Raises DataError if they contradict each other or exceed their ranges.
    """

    times_s: Times
    units: Units
    offsets: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    channels: int = 700
    keys: tuple[str, ...] = ()
    speakers: npt.NDArray[np.int64] | None = None
    name: str = "spike data"
    shape: tuple[int, int, int] | None = None
    mapped: Path | None = None
    targets: npt.NDArray[np.int64] | npt.NDArray[np.float32] | None = None
    counts: npt.NDArray[np.uint8] | None = None
    steps: int | None = None
    step_ms: float | None = None

    def __post_init__(self) -> None:
        checks.check_sizes(self)
        object.__setattr__(self, "keys", checks.names_of(self.keys, self.name))
        for field in ("offsets", "labels", "speakers"):
            self._freeze(field, np.int64, "biu")
        checks.check_units(self.units, self.channels, self.name)
        self._freeze("units", checks.unit_dtype(self.channels), "biu")
        if self.counts is not None:
            checks.check_counts(self.counts, self.name)
        self._freeze("counts", np.uint8, "biu")
        self._freeze("times_s", np.float64 if np.asarray(self.times_s).dtype.itemsize > 4 else np.float32, "f")
        if self.targets is not None:
            ndim = np.ndim(self.targets)
            if ndim not in (2, 3):
                raise DataError(
                    f"{self.name}: targets have shape {np.shape(self.targets)}; (samples, steps) labels or (samples, steps, "
                    "outputs) floats are needed"
                )
            self._freeze("targets", np.int64 if ndim == 2 else np.float32, "biu" if ndim == 2 else "f")
        checks.check_lengths(self)
        checks.check_times(self)
        checks.check_labels(self)

    def __repr__(self) -> str:
        units = f"{self.channels} units" if self.shape is None else " x ".join(map(str, self.shape)) + " units"
        answers = {"classes": "classes", "steps": "classes, one for each step", "trace": "outputs to follow"}[self.task]
        parts = [f"{len(self)} samples", f"{self.times_s.size} events", units, f"{self.classes} {answers}"]
        dense = [] if self.steps is None else [f"{self.steps} steps of {self.step_ms:g} ms"]
        return f"SpikeDataset({self.name}: {', '.join(parts + dense)})"

    def __len__(self) -> int:
        return int(self.labels.size)

    @property
    def task(self) -> Task:
        """ "classes": one class per sample; "steps": a class for every step; "trace": values for every step."""
        if self.targets is None:
            return "classes"
        return "steps" if self.targets.ndim == 2 else "trace"

    @property
    def classes(self) -> int:
        """Number of class names, or the highest label + 1 if there are no names; the number of outputs of traces."""
        if self.targets is not None and self.targets.ndim == 3:
            return int(self.targets.shape[2])
        labels = self.labels if self.targets is None else self.targets
        return len(self.keys) or int(labels.max(initial=-1)) + 1

    @property
    def durations_s(self) -> Times:
        """(samples,) time of each sample's last spike in seconds; 0 if it has no spikes."""
        result = np.zeros(len(self), self.times_s.dtype)
        filled = np.flatnonzero(np.diff(self.offsets))
        if filled.size:
            # empty samples have no events, so the starts of the others divide the list into exactly their events
            result[filled] = np.maximum.reduceat(self.times_s, self.offsets[filled])
        return result

    def sample(self, index: int) -> tuple[Times, Units]:
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
        return replace(
            self,
            times_s=self.times_s[source],
            units=self.units[source],
            offsets=offsets,
            labels=self.labels[chosen],
            speakers=None if self.speakers is None else self.speakers[chosen],
            mapped=None,
            targets=None if self.targets is None else self.targets[chosen],
            counts=None if self.counts is None else self.counts[source],
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a ``.npz`` file with every value as it is, completely or not at all; ``load`` reads it.

        Raises DataError if the file cannot be written or is not named ``*.npz``.
        """
        write_npz(self, path)

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

        Data with ``targets`` is binned in their own steps, and its times neither shift nor stretch.

        Raises DataError for an index, a size, a mode or an augmentation that is not allowed.
        """
        chosen = self._indices(indices)
        checks.check_steps(steps, step_ms, self.name)
        pooled = pooled_shape(self.shape, self.channels, channels, self.name)
        if mode not in MODES:
            raise DataError(f"{self.name}: binning mode is {mode!r}, allowed are {' and '.join(MODES)}")
        if not 1 <= max_count <= 255:
            raise DataError(f"{self.name}: max_count is {max_count}, allowed is 1..255 (frames are 8 bit)")
        raw, size, on_axes = self.shape or (1, 1, self.channels), chosen.size, self.shape is not None
        shift = per_sample("channel_shift", channel_shift, 0, size, self.name, pairs=on_axes).astype(np.int64)
        if self.shape is None:
            shift = np.stack((np.zeros_like(shift), shift), axis=1)
        shift_ms = per_sample("time_shift_ms", time_shift_ms, 0.0, size, self.name)
        stretch = per_sample("time_stretch", time_stretch, 1.0, size, self.name)
        if self.targets is not None:
            self._check_steps_of_targets(steps, step_ms, moves=bool(shift_ms.any() or (stretch != 1).any()))
        cells = math.prod(pooled)
        needed = size * int(steps) * cells
        if needed > FRAMES_MB.bytes:
            raise DataError(
                f"{self.name}: frames of {size} samples, {steps} steps and {cells} channels take {needed // MB} MB; "
                f"use fewer at a time, or allow more with {FRAMES_MB.variable}={-(-needed // MB)}"
            )
        frames = np.zeros((size, steps, math.prod(pooled)), np.uint8)
        account = bin_events(
            self.times_s,
            self.units,
            self.counts,
            self.offsets,
            chosen,
            float(step_ms),
            raw[1],
            raw[2],
            pooled_cells(raw, pooled),
            1 if mode == "binary" else int(max_count),
            shift,
            shift_ms,
            stretch,
            frames,
        )
        return Binned(frames.reshape(*frames.shape[:2], *(channels if isinstance(channels, tuple) else (channels,))), *account)

    def _check_steps_of_targets(self, steps: int, step_ms: float, moves: bool) -> None:
        """Raise DataError unless frames of ``steps`` steps of ``step_ms`` are those of the targets, and nothing ``moves``."""
        assert self.steps is not None and self.step_ms is not None
        if steps != self.steps or not math.isclose(step_ms, self.step_ms, rel_tol=1e-9):
            raise DataError(
                f"{self.name}: has a target for each of {self.steps} steps of {self.step_ms:g} ms, asked for are {steps} "
                f"of {step_ms:g} ms; set steps (data.steps) to {self.steps} and step_ms (data.step_ms) to {self.step_ms:g}"
            )
        if moves:
            raise DataError(
                f"{self.name}: has a target for each step, and a time shift or stretch would move the spikes away from them; "
                "set augment.time_shift_ms and augment.time_stretch to 0"
            )

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


def join_events(trains: Sequence[tuple[npt.ArrayLike, npt.ArrayLike]]) -> tuple[Times, Units, npt.NDArray[np.int64]]:
    """Concatenate the (times_s, units) of all samples: returns times_s and units (events,), offsets (samples + 1,).

    Times are float64 if one of the lists of times is a float64 array, else float32; units are uint32 if one exceeds 65535,
    else uint16.
    """
    wide = any(isinstance(t, np.ndarray) and t.dtype == np.float64 for t, _ in trains)
    times = [np.asarray(t, np.float64 if wide else np.float32) for t, _ in trains]
    units = [np.asarray(u) for _, u in trains]
    offsets = np.concatenate(([0], np.cumsum([t.size for t in times], dtype=np.int64)))
    joined = np.concatenate([np.empty(0, np.uint16), *(u for u in units if u.size)])
    if joined.dtype.kind in "iu" and (not joined.size or joined.min() >= 0):  # others are refused by the data set
        joined = joined.astype(checks.unit_dtype(int(joined.max(initial=0)) + 1))
    return np.concatenate([np.empty(0, np.float64 if wide else np.float32), *times]), joined, offsets
