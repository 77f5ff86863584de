"""Rules on connections: delays, weights, kinds, and the core resources needed by one neuron's synapses."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from myelin.convert.arrays import IntArray, each
from myelin.convert.network import Network
from myelin.convert.rules.violation import Case, Violation, beyond, layer_name
from myelin.convert.synapses import Connection, Index, connections, fan_out
from myelin.hw_configs.costs import SynapsePacking
from myelin.hw_configs.target import Target


def delay(case: Case) -> Iterator[Violation]:
    """Yield delays that are too long: the sum of axonal and synaptic delay, since the chip stores both with the synapse."""
    network, target, _ = case
    limit = target.delay_steps_max
    assert limit is not None
    cure = f"retrain with max_delay_steps={limit} or export with --clip-delays (clip_delays=True in Python)"

    def found(index: int, what: str, got: int) -> Violation:
        return Violation("delay", layer_name(network, index), what, "steps", got, limit, target.name, cure)

    for index, layer in enumerate(network.layers):
        if layer.delay_steps.max() > limit:
            yield found(index, "longest delay", int(layer.delay_steps.max()))
    for index, which, (recurrent, synapse, shape, steps) in _links(network):
        axonal = each(steps, shape)
        synaptic = synapse.delay_steps
        if recurrent and axonal.max() > limit:
            yield found(index, f"longest {which}delay", int(axonal.max()))
        elif synaptic is not None and axonal.max() <= limit and (axonal + synaptic).max() > limit:
            together = " (axonal and synaptic together)" if axonal.any() else ""
            yield found(index, f"longest {which}synaptic delay{together}", int((axonal + synaptic).max()))


def width(case: Case) -> Iterator[Violation]:
    """Yield weights that need too many bits.

    The exponent takes their common power of two, and weights of one sign need no sign bit.
    """
    network, target, _ = case
    limit = target.weight_bits
    assert limit is not None
    for index, which, link in _links(network):
        need = weight_bits(link.synapse.weight)
        if need > limit:
            cure = f"quantise the {which}weights to {limit} bits"
            where = layer_name(network, index)
            yield Violation("weight", where, f"width of the {which}weights", "bits", need, limit, target.name, cure)


def weight_bits(weight: IntArray) -> int:
    """The smallest number of bits per synapse that holds these weights exactly."""
    if not weight.any():
        return 1
    common = int(np.bitwise_or.reduce(weight.reshape(-1)))
    reduced = weight // (common & -common)
    low, high = int(reduced.min()), int(reduced.max())
    if low >= 0 or high <= 0:
        return max(high, -low).bit_length()
    return 1 + max((-low - 1).bit_length(), high.bit_length())


def exponent(case: Case) -> Iterator[Violation]:
    """Yield weight exponents out of range; kernels have none."""
    network, target, _ = case
    for index, which, link in _links(network):
        if link.synapse.SPATIAL:
            continue
        outside = beyond(link.synapse.weight_exp, target.weight_exp_min, target.weight_exp_max)
        if outside is not None:
            cure = "scale the weights and the threshold by a power of two instead"
            where = layer_name(network, index)
            yield Violation("weight exponent", where, f"{which}weight_exp", "exponent", *outside, target.name, cure)


def kind(case: Case) -> Iterator[Violation]:
    """Yield connections for which the target has no process."""
    network, target, _ = case
    assert target.layer_kinds is not None
    for index, which, link in _links(network):
        name = which + link.synapse.parts[0].kind  # complex weights are two connections of this kind
        if name not in target.layer_kinds:
            known = ", ".join(target.layer_kinds)
            cure = "train a network of those connections"
            where = layer_name(network, index)
            yield Violation("layer kind", where, "kind of connection", "name", name, known, target.name, cure)


def axons_in(case: Case) -> Iterator[Violation]:
    """Yield neurons that alone need too many input axons; no mapping can spread them over cores.

    Each source is an axon.  If the target shares kernels, all channels at one place share one axon.
    """
    network, target, _ = case
    limit = target.axons_in_per_core
    assert limit is not None
    for index in range(len(network.layers)):
        each_link = [sources(link, bool(target.conv_weights_shared)) for link in connections(network, index)]
        need = int(np.sum(each_link, axis=0).max())
        if need > limit:
            cure = "reach each neuron from fewer: make the population before it smaller, or its weights sparse"
            where = layer_name(network, index)
            yield Violation("axons in", where, "input axons of one neuron", "axons", need, limit, target.name, cure)


def axons_out(case: Case) -> Iterator[Violation]:
    """Yield neurons that alone need too many output axons.

    A neuron needs one for each core that its spikes reach; the bound assumes cores filled with ``neurons_per_core`` targets.
    """
    network, target, _ = case
    limit, size = target.axons_out_per_core, target.neurons_per_core
    assert limit is not None and size is not None
    for index, layer in enumerate(network.layers):
        reached = np.zeros(layer.neurons, np.int64)
        if index + 1 < len(network.layers):
            reached += fan_out(connections(network, index + 1)[0])
        if layer.recurrent is not None:
            reached += fan_out(connections(network, index)[1])
        need = -(-int(reached.max()) // max(size, 1))
        if need > limit:
            cure = "let each neuron reach fewer: make the population after it smaller, or its weights sparse"
            where = layer_name(network, index)
            yield Violation("axons out", where, "output axons of one neuron", "axons", need, limit, target.name, cure)


def memory(case: Case) -> Iterator[Violation]:
    """Yield neurons that alone need too much synapse memory; no mapping can spread it over cores.

    The need is a lower bound.  If the packing is published for the chip, each source of a dense connection begins a block.
    Otherwise, and for convolutions, whose blocks hold several taps, only the bits of the weights are counted.
    """
    network, target, _ = case
    limit, packing = target.core_memory_bytes, target.packing
    assert limit is not None and packing is not None
    for index in range(len(network.layers)):
        bits = [sources(link) * _least_bits(link, target, packing) for link in connections(network, index)]
        need = -(-int(np.sum(bits, axis=0).max()) // 8)
        if need > limit:
            cure = "reach each neuron from fewer: make the population before it smaller, or its weights sparse"
            where = layer_name(network, index)
            yield Violation("fan-in", where, "synapse memory of one neuron", "bytes", need, limit, target.name, cure)


def sources(link: Connection, places: bool = False) -> Index:
    """The fan-in (neurons,): the number of sources that reach each neuron through a nonzero weight.

    ``places``: for a convolution, count places instead; all channels at one place count once.
    """
    return link.synapse.fan_in(link.shape, places)


def _least_bits(link: Connection, target: Target, packing: SynapsePacking) -> int:
    """A lower bound on the bits of a synapse, for a neuron with one synapse from each source."""
    need = weight_bits(link.synapse.weight)
    if target.packing_label or link.synapse.SPATIAL:
        return need
    field = packing.field_bits("weight_bits", need)
    return packing.axon_bits(1, weight_bits=need if field is None else field)


def _links(network: Network) -> Iterator[tuple[int, str, Connection]]:
    """Yield the layer index, "" or "recurrent ", and the connection."""
    for index in range(len(network.layers)):
        for link in connections(network, index):
            yield index, "recurrent " if link.recurrent else "", link
