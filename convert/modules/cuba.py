"""CUBA neurons of a network as the population of a training block."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import each, fewest
from myelin.convert.network import Layer
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import THRESHOLD_MAX, WEIGHT_SCALE


def block_cuba(layer: Layer, bits: int) -> Any:
    """The trainable CUBA population of a layer; NetworkError if it has what blocks lack."""
    from myelin.train.neurons import Cuba as TrainedCuba

    neuron: Any = layer.neuron
    if neuron.has_bias:
        raise NetworkError("its neurons have a bias, which blocks lack; train a network without")
    spiking = layer.output == "spikes"
    if spiking and not 1 <= neuron.threshold <= THRESHOLD_MAX:
        raise NetworkError(f"its threshold is {neuron.threshold}; a mantissa of 1..{THRESHOLD_MAX} can be trained")
    if not spiking and neuron.threshold < THRESHOLD_MAX:
        raise NetworkError(
            f"its readout resets above its threshold of {neuron.threshold}; a readout that never does can be trained"
        )
    made = TrainedCuba(layer.shape, weight_bits=bits, spiking=spiking)
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
