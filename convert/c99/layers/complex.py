"""Connections with complex weights as C: both parts as one connection with two sums for each neuron.

Dense: the sums of all real weights, then those of all imaginary ones.  Convolutions: the same within each group of channels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from myelin.convert.c99.layers.connection import CONNECTIONS, CLink, ConnectionCode
from myelin.convert.c99.layers.conv import conv_code
from myelin.convert.c99.layers.dense import dense_code
from myelin.convert.layers import ComplexConv, ComplexDense, Conv, Dense


@CONNECTIONS.register(ComplexDense)
def complex_dense_code(link: CLink) -> ConnectionCode | None:
    """The code of a matrix with complex weights."""
    synapse: Any = link.synapse
    delay = None if synapse.delay_steps is None else np.concatenate([synapse.delay_steps] * 2)
    both = Dense(np.concatenate(list(synapse.weight)), synapse.weight_exp, delay)
    return dense_code(replace(link, synapse=both, target=(2 * link.targets,)))


@CONNECTIONS.register(ComplexConv)
def complex_conv_code(link: CLink) -> ConnectionCode | None:
    """The code of a convolution with complex weights."""
    synapse: Any = link.synapse
    grouped = synapse.weight.reshape(2, synapse.groups, -1, *synapse.weight.shape[2:])
    kernel = grouped.transpose(1, 0, 2, 3, 4, 5).reshape(-1, *synapse.weight.shape[2:])
    both = Conv(kernel, synapse.stride, synapse.padding, synapse.dilation, synapse.groups)
    channels, *space = link.target
    return conv_code(replace(link, synapse=both, target=(2 * channels, *space)))
