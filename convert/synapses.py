"""Single synapses of a connection, dense or convolutional: which reach a neuron, and how many leave a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.cuba_states import each
from myelin.convert.layers import Conv, Dense
from myelin.convert.layers.conv import as_chw
from myelin.convert.network import Network

Index = npt.NDArray[np.int64]


class Connection(NamedTuple):
    """A connection that reaches a layer.

    Attributes:
        recurrent: whether the spikes come from the layer itself.
        synapse: its weights.
        shape: of the population the spikes come from.
        axonal: delays of those spikes in steps, broadcastable to ``shape``.
    """

    recurrent: bool
    synapse: Dense | Conv
    shape: Shape
    axonal: IntArray


def connections(network: Network, index: int) -> list[Connection]:
    """What reaches layer ``index``: its feed-forward connection, and its recurrent one where it has one."""
    layer = network.layers[index]
    if index:
        before = network.layers[index - 1]
        found = [Connection(False, layer.synapse, before.shape, before.delay_steps)]
    else:
        found = [Connection(False, layer.synapse, network.input.shape, np.zeros((), np.int32))]
    if layer.recurrent is not None:
        found.append(Connection(True, layer.recurrent.synapse, layer.shape, layer.recurrent.delay_steps))
    return found


@dataclass(frozen=True, eq=False)
class FanIn:
    """What reaches one neuron, for every source of the connection (sources,).

    Attributes:
        weight: 0 where no synapse is.
        delay_steps: axonal and synaptic delay together; a spike of step t arrives at t + 1 + delay_steps.
        weight_exp: exponent that acts on the sum of each delay.
        wraps: whether the sum wraps to 24 bit, as a convolution's does.
    """

    weight: Index
    delay_steps: Index
    weight_exp: int
    wraps: bool


def fan_in(connection: Connection, neuron: int) -> FanIn:
    """The synapses of ``connection`` that reach neuron ``neuron`` (flat index)."""
    recurrent, synapse, shape, axonal = connection
    delay = each(axonal, shape).astype(np.int64)
    if isinstance(synapse, Dense):
        if synapse.delay_steps is not None:
            delay = delay + synapse.delay_steps[neuron]
        return FanIn(synapse.weight[neuron].astype(np.int64), delay, synapse.weight_exp, wraps=False)
    channels, height, width = chw = as_chw(shape)
    out, y, x = np.unravel_index(neuron, synapse.output_shape(chw))
    depth = channels // synapse.groups
    first = int(out) // (synapse.weight.shape[0] // synapse.groups) * depth
    weight = np.zeros(chw, np.int64)
    for i, j in np.ndindex(*synapse.weight.shape[2:]):
        row = int(y) * synapse.stride[0] + i * synapse.dilation[0] - synapse.padding[0]
        column = int(x) * synapse.stride[1] + j * synapse.dilation[1] - synapse.padding[1]
        if 0 <= row < height and 0 <= column < width:
            weight[first : first + depth, row, column] = synapse.weight[out, :, i, j]
    return FanIn(weight.reshape(-1), delay, 0, wraps=not recurrent and not axonal.any())


def fan_out(connection: Connection) -> Index:
    """(sources,) how many nonzero weights each spike of a source meets; at the borders of a convolution fewer are left."""
    synapse = connection.synapse
    if isinstance(synapse, Dense):
        return np.count_nonzero(synapse.weight, axis=0).astype(np.int64)
    channels, *space = chw = as_chw(connection.shape)
    out = synapse.output_shape(chw)
    there = np.count_nonzero(synapse.weight.reshape(synapse.groups, -1, *synapse.weight.shape[1:]), axis=1)
    there = there.reshape(channels, *synapse.weight.shape[2:])  # (in channels, kernel height, kernel width)
    count = np.zeros(chw, np.int64)
    for tap in np.ndindex(*synapse.weight.shape[2:]):
        places = []
        for axis in range(2):
            place = np.arange(out[1 + axis]) * synapse.stride[axis] + tap[axis] * synapse.dilation[axis] - synapse.padding[axis]
            places.append(place[(place >= 0) & (place < space[axis])])
        count[np.ix_(np.arange(channels), *places)] += there[:, *tap][:, None, None]
    return count.reshape(-1)
