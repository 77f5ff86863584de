"""What a network shall answer, from what a user has: classes by number or name, classes of steps, or traces."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError


def as_array(values: Any, what: str) -> npt.NDArray[Any]:
    """``values`` (an array, nested lists, or a torch tensor on any device) as an array; DataError if rows differ in length."""
    if hasattr(values, "detach"):  # a torch tensor, without importing torch
        values = values.detach().cpu().numpy()
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"{what}: no array can be made of it ({error}); rows of equal length are needed") from None


def target_parts(
    y: Any, samples: int, steps: int | None, keys: Sequence[str], name: str, *, time_last: bool = False
) -> dict[str, Any]:
    """``labels``, ``targets`` and ``keys`` of a data set.

    Args:
        y: (samples,) classes, as numbers or names; (samples, steps) classes of the steps, -1 for none; or traces of floats,
            (samples, steps, outputs), or (samples, outputs, steps) if ``time_last``.
        samples, steps: numbers of the data; None if it has no steps.
        keys: names of the classes; names in ``y`` without keys are numbered in order.
        name: of the data.
        time_last: whether time is the last axis of traces.
    """
    if isinstance(keys, str):
        raise DataError(f"{name}: keys is {keys!r}; a list of names is allowed")
    array, keys = as_array(y, f"{name}: y"), tuple(str(key) for key in keys)
    allowed = f"({samples},) classes, ({samples}, steps) classes of the steps, or ({samples}, steps, outputs) traces"
    if array.ndim < 1 or array.ndim > 3 or array.shape[0] != samples:
        raise DataError(f"{name}: y has shape {array.shape} for {samples} samples; allowed are {allowed}")
    if array.dtype.kind in "US" or (array.dtype.kind == "O" and all(isinstance(value, str) for value in array.flat)):
        array, keys = _numbered(array.astype(str), keys, name)
    if array.ndim == 1:
        return {"labels": whole_labels(array, f"{name}: y"), "keys": keys}
    if steps is None:
        raise DataError(f"{name}: y has shape {array.shape}, an answer for every step; say steps and step_ms")
    if array.ndim == 3 and time_last:
        array = array.swapaxes(1, 2)
    if array.ndim == 2 and array.dtype.kind == "f" and not _whole(array):
        raise DataError(
            f"{name}: y has shape {array.shape} of {array.dtype}; classes of steps are integers, and traces have an axis of "
            "outputs: use y[..., None] for one output"
        )
    if array.ndim == 3 and array.dtype.kind not in "f":
        raise DataError(
            f"{name}: y has shape {array.shape} of {array.dtype}; traces are floats, and classes of steps are "
            "(samples, steps): use y.argmax(-1) for one-hot classes, -1 where no class is set"
        )
    if array.shape[1] != steps:
        raise DataError(f"{name}: y has {array.shape[1]} steps (shape {array.shape}), x has {steps}; the same number is needed")
    targets = whole_labels(array, f"{name}: y") if array.ndim == 2 else array.astype(np.float32)
    return {"labels": np.zeros(samples, np.int64), "targets": targets, "keys": keys}


def unlabelled_as(targets: Any, kind: str) -> Any:
    """``targets`` as they are, or, with "class 0", classes of steps in which a step without a label has class 0."""
    steps = kind == "class 0" and targets is not None and targets.ndim == 2
    return targets.clip(min=0) if steps else targets


def speaker_numbers(speakers: Any) -> Any:
    """``speakers`` as they are, or the numbers of their names in order."""
    if speakers is None:
        return None
    array = as_array(speakers, "speakers")
    named = array.dtype.kind in "US" or (array.dtype.kind == "O" and all(isinstance(value, str) for value in array.flat))
    return np.unique(array.astype(str), return_inverse=True)[1].astype(np.int64) if named and array.size else array


def whole_labels(array: npt.NDArray[Any], what: str) -> npt.NDArray[np.int64]:
    """``array`` as int64; DataError if a value is no integer of that range."""
    if array.size and not (array.dtype.kind in "biu" or (array.dtype.kind == "f" and _whole(array))):
        raise DataError(f"{what} has dtype {array.dtype}; classes are integers from 0, or names")
    if array.dtype.kind == "u" and array.size and array.max() > np.iinfo(np.int64).max:
        raise DataError(f"{what} reaches {array.max()}; no class has such a number")
    return array.astype(np.int64)


def _whole(array: npt.NDArray[Any]) -> bool:
    return bool((np.isfinite(array) & (np.rint(array) == array) & (np.abs(array) < 2**31)).all())


def _numbered(names: npt.NDArray[Any], keys: tuple[str, ...], name: str) -> tuple[npt.NDArray[np.int64], tuple[str, ...]]:
    """The place of each name in ``keys``, or among all names in order, with those keys."""
    keys = keys or tuple(str(key) for key in np.unique(names))
    place = {key: number for number, key in enumerate(keys)}
    unknown = sorted({str(value) for value in names.flat} - place.keys())
    if unknown:
        raise DataError(f"{name}: y has the class {unknown[0]!r}; the keys are {', '.join(keys[:20])}")
    return np.array([place[str(value)] for value in names.flat], np.int64).reshape(names.shape), keys
