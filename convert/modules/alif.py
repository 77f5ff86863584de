"""ALIF neurons of training blocks: read as floats, and made of a network's integers."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape, each, fewest
from myelin.convert.floats.alif import FloatAlif
from myelin.convert.modules.cuba import block_bias, fill_bias
from myelin.convert.modules.known import numbers
from myelin.convert.modules.reading import spread_values
from myelin.convert.network import Layer
from myelin.hw_configs.errors import MyelinError, NetworkError
from myelin.hw_configs.fixed_point import THRESHOLD_MAX, WEIGHT_SCALE

_DECAYS = ("current_decay", "voltage_decay", "threshold_decay", "refractory_decay")


def read_alif(neuron: Any, shift: Any, shape: Shape) -> FloatAlif:
    """The neurons of a block with a population of ``shape``; ``shift``: the constant input of the block's norm, or None.

    Raises:
        NetworkError: training diverged, or a constant does not fit.
    """
    try:
        kept, bias = neuron.keep(), neuron.effective_bias(shift)
    except MyelinError as error:
        raise NetworkError(f"its neuron does not run: {error}") from error
    decays = {
        name: spread_values(1 - np.asarray(keep, np.float64), shape, name) for name, keep in zip(_DECAYS, kept, strict=True)
    }
    biases = np.zeros(()) if bias is None else spread_values(numbers(bias), shape, "biases")
    return FloatAlif(float(neuron.threshold), float(neuron.threshold_step), **decays, bias=biases)


def block_alif(layer: Layer, bits: int) -> Any:
    """The trainable ALIF population of a layer; NetworkError if it has what blocks lack."""
    from myelin.train.neurons import Alif as TrainedAlif

    neuron: Any = layer.neuron
    if not 1 <= neuron.threshold <= THRESHOLD_MAX:
        raise NetworkError(f"its threshold is {neuron.threshold}; a mantissa of 1..{THRESHOLD_MAX} can be trained")
    made = TrainedAlif(layer.shape, weight_bits=bits, bias=block_bias(layer), bias_exp=neuron.bias_exp)
    fill_bias(made, layer)
    # both may lie above what is allowed at construction
    made.threshold, made.threshold_step = neuron.threshold / WEIGHT_SCALE, neuron.threshold_step / WEIGHT_SCALE
    decays = {name: getattr(neuron, name) for name in _DECAYS}
    size = max(fewest(decay, layer.shape).size for decay in decays.values())  # all have as many, as the loops' gradients need
    if size not in (1, layer.shape[0]):
        raise NetworkError(f"its decays differ within a channel of {layer.shape}; blocks have one for all, or one per channel")
    for name, decay in decays.items():
        parameter = getattr(made, name)
        values = each(decay, layer.shape).reshape(size, -1)[:, 0]
        parameter.data = parameter.data.new_tensor(values.astype(np.float32))
    return made
