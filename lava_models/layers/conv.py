"""Convolutions as Lava's Conv; with delays or large sizes, unrolled to Sparse, DelaySparse, Dense or DelayDense."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.layers import Conv
from myelin.convert.layers.conv import as_chw, unroll
from myelin.convert.layers.weights import SynapseFormat, synapse_format
from myelin.hw_configs.errors import NetworkError
from myelin.lava_models.layers.connection import LavaConnection, dense_connection, sparse_connection

#: Lava's fixed-point Conv stores kernel size, stride, padding, dilation, groups as int8 (lava-nc ``proc/conv/models.py:25``).
_INT8_MAX = 127


def fits_conv_process(synapse: Conv, source_delays: npt.NDArray[np.int32]) -> bool:
    """True if Lava's Conv can be used: there are no delays, and all sizes fit its 8 bit variables."""
    sizes = (*synapse.weight.shape[2:], *synapse.stride, *synapse.padding, *synapse.dilation, synapse.groups)
    return not source_delays.any() and max(sizes) <= _INT8_MAX


def conv_process(synapse: Conv, input_shape: Shape, message_bits: int = 0) -> LavaConnection:
    """Lava's Conv for this cross-correlation over a population of shape (channels, height, width).

    Lava convolves in (x, y, channel).  Kernels are therefore flipped in both directions and sizes reversed, as in lava-dl
    ``netx/hdf5.py:505``.
    """
    channels, height, width = as_chw(input_shape)
    return LavaConnection(
        "Conv",
        {
            "weight": synapse.weight[:, :, ::-1, ::-1].transpose(0, 3, 2, 1).copy(),  # (out, x, y, in / groups)
            "input_shape": (width, height, channels),
            "stride": synapse.stride[::-1],
            "padding": synapse.padding[::-1],
            "dilation": synapse.dilation[::-1],
            "groups": synapse.groups,
            "num_message_bits": message_bits,
        },
    )


def unrolled_connections(
    synapse: Conv, input_shape: Shape, source_delays: npt.NDArray[np.int32], message_bits: int = 0, *, dense: bool = False
) -> list[LavaConnection]:
    """The convolution as matrix connections; each synapse carries the axonal delay of its source neuron.

    Sums do not wrap to 24 bit, as they do in Lava's Conv.  ``myelin.lava_models.checks`` refuses networks for which this
    could change the result.

    Args:
        synapse: the convolution.
        input_shape: shape of the source population.
        source_delays: axonal delay in steps of each source neuron.
        message_bits: 0 for spikes of 0 or 1, else the width of the messages.
        dense: use Dense and DelayDense; for the chip, since no neurocore model of DelaySparse is known.
    """
    weight, target, source, shape = unroll(synapse, input_shape)
    delays = source_delays.reshape(-1).astype(np.int64)[source]
    connections = []
    for form in _formats(weight):
        if dense:
            matrix = np.zeros(shape, np.int32)
            matrix[target, source] = form.weight
            steps = np.broadcast_to(source_delays.reshape(1, -1), shape).astype(np.int64)
            connections.append(dense_connection(form._replace(weight=matrix), steps, message_bits))
        else:
            connections.append(sparse_connection(form, target, source, shape, delays, message_bits))
    return connections


def _formats(weight: npt.NDArray[np.int32]) -> list[SynapseFormat]:
    """One format for the weights, or two whose sum is the weights: the even part, and 1 for every odd weight.

    Lava's Conv keeps every weight in -256..255.  A signed matrix with 8 bit weights beyond -128..127 keeps only even weights.
    """
    try:
        return [synapse_format(weight, 0)]
    except NetworkError:
        odd = weight & 1
        return [synapse_format(weight - odd, 0), synapse_format(odd, 0)]
