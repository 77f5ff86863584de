"""Fields of netx files with unquantised numbers, which several kinds of neurons share."""

from __future__ import annotations

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.neuron import FloatArray
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.values import broadcastable, whole_number
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import NETX_BIAS_EXP, STATE_SHIFT


def float_threshold(neuron: Fields, shape: Shape, key: str = "vThMant") -> float:
    """The field of a population's threshold, one number; NetworkError if it differs between neurons."""
    thresholds = spread_floats(neuron, key, shape)
    if np.any(thresholds != thresholds.flat[0]):
        raise NetworkError(f"{key!r} differs between neurons; one threshold for the layer is supported")
    return float(thresholds.flat[0])


def float_bias(group: Fields, shape: Shape) -> FloatArray:
    """The bias of a layer, zero if it is absent."""
    exponent = whole_number(group, "bias_exp", NETX_BIAS_EXP) - STATE_SHIFT
    return spread_floats(group, "bias", shape, 0.0) * 2.0**exponent


def spread_floats(group: Fields, key: str, shape: Shape, default: float | None = None) -> FloatArray:
    """The field ``key``, broadcastable to ``shape``: one number, one per channel or one per neuron."""
    values = group.numbers(key, int(np.prod(shape)))
    if values is None:
        return np.asarray(group.number(key, default), np.float64)
    return broadcastable(group, key, values.astype(np.float64), shape)
