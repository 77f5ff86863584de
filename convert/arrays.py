"""Checked, read-only integer arrays, the fields of a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import NetworkError

_AT_ONCE = 2**22  # values checked at a time; bounds temporary arrays
IntArray = npt.NDArray[np.int32]
Shape = tuple[int, ...]


def frozen_int(name: str, values: Any) -> IntArray:
    """``values`` in C order as int32 that cannot be changed; NetworkError if a value is no finite 32-bit integer.

    The values are a copy in Python's ``bytes``, unlike those of a read-only array, which ``setflags`` makes writeable again.
    What is prepared from them is therefore never out of date.
    """
    array = np.asarray(values)
    if array.dtype == np.int32 and array.flags.c_contiguous and is_constant(array):
        return array
    if array.dtype.kind not in "biuf":
        raise NetworkError(f"{name} has dtype {array.dtype}; whole numbers are allowed")
    if array.dtype.kind == "f":
        pieces = [array.reshape(-1)[start : start + _AT_ONCE] for start in range(0, array.size, _AT_ONCE)]
        endless = sum(int((~np.isfinite(piece)).sum()) for piece in pieces)
        if endless:
            raise NetworkError(f"{name} holds {endless} values that are NaN or infinite; whole numbers are allowed")
        fractions = [piece[piece != np.round(piece)] for piece in pieces]
        found = sum(part.size for part in fractions)
        if found:
            first = next(part[0] for part in fractions if part.size)
            raise NetworkError(
                f"{name} holds {found} fractions (first {first:g}); whole numbers are allowed: "
                "make integers of floats first, with `myelin quantise`"
            )
    limits = np.iinfo(np.int32)
    if array.size and (array.min() < limits.min or array.max() > limits.max):
        raise NetworkError(f"{name} holds values beyond 32 bit ({array.min()}..{array.max()})")
    return np.ndarray(array.shape, np.int32, np.asarray(array, np.int32).tobytes())


def is_constant(array: npt.NDArray[Any]) -> bool:
    """True if nobody can change the values: they lie in ``bytes``, as ``frozen_int`` leaves them."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base, bytes)


def scalar_int(name: str, value: Any, low: int, high: int) -> int:
    """``value`` as an int; NetworkError if it is no single integer in low..high."""
    array = frozen_int(name, value)
    if array.size != 1:
        raise NetworkError(f"{name} has shape {array.shape}; one number is allowed")
    check_range(name, array, low, high)
    return int(array.reshape(()))


def check_range(name: str, values: IntArray, low: int, high: int) -> None:
    """Raise NetworkError with the actual and the allowed range unless all values lie in low..high."""
    if values.size and (values.min() < low or values.max() > high):
        raise NetworkError(f"{name} lies in {values.min()}..{values.max()}, allowed is {low}..{high}")


def check_broadcast(name: str, values: npt.NDArray[Any], shape: Shape) -> None:
    """Raise NetworkError unless ``values`` broadcasts to exactly ``shape``."""
    try:
        fits = np.broadcast_shapes(values.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise NetworkError(f"{name} has shape {values.shape}, which does not broadcast to the layer's {shape}")


def each(values: IntArray, shape: Shape) -> IntArray:
    """A constant of a population, broadcast to ``shape`` and flattened to (neurons,)."""
    return np.broadcast_to(values, shape).reshape(-1)


def fewest(values: IntArray, shape: Shape) -> IntArray:
    """One value for all neurons if all are equal, else one per channel if that says all, else one per neuron."""
    whole = np.broadcast_to(values, shape)
    if np.all(whole == whole.reshape(-1)[0]):
        return whole.reshape(-1)[:1]
    if len(shape) == 3 and np.all(whole == whole[:, :1, :1]):
        return whole[:, 0, 0]
    return whole.reshape(-1)


def signed(values: npt.ArrayLike, bits: int) -> npt.NDArray[np.int64]:
    """``values`` wrapped to signed integers of ``bits`` bits."""
    half = 1 << (bits - 1)
    return ((np.asarray(values, np.int64) + half) & (2 * half - 1)) - half
