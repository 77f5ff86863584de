"""Single synapses of a connection, dense or convolutional: which reach a neuron, and how many leave a source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, each
from myelin.convert.layers.synapse import Synapse
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
    synapse: Synapse
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
        sum_bits: bits that the sum wraps to, as a convolution's does; None for the 32 of the sum over all connections.
    """

    weight: Index
    delay_steps: Index
    weight_exp: int
    sum_bits: int | None


def fan_in(connection: Connection, neuron: int) -> FanIn:
    """The synapses of ``connection`` that reach neuron ``neuron`` (flat index)."""
    recurrent, synapse, shape, axonal = connection
    weight, synaptic = synapse.row(shape, neuron)
    delay = each(axonal, shape).astype(np.int64)
    wraps = synapse.SUM_BITS is not None and not recurrent and not axonal.any()
    return FanIn(
        weight.astype(np.int64),
        delay if synaptic is None else delay + synaptic,
        synapse.weight_exp,
        synapse.SUM_BITS if wraps else None,
    )


def fan_out(connection: Connection) -> Index:
    """(sources,) how many nonzero weights each spike of a source meets."""
    return connection.synapse.fan_out(connection.shape)
