"""Samples of a data file as the input of a network: split, binning and lost events.  Needs neither torch nor Lava."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from myelin.convert.binning import MAX_COUNT, Binning, binning_of
from myelin.convert.given import given_data, is_path
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.written import thousands

if TYPE_CHECKING:
    from myelin.convert.axes import TimeAxis
    from myelin.convert.network import Network
    from myelin.train.datasets import SpikeDataset

#: Kind of the answer to a sample: one class, one class for each step, or a trace of numbers.
Task = Literal["classes", "steps", "trace"]
TASKS: tuple[Task, ...] = ("classes", "steps", "trace")
#: Data that functions accept: a path or a built-in name, a ``SpikeDataset``, a pair (x, y) of arrays, or a torch Dataset.
Data = Any
#: Default split, in order of preference: data that no choice was made on comes first.
PREFERRED_SPLITS = ("test", "valid")

__all__ = [
    "MAX_COUNT",
    "PREFERRED_SPLITS",
    "Binning",
    "Data",
    "Samples",
    "Task",
    "binning_of",
    "events_line",
    "open_samples",
    "spread_choice",
]


@dataclass(frozen=True, eq=False)
class Samples:
    """A split of a data set with its binning.

    Attributes:
        dataset: the samples.
        binning: conversion of spikes to frames.
        split: ``train``, ``valid``, ``test``, or ``all`` for a file without splits and for data in memory.
        lost: reason -> events that did not fit the frames made so far; ``events`` -> all events read for them.
        given: whether the data was given in memory.
        step_assumed: whether the length of a step is assumed, as for arrays, which do not say it.
        values: frames (samples, steps, *input shape) of values that are no counts of spikes; ``dataset`` then has no events.
    """

    dataset: SpikeDataset
    binning: Binning
    split: str
    lost: Counter[str] = field(default_factory=Counter)
    given: bool = False
    step_assumed: bool = False
    values: npt.NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """(samples,) classes; with other answers, a group of each sample."""
        return self.dataset.labels

    @property
    def task(self) -> Task:
        """Kind of the answers."""
        return self.dataset.task

    @property
    def targets(self) -> npt.NDArray[Any] | None:
        """Answers for each step: (samples, steps) classes, -1 for none, or traces (samples, steps, outputs); else None."""
        return self.dataset.targets

    @property
    def part(self) -> str:
        """The split in words."""
        if self.split == "all":
            return "all samples given" if self.given else "whole file"
        return f"{self.split} split"

    def frames(self, indices: npt.ArrayLike, *, count_lost: bool = True) -> npt.NDArray[Any]:
        """Spike counts (batch, steps, *input shape) of the samples ``indices``; ``count_lost``: add lost events to ``lost``."""
        if self.values is not None:
            return self.values[np.asarray(indices)]
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
    source: Data,
    binning: Binning | None,
    *,
    split: str | None = None,
    classes: int | None = None,
    keys: Sequence[str] = (),
    network: Network | None = None,
    time_axis: TimeAxis | None = None,
) -> Samples:
    """Samples of ``source`` for a network with ``classes`` classes named ``keys``.

    Args:
        source: a built-in data set's name, a folder, or a file; a ``SpikeDataset``; a pair (x, y) of arrays; or a torch
            Dataset.
        binning: conversion of spikes to frames; None if it is unknown: the data then says it, as arrays do.
        split: ``train``, ``valid`` or ``test``; None for ``test``, else ``valid``, else all samples.
        classes: number of the network's classes, or of the outputs of traces; None if unknown.
        keys: names of the classes; () if unknown.
        network: the network; needed without ``binning``.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.

    Raises:
        DataError: no such data, labels beyond the network's classes, different names of classes, channels that cannot be
            pooled to those of the network, counts of arrays that its input does not take, events without a binning, or events
            of which hardly any lies within the frames.
    """
    from myelin.train.datasets import available_splits, by_interval, check_window, load  # numba: loaded when data is read

    if is_path(source):
        there = available_splits(source)
        chosen = split or next((name for name in PREFERRED_SPLITS if name in there), None)
        if chosen is None and there:
            chosen = there[0]  # there is only a train split
        how: dict[str, Any] = {} if binning is None else {"images": binning.images, "message_bits": binning.message_bits}
        dataset = load(source, chosen, **how)
        plan = binning or _own_binning(dataset, network)
        samples = Samples(by_interval(dataset, plan.intervals_ms), plan, chosen or "all")
    else:
        if split is not None:
            raise DataError(f"split is {split!r}; data in memory has no splits: give the samples of one, and leave split out")
        found = given_data(source, binning, network, time_axis=time_axis)
        planes = by_interval(found.dataset, found.binning.intervals_ms)
        samples = Samples(planes, found.binning, "all", given=True, step_assumed=found.step_assumed, values=found.values)
    _check_answers(samples.dataset, classes, keys)
    check_window(samples.dataset, samples.binning.steps, samples.binning.step_ms)
    samples.frames([0], count_lost=False)  # refuse channels that cannot be pooled before any work is done
    return samples


def _own_binning(dataset: SpikeDataset, network: Network | None) -> Binning:
    """The binning of dense data in a file; events have none."""
    assert network is not None, "a binning or a network is needed"
    if dataset.steps is None or dataset.step_ms is None:
        raise DataError(
            f"{dataset.name}: neither the events nor the network say how spikes become frames; give --steps and --step-ms, "
            "such as --steps 100 --step-ms 10 (steps=100, step_ms=10.0 in Python)"
        )
    return binning_of(network, dataset.steps, dataset.step_ms)


def _check_answers(dataset: SpikeDataset, classes: int | None, keys: Sequence[str]) -> None:
    """Refuse a data set without samples, or with other classes than the network's."""
    if not len(dataset):
        raise DataError(f"{dataset.name}: holds no samples; at least one is needed")
    if dataset.task == "trace":
        if classes is not None and dataset.classes != classes:
            raise DataError(
                f"{dataset.name}: traces have {dataset.classes} outputs, the network has {classes}; give one for each"
            )
    elif classes is not None:
        labels = dataset.labels if dataset.targets is None else dataset.targets
        if int(labels.max(initial=-1)) >= classes:
            raise DataError(
                f"{dataset.name}: labels reach {int(labels.max())}, the network has classes 0..{classes - 1}; "
                "name data with the classes it was trained on"
            )
    if keys and dataset.keys and list(keys) != list(dataset.keys):
        raise DataError(
            f"{dataset.name}: its classes are {_named(dataset.keys)}, the network was trained on {_named(keys)}; "
            "name data with the same classes in the same order"
        )


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
    """The lost events as text, such as ``12 of 3,400 events (0.35 %): 12 late``."""
    offered = events["events"]
    missed = {name: count for name, count in events.items() if name != "events" and count}
    total = sum(missed.values())
    if not total:
        return f"none of {thousands(offered)} events"
    reasons = ", ".join(f"{thousands(count)} {name.replace('_', ' ')}" for name, count in missed.items())
    return f"{thousands(total)} of {thousands(offered)} events ({100 * total / offered:.2f} %): {reasons}"


def _named(keys: Sequence[str]) -> str:
    return f"{', '.join(keys[:6])}{', ...' if len(keys) > 6 else ''} ({len(keys)})"
