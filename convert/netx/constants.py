"""Threshold and bias, which several kinds of neurons in a netx file share, and the array layout of neuron constants."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.values import spread
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import NETX_BIAS_EXP


def threshold_of(group: Fields, neuron: Fields, shape: Shape, key: str = "vThMant") -> Any:
    """The field of a population's threshold, one number; NetworkError if it is missing or differs between neurons."""
    threshold = neuron.numbers(key, int(np.prod(shape)))
    if threshold is None:
        raise NetworkError(f"{group.name}: {key!r} is missing; netx needs it")
    if threshold.size == 0 or np.any(threshold != threshold.flat[0]):
        raise NetworkError(f"{group.name}: {key!r} differs between neurons; one threshold for the layer is supported")
    return threshold.flat[0]


def bias_of(group: Fields, shape: Shape) -> npt.NDArray[Any]:
    """The bias, read from the layer's group (not from its subgroup ``neuron``); zero if it is absent."""
    bias = group.numbers("bias", int(np.prod(shape)))
    return np.zeros((), np.int32) if bias is None else spread(group, "bias", bias, shape)


def write_bias(group: h5py.Group, neuron: Any, shape: Shape, grid: bool) -> None:
    """Write ``bias_mant`` and ``bias_exp`` to the layer's group; ``grid``: the layer has three axes in netx."""
    if neuron.has_bias:
        bias = neuron.bias_mant
        if grid and bias.ndim == 0:  # stock netx broadcasts the bias of a convolution only if it is per channel
            bias = np.broadcast_to(bias, (shape[0], 1, 1))
        group["bias"] = flat(bias, shape, grid)
    if neuron.bias_exp != NETX_BIAS_EXP:
        group["bias_exp"] = neuron.bias_exp


def flat(values: IntArray, shape: Shape, grid: bool) -> npt.NDArray[Any]:
    """``values`` in netx's layout: one number (), per channel (channels,), or per neuron.

    Values per neuron are flattened; with ``grid`` they have the shape (width, height, channels).
    """
    if values.size == 1:
        return values.reshape(())
    if len(shape) == 3 and values.shape == (shape[0], 1, 1):
        return values.reshape(-1)
    full = np.broadcast_to(values, shape)
    return full.transpose(2, 1, 0) if grid else full.reshape(-1)
