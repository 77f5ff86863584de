"""Partition of populations into parts, one per core: cores as full as possible, or few operations on the busiest core.

Populations are laid out from the last to the first, since a neuron needs one output axon for every core that its spikes reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.mapping.loops import AXONS_IN, NEURON_CONFIGS, OPERATIONS, LinkArrays, lay, traffic
from myelin.convert.mapping.populations import RESOURCES, Index, Population

Loads = npt.NDArray[np.float64]
#: Most rounds until the output axons of a recurrent population agree with its cores; each round only adds axons.
_ROUNDS = 32
#: Bisection steps in the search for the fewest operations of the busiest core: to a thousandth of the first interval.
_HALVINGS = 10


class Refusal(NamedTuple):
    """Why a network does not fit.

    Attributes:
        where: ``layer 1 (conv)`` or ``network``.
        resource: name of the exceeded resource; ``cores`` for a network.
        got, limit: the amount needed and the amount available.
        message: object, amount got, amount allowed, cure.
    """

    where: str
    resource: str
    got: int
    limit: int
    message: str


class Part(NamedTuple):
    """Consecutive neurons of a population on one core.

    Attributes:
        start, stop: range of its neurons, in the order of the layout.
        core: index of its core; -1 if not yet placed.
        load: (COLUMNS,) amount of each resource it uses.
        bits: memory of each connection in bits.
    """

    start: int
    stop: int
    core: int
    load: Loads
    bits: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Layout:
    """A population divided into parts.

    Attributes:
        population: the population.
        order: the order of its neurons in the layout: name, and flat indices.
        arrays: its connections in that order.
        work: (neurons,) synaptic operations of each neuron, in C order.
        parts: one for each core; empty if a neuron fits no core.
        binding: name of the resource that ends most cores; if none does, of the fullest resource.
        ended_by: ``limit`` if a resource ends cores, ``balance`` if the operations of a core do, empty if neither does.
        dense: (parts, 2) whether each connection is stored there as dense lists.
        refusal: the reason if a neuron fits no core; else None.
    """

    population: Population
    order: tuple[str, Index]
    arrays: tuple[LinkArrays, LinkArrays]
    work: Loads
    parts: tuple[Part, ...] = ()
    binding: str = ""
    ended_by: str = ""
    dense: npt.NDArray[np.bool_] | None = None
    refusal: Refusal | None = None

    @property
    def stops(self) -> Index:
        """(parts,) the index after the last neuron of each part."""
        return np.array([part.stop for part in self.parts], np.int64)

    @property
    def busiest(self) -> float:
        """Operations of the part with the most."""
        return max(float(part.load[OPERATIONS]) for part in self.parts)

    def traffic(self, link: int, spikes: Loads) -> tuple[Index, Loads, Loads]:
        """The result of ``myelin.convert.mapping.loops.traffic`` for the connection ``population.links[link]``."""
        assert self.dense is not None
        reached, read, arrived = traffic(self.arrays[link], self.stops, self.dense[:, link], spikes)
        return reached, read, arrived


def candidates(population: Population, work: Loads) -> list[Layout]:
    """Layouts without parts, one for each order in which the population may be laid out."""
    return [Layout(population, order, population.arrays(order[1]), work) for order in population.orders]


def lay_all(choices: Sequence[Sequence[Layout]], most: Loads, caps: Sequence[float]) -> list[Layout]:
    """The layout of each population: the one among its ``choices`` with the fewest cores, then the fewest input axons.

    Args:
        choices: layouts of each population in its possible orders; populations in the order of the network.
        most: (COLUMNS,) limits of a core.
        caps: for each population, the limit of a core's synaptic operations.
    """
    layouts: list[Layout] = []
    for options, cap in zip(reversed(choices), reversed(caps)):
        sent = np.zeros(options[0].population.neurons, np.int64)
        if layouts and layouts[0].parts:
            after = layouts[0]
            links = [number for number, link in enumerate(after.population.links) if not link.recurrent]
            sent = np.sum([after.traffic(number, np.zeros(len(sent)))[0] for number in links], axis=0)
        limits = most.copy()
        limits[OPERATIONS] = cap
        laid = [_lay(option, sent, limits) for option in options]
        layouts.insert(
            0, min(laid, key=lambda one: (not one.parts, len(one.parts), sum(part.load[AXONS_IN] for part in one.parts)))
        )
    return layouts


def _lay(layout: Layout, forward: Index, limits: Loads) -> Layout:
    """``layout`` with new parts; ``forward``: output axons that each neuron needs for the population after it."""
    population, (_, order) = layout.population, layout.order
    back = np.zeros(population.neurons, np.int64)
    for _ in range(_ROUNDS):
        stops, loads, reasons, bits, dense, (neuron, resource, got) = lay(
            layout.arrays, population.slots, (forward + back)[order], population.configs[order], layout.work[order], limits
        )
        if neuron >= 0:
            return replace(layout, parts=(), dense=None, refusal=_misfit(population, resource, math.ceil(got), limits))
        if len(population.links) < 2 or not population.links[1].recurrent:
            break
        reached = traffic(layout.arrays[1], stops, dense[:, 1], np.zeros(population.neurons))[0]
        if np.all(reached <= back):
            break
        back = np.maximum(back, reached)
    starts = [0, *stops[:-1].tolist()]
    parts = tuple(
        Part(start, int(stop), -1, load, tuple(row[: len(population.links)].tolist()))
        for start, stop, load, row in zip(starts, stops, loads, bits)
    )
    binding, ended_by = _binding(loads, reasons, limits)
    return replace(layout, parts=parts, binding=binding, ended_by=ended_by, dense=dense, refusal=None)


def _binding(loads: Loads, reasons: Index, limits: Loads) -> tuple[str, str]:
    ended = reasons[(reasons >= 0) & (reasons < len(RESOURCES))]
    if len(ended):
        return RESOURCES[int(np.bincount(ended).argmax())].name, "limit"
    share = loads[:, :NEURON_CONFIGS].max(axis=0) / limits[:NEURON_CONFIGS]  # sets of decays do not count as fill
    return RESOURCES[int(share.argmax())].name, "balance" if np.any(reasons >= 0) else ""


def _misfit(population: Population, column: int, got: int, limits: Loads) -> Refusal:
    resource, limit = RESOURCES[column], int(limits[column])
    message = f"{population.name}: one neuron takes {got} {resource.what}, a core holds {limit}; {resource.cure}"
    return Refusal(population.name, resource.name, got, limit, message)


def balanced(layouts: Sequence[Layout], most: Loads, cores: int) -> list[Layout]:
    """Layouts on at most ``cores`` cores that minimise the operations of the busiest core, then of each layer's busiest core.

    Args:
        layouts: layouts with cores as full as possible, on at most ``cores`` cores.
        most: (COLUMNS,) limits of a core.
        cores: the number of cores available.
    """
    choices, best = [[layout] for layout in layouts], list(layouts)
    low = max(max(_heaviest(layout) for layout in layouts), sum(layout.work.sum() for layout in layouts) / cores)
    high = max(layout.busiest for layout in layouts)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried = lay_all(choices, most, [middle] * len(choices))
        good = all(layout.parts for layout in tried) and sum(len(layout.parts) for layout in tried) <= cores
        low, high, best = (low, middle, tried) if good else (middle, high, best)
    counts = [len(layout.parts) for layout in best]
    caps = [_smallest_cap(best, place, most) for place in range(len(best))]
    tried = lay_all(choices, most, caps)
    # a new partition of a layer may need more output axons before it than there are; then keep the first result
    return tried if [len(layout.parts) for layout in tried] == counts else best


def _smallest_cap(layouts: Sequence[Layout], place: int, most: Loads) -> float:
    """The fewest operations of one layer's busiest core on the layer's present number of cores, by bisection."""
    layout = layouts[place]
    count = len(layout.parts)
    low, high = max(_heaviest(layout), float(layout.work.sum()) / count), layout.busiest
    after = layouts[place + 1 : place + 2]
    for _ in range(_HALVINGS if count > 1 else 0):
        middle = (low + high) / 2
        tried = lay_all([[one] for one in (layout, *after)], most, [middle, *(np.inf for _ in after)])[0]
        low, high = (low, middle) if 0 < len(tried.parts) <= count else (middle, high)
    return high


def _heaviest(layout: Layout) -> float:
    """Operations of the neuron with the most."""
    return float(layout.work.max(initial=0))
