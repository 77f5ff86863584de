"""Events of a torch Dataset, or of any sequence or iterable of pairs (x, y), sample by sample."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.train.datasets.dense import dense_events, frames_in_order, unit_axes
from myelin.train.datasets.event_lists import axes_of, joined, sensor_events, unit_shape
from myelin.train.datasets.targets import as_array, target_parts
from myelin.train.datasets.time_units import check_unit


def item_parts(
    dataset: Iterable[tuple[Any, Any]],
    *,
    shape: tuple[int, ...] | None,
    time_unit: str | None,
    step_ms: float | None,
    time_axis: Literal[1, -1] | None,
    signed: bool,
    keys: Sequence[str] | None,
    name: str,
) -> dict[str, Any]:
    """Arguments of ``SpikeDataset`` for the pairs of a data set; see ``SpikeDataset.from_torch``."""
    check_unit(time_unit, name)
    if hasattr(dataset, "batch_sampler") or hasattr(dataset, "collate_fn"):
        raise DataError(f"{name}: is a DataLoader, which yields batches; pass its data set, loader.dataset")
    names = getattr(dataset, "classes", ()) if keys is None else keys
    names = tuple(str(key) for key in names) if isinstance(names, list | tuple) else ()
    items = _items(dataset, name)
    first = next(items, None)
    if first is None:
        raise DataError(f"{name}: holds no samples; at least one is needed")
    items = _again(first, items)
    if _structured(first[0]):
        return _of_events(dataset, items, shape, time_unit, step_ms, names, name)
    if time_unit is not None:
        raise DataError(f"{name}: sample 0 is a dense array, which has steps of step_ms; leave time_unit out")
    return _of_arrays(items, shape, 1.0 if step_ms is None else step_ms, time_axis, signed, names, name)


def _of_events(
    dataset: Any,
    items: Iterator[tuple[Any, Any]],
    shape: tuple[int, ...] | None,
    time_unit: str | None,
    step_ms: float | None,
    keys: tuple[str, ...],
    name: str,
) -> dict[str, Any]:
    """Parts for structured events; tonic's own data sets say their size, and are in microseconds."""
    size = getattr(dataset, "sensor_size", None)
    if shape is None and isinstance(size, tuple) and len(size) == 3:
        shape = (int(size[2]), int(size[1]), int(size[0]))  # tonic has (W, H, C)
    if time_unit is None and type(dataset).__module__.partition(".")[0] == "tonic":
        time_unit = "us"
    plane = unit_shape(None, shape, name)
    times, units, answers = [], [], []
    for sample, (x, y) in enumerate(items):
        if not _structured(x):
            raise DataError(f"{name}: sample {sample} is no structured events, sample 0 is; samples of one kind are needed")
        t, unit = sensor_events(x, plane, name, sample)
        times.append(t)
        units.append(unit)
        answers.append(_answer(y, name, sample))
    parts = joined(times, units, math.prod(plane), time_unit, name)
    answer = _stacked(answers, name)
    steps = None
    if answer.ndim > 1:
        if step_ms is None:
            raise DataError(f"{name}: y has an answer for every step (shape {answer.shape}); say step_ms, the length of a step")
        steps = answer.shape[1]
        parts |= {"steps": steps, "step_ms": float(step_ms)}
    return parts | target_parts(answer, len(times), steps, keys, name) | axes_of(plane)


def _of_arrays(
    items: Iterator[tuple[Any, Any]],
    shape: tuple[int, ...] | None,
    step_ms: float,
    time_axis: Literal[1, -1] | None,
    signed: bool,
    keys: tuple[str, ...],
    name: str,
) -> dict[str, Any]:
    """Parts for dense samples; they may differ in their number of steps if their answer is one class."""
    pieces, axes, axis, answers = [], None, time_axis, []
    for sample, (x, y) in enumerate(items):
        if _structured(x):
            raise DataError(f"{name}: sample {sample} is structured events, sample 0 is not; samples of one kind are needed")
        frames, axis = frames_in_order(_batched(x, f"{name}: sample {sample}"), time_axis, shape, f"{name}: sample {sample}")
        axes = frames.shape[2:] if axes is None else axes
        if frames.shape[2:] != axes:
            raise DataError(
                f"{name}: a step of sample {sample} has shape {frames.shape[2:]}, of sample 0 {axes}; one is needed"
            )
        steps = frames.shape[1]
        pieces.append(dense_events(frames, steps, step_ms, signed, f"{name}: sample {sample}"))
        answers.append(_answer(y, name, sample))
    answer = _stacked(answers, name)
    longest = max(piece["steps"] for piece in pieces)
    if answer.ndim > 1 and any(piece["steps"] != longest for piece in pieces):
        raise DataError(
            f"{name}: samples differ in their numbers of steps; with an answer for each step, pad them to {longest}"
        )
    counts = [np.ones(piece["units"].size, np.uint8) if piece["counts"] is None else piece["counts"] for piece in pieces]
    parts = {
        "times_s": np.concatenate([piece["times_s"] for piece in pieces]),
        "units": np.concatenate([piece["units"] for piece in pieces]),
        "offsets": np.cumsum([0, *(piece["units"].size for piece in pieces)], dtype=np.int64),
        "counts": None if all(piece["counts"] is None for piece in pieces) else np.concatenate(counts),
        "steps": longest,
        "step_ms": float(step_ms),
    }
    assert axes is not None
    parts |= target_parts(answer, len(pieces), longest, keys, name, time_last=axis == -1)
    return parts | unit_axes(axes, signed, name)


def _items(dataset: Any, name: str) -> Iterator[tuple[Any, Any]]:
    """The pairs of a data set: by number if it has a length, as torch reads it, otherwise by iteration."""
    by_number = hasattr(dataset, "__len__") and hasattr(dataset, "__getitem__")
    if not by_number and not hasattr(dataset, "__iter__"):
        raise DataError(f"{name}: is no data set; a torch Dataset, or a sequence or iterable of pairs (x, y), is needed")
    for sample, item in enumerate((dataset[i] for i in range(len(dataset))) if by_number else dataset):
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise DataError(f"{name}: sample {sample} is a {type(item).__name__}; a pair (x, y) is needed")
        yield item[0], item[1]


def _again(first: tuple[Any, Any], rest: Iterator[tuple[Any, Any]]) -> Iterator[tuple[Any, Any]]:
    yield first
    yield from rest


def _structured(x: Any) -> bool:
    return isinstance(x, Mapping) or getattr(getattr(x, "dtype", None), "names", None) is not None


def _batched(x: Any, where: str) -> Any:
    """``x`` with an axis of one sample in front; a tensor stays one, since it must say where its time is."""
    if hasattr(x, "detach"):
        return x.detach()[None]
    return as_array(x, where)[None]


def _answer(y: Any, name: str, sample: int) -> Any:
    return y if isinstance(y, str) else as_array(y, f"{name}: y of sample {sample}")


def _stacked(answers: list[Any], name: str) -> npt.NDArray[Any]:
    """The answers of all samples as one array."""
    try:
        return np.stack([np.asarray(answer) for answer in answers])
    except ValueError:
        shapes = sorted({np.shape(answer) for answer in answers})
        raise DataError(
            f"{name}: y has the shapes {', '.join(map(str, shapes[:4]))}; one shape for all samples is needed"
        ) from None
