"""Conversion of a netx file's fields to shapes and integers; ``myelin.convert.netx.format`` describes the fields."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape, frozen_int
from myelin.convert.layers.dense import DELAY_LIMIT_STEPS
from myelin.convert.netx.fields import Fields
from myelin.hw_configs.errors import NetworkError

#: Upper bound on the neurons that a file may declare for one layer: 64 times the neurons of a Loihi 2 chip.
MAX_NEURONS = 1 << 26


def delay_values(group: Fields, key: str, most: int) -> npt.NDArray[Any] | None:
    """Delays in integer time steps, None if the field is absent; at most ``most`` values are read.

    Delays beyond the 62 steps that netx keeps are read too: SLAYER writes them, and the rules of a target judge them.

    Raises:
        NetworkError: a delay is no integer, is negative, or is longer than a network may have.
    """
    raw = group.numbers(key, most)
    if raw is None:
        return None
    values = frozen_int(f"{group.name}: {key!r}", raw)
    if values.size and (values.min() < 0 or values.max() > DELAY_LIMIT_STEPS):
        bad, cure = values.min(), "a delay is never negative: write the file again"
        if values.max() > DELAY_LIMIT_STEPS:
            bad, cure = values.max(), "shorten the delays in the file"
        raise NetworkError(
            f"{group.name}: {key!r} is {bad} steps at its extreme, a network holds 0..{DELAY_LIMIT_STEPS}; {cure}"
        )
    return values


def population(group: Fields, kind: str, ours: bool, following: str | None) -> Shape:
    """Shape of a layer's population, with the conventions of lava-dl's files resolved.

    Args:
        group: the layer's group.
        kind: type of the layer.
        ours: whether Myelin wrote the file; its shapes are literal.
        following: type of the next layer that is not a flatten layer, None for the last.
    """
    if ours and "shape" in group.group.attrs:
        if group.group.attrs.get_id("shape").dtype.kind not in "iu":
            raise NetworkError(f"{group.name}: the attribute 'shape' holds no whole numbers")
        return _checked(group, np.asarray(group.group.attrs["shape"]))
    shape = declared_shape(group)
    if len(shape) == 2:
        shape = (1, *shape)
    grid = _spatial(kind) or _spatial(following or "")
    if not ours and not grid and len(shape) == 3 and sorted(shape)[1] == 1:
        shape = (int(np.prod(shape)),)
    return shape


def _spatial(kind: str) -> bool:
    """Whether layers of a type have channels with axes."""
    return kind.startswith("conv") or kind == "pool"


def declared_shape(group: Fields, key: str = "shape") -> Shape:
    """The dataset ``shape``, or another one with a shape, unchanged."""
    values = group.numbers(key, 3)
    if values is None:
        raise NetworkError(f"{group.name}: {key!r} is missing; netx needs it")
    return _checked(group, values)


def _checked(group: Fields, values: npt.NDArray[Any]) -> Shape:
    sizes = frozen_int(f"{group.name}: 'shape'", values).reshape(-1)
    total = int(np.prod(sizes.astype(object))) if sizes.size else 0
    if sizes.size not in (1, 2, 3) or sizes.min() < 1 or total > MAX_NEURONS:
        raise NetworkError(
            f"{group.name}: shape is {tuple(sizes.tolist())}; 1 to {MAX_NEURONS} neurons in 1 to 3 axes are expected"
        )
    return tuple(int(size) for size in sizes)


def spread(group: Fields, key: str, values: npt.NDArray[Any], shape: Shape) -> npt.NDArray[Any]:
    """Integer ``values`` of one field, broadcastable to ``shape``: one number, one per channel or one per neuron."""
    return broadcastable(group, key, frozen_int(f"{group.name}: {key!r}", values), shape)


def broadcastable(group: Fields, key: str, numbers: npt.NDArray[Any], shape: Shape) -> npt.NDArray[Any]:
    """``numbers``, integers or floats, broadcastable to ``shape``; NetworkError if they do not fit ``shape``."""
    if numbers.size == 1:
        return numbers.reshape(())
    if numbers.ndim == 1 and numbers.size == int(np.prod(shape)):
        return numbers.reshape(shape)
    if numbers.ndim == 1 and len(shape) == 3 and numbers.size == shape[0]:
        return numbers.reshape(-1, 1, 1)
    if len(shape) == 3 and numbers.shape == shape[::-1]:
        return numbers.transpose(2, 1, 0)
    raise NetworkError(
        f"{group.name}: {key!r} has shape {numbers.shape}; one number, one per channel or one per neuron is expected"
    )


def weights(group: Fields, key: str, most: int | None = None) -> npt.NDArray[Any]:
    """Weights of one field; NetworkError with the likely cause if they are not integers."""
    values = group.numbers(key, most)
    assert values is not None
    if values.dtype.kind == "f" and np.isfinite(values).all() and np.any(values != np.round(values)):
        count = int(np.count_nonzero(values != np.round(values)))
        raise NetworkError(
            f"{group.name}: {key!r} holds {count} fractions of {values.size} values, whole numbers are allowed: SLAYER's scale "
            "was not a power of two, or the weights were not quantised; train with scale=64 and quantize_8bit, or make "
            "integers of them with `myelin quantise`"
        )
    return values


def pair(group: Fields, key: str) -> tuple[int, int]:
    """(vertical, horizontal) of one field; a single number applies to both."""
    values = group.numbers(key, 2)
    if values is None or values.size == 0:
        raise NetworkError(f"{group.name}: {key!r} is missing; netx needs it")
    vertical, horizontal = np.broadcast_to(frozen_int(f"{group.name}: {key!r}", values).reshape(-1), (2,))
    return int(vertical), int(horizontal)


def whole_number(group: Fields, key: str, default: int | None = None) -> int:
    """The single integer of one field; ``default`` if it is absent."""
    return int(frozen_int(f"{group.name}: {key!r}", group.number(key, default)).reshape(()))
