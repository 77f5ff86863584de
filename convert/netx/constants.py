"""Constants that several neurons of a netx file share: threshold and bias, and how arrays of them are laid out."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.values import spread
from myelin.hw_configs.errors import NetworkError


def threshold_of(group: Fields, neuron: Fields, shape: Shape) -> Any:
    """The threshold of a population, one number; NetworkError where it is missing or differs between neurons."""
    threshold = neuron.numbers("vThMant", int(np.prod(shape)))
    if threshold is None:
        raise NetworkError(f"{group.name}: 'vThMant' is missing; netx needs it")
    if threshold.size == 0 or np.any(threshold != threshold.flat[0]):
        raise NetworkError(f"{group.name}: 'vThMant' differs between neurons; one threshold for the layer is supported")
    return threshold.flat[0]


def bias_of(group: Fields, shape: Shape) -> npt.NDArray[Any]:
    """The bias, which stands beside the group of the neuron; zero where there is none."""
    bias = group.numbers("bias", int(np.prod(shape)))
    return np.zeros((), np.int32) if bias is None else spread(group, "bias", bias, shape)


def flat(values: IntArray, shape: Shape, grid: bool) -> npt.NDArray[Any]:
    """``values`` as a number, per channel, or per neuron: flattened, or (width, height, channels) where netx expects that."""
    if values.size == 1:
        return values.reshape(())
    if len(shape) == 3 and values.shape == (shape[0], 1, 1):
        return values.reshape(-1)
    full = np.broadcast_to(values, shape)
    return full.transpose(2, 1, 0) if grid else full.reshape(-1)
