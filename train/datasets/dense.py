"""Events of dense arrays: a count in a step becomes one event in the middle of the step, so that binning gives it back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.argument_checks import check_time_axis
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.shapes import TimeAxis, time_axes
from myelin.train.datasets.binning import Times
from myelin.train.datasets.checks import check_steps, unit_dtype, whole_shape
from myelin.train.datasets.targets import as_array, target_parts

VALUES_AT_ONCE = 2**22  # of an array, looked at in one piece; bounds temporary arrays


def dense_parts(
    x: Any,
    y: Any,
    *,
    step_ms: float,
    time_axis: TimeAxis | None,
    shape: tuple[int, ...] | None,
    signed: bool,
    keys: Sequence[str],
    name: str,
) -> dict[str, Any]:
    """Arguments of ``SpikeDataset`` for dense samples; see ``SpikeDataset.from_dense``."""
    frames, axis = frames_in_order(x, time_axis, shape, name)
    samples, steps, *axes = frames.shape
    parts = dense_events(frames, steps, step_ms, signed, name)
    parts |= target_parts(y, samples, steps, keys, name, time_last=axis == -1)
    return parts | unit_axes(axes, signed, name)


def unit_axes(axes: Sequence[int], signed: bool, name: str) -> dict[str, Any]:
    """``channels`` and ``shape`` of units on ``axes``: a row, or (C, H, W), twice the channels if ``signed``."""
    if len(axes) not in (1, 3):
        raise DataError(
            f"{name}: a step has shape {tuple(axes)}; (channels,) or (channels, height, width) is allowed: reshape it, "
            "with an axis of length 1 where there is one channel"
        )
    axes = (axes[0] * (1 + signed), *axes[1:])
    return {"channels": math.prod(axes), "shape": tuple(axes) if len(axes) == 3 else None}


def frames_in_order(
    x: Any, time_axis: TimeAxis | None, shape: tuple[int, ...] | None, name: str
) -> tuple[npt.NDArray[Any], TimeAxis]:
    """``x`` as (samples, steps, *axes), and the axis on which time was."""
    array = as_array(x, f"{name}: x")
    check_time_axis(time_axis, "samples", f"{name}: ")
    if array.ndim < 3:
        raise DataError(
            f"{name}: x has shape {array.shape}; (samples, steps, channels) or (samples, steps, channels, height, width) is "
            "allowed: use x[..., None] for one channel"
        )
    if shape is not None:
        shape = whole_shape(shape, name)
        fits = time_axes(array.shape, shape)
        wanted = ", ".join(map(str, shape))
        if time_axis not in (None, *fits) or not fits:
            raise DataError(
                f"{name}: x has shape {array.shape}; for steps of shape ({wanted}), (samples, steps, {wanted}) or, with "
                f"time_axis=-1, (samples, {wanted}, steps) is allowed"
            )
        if time_axis is None and len(fits) == 2:
            raise DataError(
                f"{name}: x has shape {array.shape}, which is both (samples, steps, ...) and (samples, ..., steps); say which "
                "with time_axis=1 or time_axis=-1"
            )
        time_axis = time_axis or fits[0]
    elif time_axis is None:
        if hasattr(x, "detach"):
            raise DataError(
                f"{name}: x is a tensor of shape {array.shape}, which may be (samples, steps, ...) or "
                "(samples, ..., steps); say time_axis=1 or time_axis=-1, or the shape of a step"
            )
        time_axis = 1
    if time_axis == -1:
        array = np.moveaxis(array, -1, 1)
    if shape is not None:
        array = array.reshape(*array.shape[:2], *shape)
    if not all(array.shape[1:]):
        raise DataError(f"{name}: x has shape {array.shape}, (samples, steps, ...); at least one step and channel are needed")
    return array, time_axis


def dense_events(frames: npt.NDArray[Any], steps: int, step_ms: float, signed: bool, name: str) -> dict[str, Any]:
    """``times_s``, ``units``, ``offsets``, ``counts``, ``steps`` and ``step_ms`` of frames (samples, steps, *axes)."""
    samples, width = len(frames), math.prod(frames.shape[2:])
    inner = math.prod(frames.shape[3:])  # units of one channel
    middle = middles(steps, step_ms, name)
    dtype = unit_dtype(width * (1 + signed))
    rows, times, units, counts = [], [], [], []
    at_once = max(1, VALUES_AT_ONCE // max(1, math.prod(frames.shape[1:])))
    for start in range(0, samples, at_once):
        piece = np.ascontiguousarray(frames[start : start + at_once]).reshape(-1, frames.shape[1], width)
        checked = _counts(piece, signed, name, start)
        row, step, unit = np.nonzero(checked)
        value = checked[row, step, unit]
        if signed:  # channel c of the array: units of channel 2 c up, 2 c + 1 down
            channel, place = np.divmod(unit, inner)
            unit = (2 * channel + (value < 0)) * inner + place
        rows.append(np.bincount(row, minlength=len(piece)))
        times.append(middle[step])
        units.append(unit.astype(dtype))
        counts.append(np.abs(value).astype(np.uint8))
    joined = np.concatenate([np.empty(0, np.uint8), *counts])
    return {
        "times_s": np.concatenate([np.empty(0, middle.dtype), *times]),
        "units": np.concatenate([np.empty(0, dtype), *units]),
        "offsets": np.concatenate(([0], np.cumsum(np.concatenate([np.empty(0, np.int64), *rows])))),
        "counts": joined if (joined > 1).any() else None,
        "steps": steps,
        "step_ms": float(step_ms),
    }


def middles(steps: int, step_ms: float, name: str) -> Times:
    """(steps,) time of the middle of each step in seconds, float32 if binning gives every step back, otherwise float64."""
    check_steps(steps, step_ms, name)
    numbers = np.arange(steps)
    exact = (numbers + 0.5) * step_ms / 1000
    for times in (exact.astype(np.float32), exact):
        with np.errstate(over="ignore"):
            if np.array_equal(np.floor(times.astype(np.float64) * 1000 / step_ms), numbers):
                return times
    raise DataError(f"{name}: {steps} steps of {step_ms:g} ms cannot be told apart in float64; name a longer step_ms")


def _counts(piece: npt.NDArray[Any], signed: bool, name: str, first: int) -> npt.NDArray[Any]:
    """``piece`` as bool or integers in the allowed range; DataError names the first sample that has others."""
    if piece.dtype.kind not in "biuf":
        raise DataError(f"{name}: x has dtype {piece.dtype}; bool, integers, or floats that are integers are allowed")

    def refuse(wrong: npt.NDArray[np.bool_], what: str, cure: str) -> None:
        if wrong.any():
            sample = first + int(np.argmax(wrong.reshape(len(piece), -1).any(axis=1)))
            value = piece[wrong][0]
            raise DataError(f"{name}: x holds {what} (first {value:g} in sample {sample}); {cure}")

    if piece.dtype.kind == "f":
        refuse(~np.isfinite(piece), "NaN or infinite values", "counts 0..255 are allowed")
        refuse(np.rint(piece) != piece, "fractions", "counts are integers 0..255: encode or scale and round the values first")
    if piece.dtype.kind in "if" and not signed:
        refuse(piece < 0, "negative values", "use signed=True, which makes two channels of each: up and down")
    if piece.dtype.kind != "b":
        most = piece > 255 if not signed or piece.dtype.kind == "u" else (piece > 255) | (piece < -255)
        refuse(most, "counts above 255", "frames are 8 bit: scale the values down")
    return piece.astype(np.int16) if piece.dtype.kind != "b" else piece.astype(np.uint8)
