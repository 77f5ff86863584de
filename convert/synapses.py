"""Fan-in and fan-out of a connection, dense or convolutional: the synapses of a neuron, and their number per source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, each
from myelin.convert.layers.complex import PARTS
from myelin.convert.layers.synapse import Synapse
from myelin.convert.network import Network

Index = npt.NDArray[np.int64]


class Connection(NamedTuple):
    """An incoming connection of a layer.

    Attributes:
        recurrent: whether the spikes come from the layer itself.
        synapse: weights and synaptic delays.
        shape: shape of the source population.
        axonal: axonal delays of the source population in steps, broadcastable to ``shape``.
    """

    recurrent: bool
    synapse: Synapse
    shape: Shape
    axonal: IntArray


def connections(network: Network, index: int) -> list[Connection]:
    """The incoming connections of layer ``index``: the feed-forward one, and the recurrent one if there is one."""
    layer = network.layers[index]
    if index:
        before = network.layers[index - 1]
        found = [Connection(False, layer.synapse, before.shape, before.delay_steps)]
    else:
        found = [Connection(False, layer.synapse, network.input.shape, np.zeros((), np.int32))]
    if layer.recurrent is not None:
        found.append(Connection(True, layer.recurrent.synapse, layer.shape, layer.recurrent.delay_steps))
    return found


def parts_of(connection: Connection) -> list[tuple[str, Connection]]:
    """The connection of each part of its synapse with the part's name, ``real `` or ``imag ``; itself with "" if it has one."""
    parts = connection.synapse.parts
    names = [""] if len(parts) == 1 else [f"{name} " for name in PARTS]
    return [(name, connection._replace(synapse=part)) for name, part in zip(names, parts, strict=True)]


@dataclass(frozen=True, eq=False)
class FanIn:
    """The synapses of one neuron, with one value per source of the connection (sources,).

    Attributes:
        weight: weight; 0 if there is no synapse.
        delay_steps: sum of axonal and synaptic delay; a spike of step t arrives at t + 1 + delay_steps.
        weight_exp: weight exponent; it acts on the sum over the synapses of equal delay.
        sum_bits: bits to which the sum wraps (a convolution); None for the 32 bits of the sum over all connections.
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


def late_operations(connection: Connection, spikes: npt.NDArray[Any]) -> int:
    """Products of ``spikes`` (samples, steps, sources) with nonzero weights that a run does not do any more.

    A spike of step t arrives at t + 1 + its delay, which must be one of the steps.
    """
    steps = spikes.shape[1]
    sent = np.count_nonzero(spikes, axis=0)  # (steps, sources)
    # since[t]: spikes of step t and later
    since = np.concatenate([np.cumsum(sent[::-1], axis=0)[::-1], np.zeros((1, sent.shape[1]), np.int64)])
    sources, axonal = np.arange(sent.shape[1]), each(connection.axonal, connection.shape).astype(np.int64)
    total = 0
    for synapse in connection.synapse.parts:
        delays = synapse.delay_steps
        for k in (0,) if delays is None else np.unique(delays).tolist():
            if delays is None:
                fans = synapse.fan_out(connection.shape)
            else:
                fans = np.count_nonzero((synapse.weight != 0) & (delays == k), axis=0)
            total += int(since[np.maximum(steps - 1 - axonal - k, 0), sources] @ fans)
    return total


def fan_out(connection: Connection) -> Index:
    """(sources,) number of nonzero weights per source."""
    return connection.synapse.fan_out(connection.shape)
