"""Which Lava connections stand for which synapse; any that is not named here runs as the matrix that it is."""

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
    """Lava connections that add up to ``synapse``; a single one whose process is "Conv" where Lava's can be used.

    Args:
        synapse: feed-forward.
        shape, delays: of the population before, whose axonal delays in steps the connection carries.
        message_bits: 0 for spikes of 0 or 1, else the width of what arrives.
        dense: use Dense and DelayDense also for an unrolled convolution.
    """
    if isinstance(synapse, Conv):
        if fits_conv_process(synapse, delays):
            return [conv_process(synapse, shape, message_bits)]
        return unrolled_connections(synapse, shape, delays, message_bits, dense=dense)
    return dense_connections(synapse.as_dense(shape), delays, message_bits)


def total_delays(synapse: Synapse, shape: Shape, delays: npt.NDArray[np.int32]) -> npt.NDArray[Any]:
    """Delays in steps that the connection's synapses have: axonal ones of the population before and their own."""
    return delays if synapse.SPATIAL else dense_delays(synapse.as_dense(shape), delays)
