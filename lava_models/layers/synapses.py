"""The Lava connections for each synapse class; a class without its own case runs as its dense matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.layers import Conv, Synapse
from myelin.lava_models.layers.connection import LavaConnection
from myelin.lava_models.layers.conv import conv_process, fits_conv_process, unrolled_connections
from myelin.lava_models.layers.dense import dense_connections, dense_delays


def connections(
    synapse: Synapse, shape: Shape, delays: npt.NDArray[np.int32], message_bits: int = 0, *, dense: bool = False
) -> list[LavaConnection]:
    """Lava connections whose sum is ``synapse``; a single connection with process "Conv" if Lava's Conv can be used.

    Args:
        synapse: a feed-forward synapse.
        shape: shape of the source population.
        delays: its axonal delays in steps, which the connection carries.
        message_bits: 0 for spikes of 0 or 1, else the width of the messages.
        dense: use Dense and DelayDense also for an unrolled convolution.
    """
    if isinstance(synapse, Conv):
        if fits_conv_process(synapse, delays):
            return [conv_process(synapse, shape, message_bits)]
        return unrolled_connections(synapse, shape, delays, message_bits, dense=dense)
    return dense_connections(synapse.as_dense(shape), delays, message_bits)


def total_delays(synapse: Synapse, shape: Shape, delays: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
    """Delays in steps of the connection's synapses: axonal delays of the source population plus synaptic delays."""
    return delays if synapse.SPATIAL else dense_delays(synapse.as_dense(shape), delays)
