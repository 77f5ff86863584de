"""Comparison of the constants and synapses of one neuron in two networks of the same structure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape, each
from myelin.convert.network import Network
from myelin.convert.synapses import connections, fan_in, parts_of


@dataclass(frozen=True)
class SynapseDifference:
    """A synapse whose ``weight`` or ``delay_steps`` (axonal and synaptic together) differs; ``part`` as in ``Arrival``."""

    part: str
    quantity: str
    recurrent: bool
    source: int
    target: int
    a: int
    b: int

    def __str__(self) -> str:
        steps = " steps" if self.quantity == "delay_steps" else ""
        what = f"{'recurrent ' if self.recurrent else ''}{self.part}{'delay' if steps else 'weight'}"
        return f"{what} of synapse {self.source} -> {self.target} is {self.a}{steps} in A and {self.b}{steps} in B"


@dataclass(frozen=True)
class NeuronConstants:
    """Differences: constants as (name, value in A, value in B), and synapses."""

    constants: tuple[tuple[str, int | str, int | str], ...]
    synapses: tuple[SynapseDifference, ...]


def neuron_constants(a: Network, b: Network, index: int | None, neuron: int) -> NeuronConstants:
    """Compare all constants and synapses that determine the behaviour of one neuron.

    Args:
        a, b: two networks of the same structure.
        index: index of the layer; -1 for the input's neurons, None for the output, which depends on the last axonal delay.
        neuron: flat index of the neuron.
    """
    if a is b:
        return NeuronConstants((), ())
    if index is None:
        delays = [int(each(network.layers[-1].delay_steps, network.output_shape)[neuron]) for network in (a, b)]
        different = (("axonal delay_steps", delays[0], delays[1]),) if delays[0] != delays[1] else ()
        return NeuronConstants(different, ())
    if index < 0:
        named = [*_constants(a.input.neuron, b.input.neuron, a.input.shape, neuron)]
        named += [(name, getattr(a.input, name), getattr(b.input, name)) for name in ("weight", "bias")]
        return NeuronConstants(tuple(entry for entry in named if entry[1] != entry[2]), ())
    layer = a.layers[index]
    named = list(_constants(layer.neuron, b.layers[index].neuron, layer.shape, neuron))
    found: list[SynapseDifference] = []
    pairs = [
        (part, one, two)
        for whole, other in zip(connections(a, index), connections(b, index))
        for (part, one), (_, two) in zip(parts_of(whole), parts_of(other))
    ]
    for part, one, two in pairs:
        x, y = fan_in(one, neuron), fan_in(two, neuron)
        if x.weight_exp != y.weight_exp:
            named.append((f"{'recurrent ' if one.recurrent else ''}{part}weight_exp", x.weight_exp, y.weight_exp))
        connected = (x.weight != 0) | (y.weight != 0)
        for quantity in ("weight", "delay_steps"):
            values, others = getattr(x, quantity), getattr(y, quantity)
            for source in np.flatnonzero((values != others) & connected).tolist():
                pair = int(values[source]), int(others[source])
                found.append(SynapseDifference(part, quantity, one.recurrent, source, neuron, *pair))
    return NeuronConstants(tuple(entry for entry in named if entry[1] != entry[2]), tuple(found))


def _constants(a: Any, b: Any, shape: Shape, neuron: int) -> Iterator[tuple[str, int | str, int | str]]:
    """Yields (name, value in A, value in B) of one neuron for every field of its constants, for any kind of neuron."""
    for entry in fields(a):
        one, two = getattr(a, entry.name), getattr(b, entry.name)
        if isinstance(one, np.ndarray):
            yield entry.name, int(each(one, shape)[neuron]), int(each(two, shape)[neuron])
        else:
            yield entry.name, one, two
