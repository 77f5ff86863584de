"""Samples of a data file as the input of a network: split, binning and lost events.  Needs neither torch nor Lava."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.convert.network import Network
    from myelin.train.datasets import SpikeDataset

#: Largest count in a frame: frames have 8 bits (``myelin.train.datasets``), whatever message bits an input has.
MAX_COUNT = 255
#: Kind of the answer to a sample: one class, one class for each step, or a trace of numbers.
Task = Literal["classes", "steps", "trace"]
#: Default split, in order of preference: data that no choice was made on comes first.
PREFERRED_SPLITS = ("test", "valid")


@dataclass(frozen=True)
class Binning:
    """Conversion of spikes to frames: ``steps`` of ``step_ms`` milliseconds, ``channels`` pooled, counts in ``message_bits``.

    ``intervals_ms``: edges of the intervals that split spikes into planes (``myelin.train.datasets.intervals``), none by
    default. ``shape``: pooled (channels, height, width) of units on two axes; None for units on one axis.
    """

    steps: int
    step_ms: float
    channels: int
    message_bits: int
    shape: tuple[int, ...] | None = None
    intervals_ms: tuple[float, ...] = ()

    @classmethod
    def from_dict(cls, values: Any, where: str) -> Binning:
        """Read a configuration's data section or a manifest's entry; raises DataError if a value is missing or wrong."""
        try:
            steps, step_ms, channels, bits = (values[name] for name in ("steps", "step_ms", "channels", "message_bits"))
            shape = values.get("shape")  # older files have neither shape nor intervals
            edges = tuple(float(edge) for edge in values.get("intervals_ms", ()))
            if shape is None:
                return cls(int(steps), float(step_ms), int(channels), int(bits), None, edges)
            axes = tuple(int(size) for size in shape)
            return cls(int(steps), float(step_ms), math.prod(axes), int(bits), axes, edges)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"{type(error).__name__}: {error}"
            raise DataError(f"{where} does not say how spikes become frames ({reason}); export the run again") from error

    @property
    def max_count(self) -> int:
        """Largest count of a channel in a step; larger counts are clipped."""
        return min(MAX_COUNT, (1 << self.message_bits) - 1) if self.message_bits else 1

    def as_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return {**asdict(self), "max_count": self.max_count}


def binning_of(network: Network, steps: int, step_ms: float) -> Binning:
    """The binning that gives frames for the input of ``network`` from data of the same units."""
    shape = network.input.shape
    return Binning(steps, step_ms, math.prod(shape), network.input.message_bits, shape if len(shape) == 3 else None)


@dataclass(frozen=True, eq=False)
class Samples:
    """A split of a data set with its binning.

    Attributes:
        dataset: the samples.
        binning: conversion of spikes to frames.
        split: ``train``, ``valid``, ``test``, or ``all`` for a file without splits.
        lost: reason -> events that did not fit the frames made so far; ``events`` -> all events read for them.
    """

    dataset: SpikeDataset
    binning: Binning
    split: str
    lost: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(samples,) classes."""
        return self.dataset.labels

    def frames(self, indices: npt.ArrayLike, *, count_lost: bool = True) -> npt.NDArray[np.uint8]:
        """Spike counts (batch, steps, *input shape) of the samples ``indices``; ``count_lost``: add lost events to ``lost``."""
        plan = self.binning
        mode = "count" if plan.message_bits else "binary"
        binned = self.dataset.bin(indices, plan.steps, plan.step_ms, plan.shape or plan.channels, mode, plan.max_count)
        if count_lost:
            self.lost.update({name: value for name, value in binned._asdict().items() if name != "frames"})
        return binned.frames

    def chunks(self, size: int) -> Iterator[slice]:
        """All samples in order, as slices of at most ``size``."""
        for start in range(0, len(self), size):
            yield slice(start, min(start + size, len(self)))

    def events_not_in_frames(self) -> dict[str, int]:
        """Number of events read so far, and of those that did not fit, by reason."""
        return {name: int(self.lost[name]) for name in ("events", "late", "early", "off_channel", "clipped")}


def open_samples(
    source: str | os.PathLike[str],
    binning: Binning,
    *,
    split: str | None = None,
    classes: int | None = None,
    keys: Sequence[str] = (),
) -> Samples:
    """Samples of ``source`` for a network with ``classes`` classes named ``keys``.

    Args:
        source: a built-in data set's name, a folder, or a file of the SHD format.
        binning: conversion of spikes to frames.
        split: ``train``, ``valid`` or ``test``; None for ``test``, else ``valid``, else all samples.
        classes: number of the network's classes; None if unknown.
        keys: names of the classes; () if unknown.

    Raises:
        DataError: no such data, labels beyond the network's classes, different names of classes, or channels that cannot be
            pooled to those of the network.
    """
    from myelin.train.datasets import available_splits, by_interval, load  # numba: loaded when data is read, not with convert

    there = available_splits(source)
    chosen = split or next((name for name in PREFERRED_SPLITS if name in there), None)
    if chosen is None and there:
        chosen = there[0]  # there is only a train split
    dataset = load(source, chosen)
    if not len(dataset):
        raise DataError(f"{dataset.name}: holds no samples; at least one is needed")
    if classes is not None and int(dataset.labels.max()) >= classes:
        raise DataError(
            f"{dataset.name}: labels reach {int(dataset.labels.max())}, the network has classes 0..{classes - 1}; "
            "name data with the classes it was trained on"
        )
    if keys and dataset.keys and list(keys) != list(dataset.keys):
        raise DataError(
            f"{dataset.name}: its classes are {_named(dataset.keys)}, the network was trained on {_named(keys)}; "
            "name data with the same classes in the same order"
        )
    samples = Samples(by_interval(dataset, binning.intervals_ms), binning, chosen or "all")
    samples.frames([0], count_lost=False)  # refuse channels that cannot be pooled before any work is done
    return samples


def spread_choice(labels: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """Ascending numbers of ``count`` samples from as many classes as possible.

    Takes the first sample of each class, then the second of each, and so on.  If ``count`` is below the number of classes, the
    classes taken are evenly spaced.
    """
    seen: Counter[int] = Counter()
    rank = np.zeros(labels.size, np.int64)
    for index, label in enumerate(labels.tolist()):
        rank[index] = seen[label]
        seen[label] += 1
    order = np.lexsort((labels, rank))
    count = min(count, labels.size)
    if count < len(seen):
        return np.sort(order[(np.arange(count) * len(seen)) // count])
    return np.sort(order[:count])


def events_line(events: dict[str, int]) -> str:
    """The lost events as text, such as ``12 of 3400 events (0.35 %): 12 late``."""
    offered = events["events"]
    missed = {name: count for name, count in events.items() if name != "events" and count}
    total = sum(missed.values())
    if not total:
        return f"none of {offered} events"
    reasons = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in missed.items())
    return f"{total} of {offered} events ({100 * total / offered:.2f} %): {reasons}"


def _named(keys: Sequence[str]) -> str:
    return f"{', '.join(keys[:6])}{', ...' if len(keys) > 6 else ''} ({len(keys)})"
