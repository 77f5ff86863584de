"""Data given in memory: a ``SpikeDataset``, a pair (x, y) of arrays, or a torch Dataset, for a network's input."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.axes import TimeAxis, frames_of
from myelin.convert.binning import Binning, binning_of
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.convert.network import Network
    from myelin.train.datasets import SpikeDataset

_ALLOWED = "a path, a SpikeDataset, a pair (x, y) of arrays, or a torch Dataset is allowed"


class GivenData(NamedTuple):
    """Data in memory with its binning.

    Attributes:
        dataset: the samples.
        binning: conversion of spikes to frames.
        values: frames (samples, steps, *input shape) of values that are no counts of spikes; ``dataset`` then has no events.
        step_assumed: whether the length of a step is assumed, as for arrays, which do not say it.
    """

    dataset: SpikeDataset
    binning: Binning
    values: npt.NDArray[Any] | None = None
    step_assumed: bool = False


def is_path(data: object) -> bool:
    """Whether ``data`` names a file, a folder or a built-in data set."""
    return isinstance(data, str | os.PathLike)


def is_array(data: object) -> bool:
    """Whether ``data`` is an array or a torch tensor, without answers."""
    return isinstance(data, np.ndarray) or hasattr(data, "detach")


def given_data(
    data: Any, binning: Binning | None, network: Network | None = None, *, time_axis: TimeAxis | None = None
) -> GivenData:
    """The data set of ``data``, which is in memory, and its binning.

    Arrays are frames: their number of steps counts, and the shape of a step is that of the input.

    Args:
        data: a ``SpikeDataset``; a pair (x, y) as of ``SpikeDataset.from_dense``; or a torch Dataset or another sequence of
            pairs, as of ``SpikeDataset.from_torch``.
        binning: conversion of spikes to frames; None if the network's origin does not say.
        network: the network, for its input; needed without ``binning``.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.

    Raises:
        DataError: data of another kind, or that does not fit the input; events without binning; or counts that the input does
            not take.
    """
    from myelin.train.datasets import SpikeDataset

    plan = binning if network is None else _planned(binning, network)
    assert plan is not None, "a binning or a network is needed"
    shape = plan.shape or (plan.channels,)
    if isinstance(data, tuple):
        return _of_pair(data, plan, network, time_axis)._replace(step_assumed=binning is None)
    if is_array(data):
        raise DataError(f"data is an array of shape {tuple(data.shape)} without answers; give a pair (x, y)")
    if isinstance(data, SpikeDataset):
        dataset = data
    elif hasattr(data, "__getitem__") or hasattr(data, "__iter__"):
        dense = None if _has_events(data) else shape
        step_ms = None if binning is None else binning.step_ms
        dataset = SpikeDataset.from_torch(data, shape=dense, step_ms=step_ms, time_axis=time_axis if dense else None)
    else:
        raise DataError(f"data is a {type(data).__name__}; {_ALLOWED}")
    if binning is not None and (dataset.steps is None or isinstance(data, SpikeDataset)):
        return GivenData(dataset, binning)
    if dataset.steps is None or dataset.step_ms is None:
        raise DataError(
            f"{dataset.name}: neither the events nor the network say how spikes become frames; give steps and step_ms, such as "
            "steps=100, step_ms=10"
        )
    _check_counts(dataset, plan)
    return GivenData(dataset, replace(plan, steps=dataset.steps, step_ms=dataset.step_ms))


def _planned(binning: Binning | None, network: Network) -> Binning:
    """``binning`` for frames that are given; without one, of steps of 1 ms."""
    return replace(binning, intervals_ms=()) if binning is not None else binning_of(network, 1, 1.0)


def _of_pair(data: tuple[Any, ...], plan: Binning, network: Network | None, time_axis: TimeAxis | None) -> GivenData:
    from myelin.train.datasets import SpikeDataset

    if len(data) != 2:
        raise DataError(f"data is a tuple of {len(data)} entries; {_ALLOWED}")
    x, y = data
    shape = plan.shape or (plan.channels,)
    source = network.input if network is not None and network.input.shape == shape else shape
    values = frames_of(x, source, time_axis=time_axis, name="samples x")
    samples, steps = values.shape[:2]
    if not samples:
        raise DataError("data (x, y): holds no samples; at least one is needed")
    plan = replace(plan, steps=steps, intervals_ms=())
    size = np.shape(x)
    axis: TimeAxis = time_axis or (1 if size[2:] in (shape, (plan.channels,)) else -1)
    if network is not None and (network.input.min_value < 0 or network.input.max_value > 255):
        # values that no count of spikes stands for: the data set holds the answers alone
        blank = np.zeros((samples, steps, 1) if axis == 1 else (samples, 1, steps), np.uint8)
        answers = SpikeDataset.from_dense(blank, y, step_ms=plan.step_ms, time_axis=axis, name="data (x, y)")
        return GivenData(answers, plan, values)
    ordered = values if axis == 1 else np.moveaxis(values, 1, -1)
    dataset = SpikeDataset.from_dense(ordered, y, step_ms=plan.step_ms, time_axis=axis, shape=shape, name="data (x, y)")
    _check_counts(dataset, plan)
    return GivenData(dataset, plan)


def _check_counts(dataset: Any, plan: Binning) -> None:
    """Refuse counts that frames would clip: what was given as frames is not changed silently."""
    most = 1 if dataset.counts is None else int(dataset.counts.max(initial=1))
    if most > plan.max_count:
        raise DataError(
            f"{dataset.name}: counts reach {most}, the network's input takes 0..{plan.max_count}; count in finer steps, or "
            f"clip them first if that is what you want: numpy.minimum(x, {plan.max_count})"
        )


def _has_events(data: Any) -> bool:
    """Whether the samples of ``data`` are structured events, which have the shape of a sensor."""
    try:
        first = data[0][0]
    except (TypeError, IndexError, KeyError):
        return False  # no sequence of pairs: its reader says so
    return isinstance(first, Mapping) or getattr(getattr(first, "dtype", None), "names", None) is not None
