"""Preconditions for Lava, which otherwise drops spikes, wraps or hangs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.layers import Conv
from myelin.convert.network import Network, naming_layer
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import CONV_SUM_BITS
from myelin.lava_models.layers.connection import MAX_DELAY_STEPS
from myelin.lava_models.layers.conv import fits_conv_process
from myelin.lava_models.layers.synapses import total_delays

#: Magnitude assumed for the messages of sigma-delta neurons, which have no known bound.
_ANY = 1 << 31


def check_network(network: Network, largest: int) -> None:
    """Raise NetworkError, naming the layer, if Lava's processes would compute other integers than the network defines.

    Args:
        network: the network to run.
        largest: the largest magnitude among the input values.
    """
    shape = network.input.shape
    before: npt.NDArray[np.int32] = np.zeros(shape, np.int32)
    if network.input.neuron is not None:
        largest = _ANY if network.input.neuron.GRADED else 1
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            for part in layer.synapse.parts:
                _check_delays("longest delay", total_delays(part, shape, before))
            if layer.recurrent is not None:
                axonal = np.broadcast_to(layer.recurrent.delay_steps, layer.shape)
                _check_delays("longest recurrent delay", total_delays(layer.recurrent.synapse, layer.shape, axonal))
            kernel = layer.synapse.parts[0]
            if isinstance(kernel, Conv) and not before.any() and not fits_conv_process(kernel, before):
                reach = largest * layer.synapse.absolute_input_sum()
                if reach >= 1 << (CONV_SUM_BITS - 1):
                    raise NetworkError(
                        f"sums may reach {reach if largest < _ANY else 'any size'}, beyond the {CONV_SUM_BITS} bit of a "
                        "convolution, and one size is above 127, which Lava's Conv does not hold; use a smaller kernel or "
                        "smaller weights"
                    )
        shape, before, largest = layer.shape, layer.delays, _ANY if layer.neuron.GRADED else 1


def _check_delays(what: str, delays: npt.NDArray[Any]) -> None:
    longest = int(delays.max(initial=0))
    if longest > MAX_DELAY_STEPS:
        raise NetworkError(
            f"{what} is {longest} steps (axonal and synaptic together), Lava holds {MAX_DELAY_STEPS}; retrain with "
            "max_delay_steps=62 or export with --clip-delays (clip_delays=True in Python)"
        )
