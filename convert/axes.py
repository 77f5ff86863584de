"""Brings spikes from PyTorch's order of axes, time last, into the order of every backend, time second."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.inputs import in_units
from myelin.convert.network import Input
from myelin.hw_configs.argument_checks import check_time_axis
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.shapes import TimeAxis, time_axes


def frames_of(
    values: Any, source: Shape | Input, *, time_axis: TimeAxis | None = None, name: str = "spikes"
) -> npt.NDArray[Any]:
    """Frames (batch, steps, *input shape) of bool or integers from an array or a tensor in either order of axes.

    Args:
        values: (batch, steps, *input shape) or (batch, *input shape, steps), or either with the input shape flattened; an
            array, nested lists, or a torch tensor on any device.  Floats are taken if every value is an integer.
        source: shape of the network's input, or the input itself: its delta encoders take floats x as ``rint(64 x)``.
        time_axis: 1 or -1; None recognises it by the input shape.
        name: of the values, in messages.

    Raises:
        DataError: the shape fits neither order; it fits both, and ``time_axis`` is None; or a value is not an integer.
    """
    array = _array(values, name)
    input_shape = source.shape if isinstance(source, Input) else source
    if isinstance(source, Input):
        array = in_units(source, array, name)
    check_time_axis(time_axis)
    fits = time_axes(array.shape, input_shape)
    wanted = ", ".join(map(str, input_shape))
    if array.ndim < 3 or not fits:
        raise DataError(f"{name} have shape {array.shape}; (batch, steps, {wanted}) or (batch, {wanted}, steps) is allowed")
    if time_axis is None and len(fits) == 2:
        raise DataError(
            f"{name} have shape {array.shape}, which is both (batch, steps, ...) and (batch, ..., steps) for an input of shape "
            f"({wanted}); say which with time_axis=1 or time_axis=-1"
        )
    axis = time_axis or fits[0]
    if axis not in fits:
        order = f"(batch, steps, {wanted})" if axis == 1 else f"(batch, {wanted}, steps)"
        raise DataError(f"{name} have shape {array.shape}; with time_axis={axis}, {order} is allowed")
    array = array if axis == 1 else np.moveaxis(array, -1, 1)
    return np.ascontiguousarray(_integers(array, name).reshape(*array.shape[:2], *input_shape))


def integers_of(values: Any, name: str) -> npt.NDArray[Any]:
    """An array or a tensor of any shape as bool or integers; floats are taken if every value is an integer.

    Raises:
        DataError: the values are no array, or a value is not an integer.
    """
    return _integers(_array(values, name), name)


def _array(values: Any, name: str) -> npt.NDArray[Any]:
    if hasattr(values, "detach"):  # a torch tensor, without importing torch
        values = values.detach().cpu().numpy()
    try:
        return np.asarray(values)
    except ValueError as error:  # nested lists of different lengths
        raise DataError(f"{name} are no array: {error}; samples of the same number of steps are allowed") from None


def _integers(array: npt.NDArray[Any], name: str) -> npt.NDArray[Any]:
    """``array`` as bool or integers, unchanged in value."""
    if array.dtype.kind in "biu":
        return array
    if array.dtype.kind != "f":
        raise DataError(f"{name} have dtype {array.dtype}; bool, integers, or floats that are integers are allowed")
    whole = np.rint(array)
    wrong = ~(np.isfinite(array) & (whole == array) & (np.abs(array) < 2**31))
    if wrong.any():
        raise DataError(
            f"{name} hold {array[wrong].flat[0]:g} and {int(wrong.sum()) - 1} other values that are not integers; a network on "
            "the chip takes spikes or counts: encode the values as spikes first"
        )
    return whole.astype(np.uint8 if array.size and array.min() >= 0 and array.max() <= 255 else np.int32)
