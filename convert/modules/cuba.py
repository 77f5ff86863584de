"""CUBA neurons of a network as the population of a training block."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import each, fewest
from myelin.convert.network import Layer
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import BIAS_MANT_MAX, STATE_SCALE, THRESHOLD_MAX, WEIGHT_SCALE


def block_cuba(layer: Layer, bits: int) -> Any:
    """The trainable CUBA population of a layer; NetworkError if it has what blocks lack."""
    from myelin.train.neurons import Cuba as TrainedCuba

    neuron: Any = layer.neuron
    spiking = layer.output == "spikes"
    if spiking and not 1 <= neuron.threshold <= THRESHOLD_MAX:
        raise NetworkError(f"its threshold is {neuron.threshold}; a mantissa of 1..{THRESHOLD_MAX} can be trained")
    if not spiking and neuron.threshold < THRESHOLD_MAX:
        raise NetworkError(
            f"its readout resets above its threshold of {neuron.threshold}; a readout that never does can be trained"
        )
    made = TrainedCuba(layer.shape, weight_bits=bits, spiking=spiking, bias=block_bias(layer), bias_exp=neuron.bias_exp)
    fill_bias(made, layer)
    if spiking:
        made.threshold = neuron.threshold / WEIGHT_SCALE  # may lie above what is allowed at construction, where lava-dl differs
    decays = neuron.current_decay, neuron.voltage_decay
    size = max(fewest(decay, layer.shape).size for decay in decays)  # both have as many, as the loops' gradients need
    if size not in (1, layer.shape[0]):
        raise NetworkError(f"its decays differ within a channel of {layer.shape}; blocks have one for all, or one per channel")
    for name, decay in zip(("current_decay", "voltage_decay"), decays, strict=True):
        parameter = getattr(made, name)
        neurons = each(decay, layer.shape)
        parameter.data = parameter.data.new_tensor(neurons.reshape(size, -1)[:, 0].astype(np.float32))
    return made


def fill_bias(made: Any, layer: Layer) -> None:
    """Set the bias of the population ``made`` to that of the layer's neurons."""
    neuron: Any = layer.neuron
    if made.bias is not None:
        mantissa = each(neuron.bias_mant, layer.shape).reshape(made.bias.numel(), -1)[:, 0]
        made.bias.data = made.bias.data.new_tensor((mantissa * (1 << neuron.bias_exp) / STATE_SCALE).astype(np.float32))


def block_bias(layer: Layer) -> bool | str:
    """What the population learns: no bias, one per channel, or one per neuron."""
    neuron: Any = layer.neuron
    if not neuron.has_bias:
        return False
    mantissa = fewest(neuron.bias_mant, layer.shape)
    if np.abs(mantissa).max() > BIAS_MANT_MAX:
        raise NetworkError(
            f"its bias mantissas lie in {mantissa.min()}..{mantissa.max()}; {-BIAS_MANT_MAX}..{BIAS_MANT_MAX} can be trained"
        )
    return "channel" if len(layer.shape) == 3 and mantissa.size <= layer.shape[0] else "neuron"
