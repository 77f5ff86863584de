"""The cost of an input on the cores of a mapping: operations from measured activity, energy and time from published figures.

The energy of a sample is the sum over all kinds of events of their number times the energy of one event.  A lower bound on
the time of a step is the maximum of three times: the neuron updates of the core busiest with them, the synaptic operations
of the core busiest with them, and the barrier at the end of the step (the form of Timcheck et al., arXiv 2601.10035, whose
constants are not public).  The target states the figures per event.  They may be another chip's; they then only compare
networks with each other and say nothing about the chip.  Reads of synapse memory and the transfer of the input are left out,
since no figure is published.  Hops between tiles are left out, since there is no placement: every spike counts as if it
stayed within a tile.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from myelin.convert.mapping.activity import Activity
from myelin.convert.mapping.core_memory import operations as operations_of
from myelin.convert.mapping.layout import Layout
from myelin.convert.mapping.mapping import Mapping
from myelin.hw_configs.costs import Event

Loads = npt.NDArray[np.float64]
#: The possible bounds of the step time.
NEURON_UPDATES, SYNAPTIC_OPERATIONS, MEMORY_READS, BARRIER, SHORTEST_STEP = (
    "neuron updates",
    "synaptic operations",
    "memory reads",
    "barrier",
    "shortest step of the chip",
)


@dataclass(frozen=True)
class LayerCost:
    """Mean number of events of one population per sample.

    Attributes:
        name: ``layer 1 (conv)`` or ``input neurons``.
        forward_operations, recurrent_operations: spikes times the nonzero weights that they meet.
        active_updates, inactive_updates: neuron updates with and without synaptic input or bias in the step.
        spikes: spikes sent; a graded value counts as one.
        messages: spikes times the cores of this population they go to, from cores of the network; None if a neuron fits no
            core.
        words: words of synapse memory read by arriving spikes, including spikes from outside; None if a neuron fits no core.
        energy_pj: event -> energy, for the events whose energy is known.
    """

    name: str
    forward_operations: float
    recurrent_operations: float
    active_updates: float
    inactive_updates: float
    spikes: float
    messages: float | None
    words: float | None
    energy_pj: dict[str, float] = field(default_factory=dict)

    @property
    def operations(self) -> float:
        """Forward and recurrent operations together."""
        return self.forward_operations + self.recurrent_operations


@dataclass(frozen=True)
class TimeBound:
    """A lower bound on the mean time of a step.

    Attributes:
        what: NEURON_UPDATES, SYNAPTIC_OPERATIONS, MEMORY_READS, BARRIER or SHORTEST_STEP.
        core: the busiest core; None if the bound concerns the whole chip.
        count: updates, operations or words of that core per step; 1 for the whole chip.
        time_ns: the bound; None if the time of one event is not public.
    """

    what: str
    core: int | None
    count: float
    time_ns: float | None


@dataclass(frozen=True)
class Estimate:
    """Result of ``estimate``.

    Attributes:
        samples, steps: number of samples measured, and of steps of one sample.
        layers: one for each population on the cores.
        bounds: lower bounds on the mean time of a step; empty if a neuron fits no core.
    """

    samples: int
    steps: int
    layers: tuple[LayerCost, ...]
    bounds: tuple[TimeBound, ...]

    @property
    def energy_pj(self) -> float | None:
        """Energy of a sample, without idle cores and embedded processors; None if no figure is known."""
        parts = [value for layer in self.layers for value in layer.energy_pj.values()]
        return sum(parts) if parts else None

    @property
    def bound(self) -> TimeBound | None:
        """The largest bound of the step time; None if no time is known."""
        known = [bound for bound in self.bounds if bound.time_ns is not None]
        return max(known, key=lambda bound: bound.time_ns or 0.0) if known else None

    @property
    def sample_ns(self) -> float | None:
        """A lower bound on the time of a sample; None if no time is known."""
        return None if self.bound is None or self.bound.time_ns is None else self.steps * self.bound.time_ns


def estimate(mapping: Mapping, activity: Activity) -> Estimate:
    """The mean cost of a sample of ``activity`` on ``mapping``."""
    cores = _Cores(mapping.cores)
    layers = tuple(_layer(mapping, layout, activity, cores) for layout in mapping.layouts)
    bounds = _bounds(mapping, cores, activity.samples * activity.steps) if mapping.cores else ()
    return Estimate(activity.samples, activity.steps, layers, bounds)


class _Cores:
    """Counts of every core over all samples and steps."""

    def __init__(self, count: int) -> None:
        self.active, self.inactive, self.operations, self.words = (np.zeros(count) for _ in range(4))


def _layer(mapping: Mapping, layout: Layout, activity: Activity, cores: _Cores) -> LayerCost:
    """Cost of one population; adds the counts of its parts to ``cores``."""
    population, samples = layout.population, activity.samples
    active = activity.active[population.index]
    updates = population.neurons * samples * activity.steps
    operations = {False: 0.0, True: 0.0}
    work = np.zeros(population.neurons)
    messages = words = 0.0
    for number, link in enumerate(population.links):
        spikes = activity.into(population.index, recurrent=link.recurrent)
        each = operations_of(link.arrays, spikes)
        operations[link.recurrent] += float(each.sum())
        work += each
        if layout.parts:
            _, read, arrived = layout.traffic(number, spikes)
            words += float(read.sum())
            inside = link.recurrent or population.index - 1 in activity.sent
            messages += float(arrived.sum()) if inside else 0.0
            np.add.at(cores.words, [part.core for part in layout.parts], read)
    order = layout.order[1]
    for part in layout.parts:
        neurons = order[part.start : part.stop]
        cores.active[part.core] += active[neurons].sum()
        cores.inactive[part.core] += (part.stop - part.start) * samples * activity.steps - active[neurons].sum()
        cores.operations[part.core] += work[neurons].sum()
    counts = {
        "synaptic_operation": sum(operations.values()) / samples,
        "neuron_update_active": float(active.sum()) / samples,
        "neuron_update_inactive": (updates - float(active.sum())) / samples,
        "spike_within_tile": messages / samples,
    }
    energies = {name: _event(mapping, name).energy_pj for name in counts}
    return LayerCost(
        name=population.name,
        forward_operations=operations[False] / samples,
        recurrent_operations=operations[True] / samples,
        active_updates=counts["neuron_update_active"],
        inactive_updates=counts["neuron_update_inactive"],
        spikes=float(activity.sent[population.index].sum()) / samples,
        messages=messages / samples if layout.parts else None,
        words=words / samples if layout.parts else None,
        energy_pj={name: counts[name] * energy for name, energy in energies.items() if energy is not None},
    )


def _event(mapping: Mapping, name: str) -> Event:
    return Event() if mapping.target.events is None else getattr(mapping.target.events, name)


def _bounds(mapping: Mapping, cores: _Cores, steps: int) -> tuple[TimeBound, ...]:
    """Bounds of the mean step time; ``steps``: the steps of all samples together."""
    active, inactive = (_event(mapping, f"neuron_update_{kind}").time_ns for kind in ("active", "inactive"))
    synapse = _event(mapping, "synaptic_operation").time_ns
    spent = None if active is None or inactive is None else cores.active * active + cores.inactive * inactive
    updates = cores.active + cores.inactive
    busiest = int(np.argmax(updates if spent is None else spent))
    time_ns = None if spent is None else float(spent[busiest]) / steps
    found = [TimeBound(NEURON_UPDATES, busiest, float(updates[busiest]) / steps, time_ns)]
    busiest = int(np.argmax(cores.operations))
    count = float(cores.operations[busiest]) / steps
    found.append(TimeBound(SYNAPTIC_OPERATIONS, busiest, count, None if synapse is None else count * synapse))
    busiest = int(np.argmax(cores.words))
    found.append(TimeBound(MEMORY_READS, busiest, float(cores.words[busiest]) / steps, None))
    found.append(TimeBound(BARRIER, None, 1, _barrier_ns(mapping)))
    if mapping.target.step_ns_min is not None:
        found.append(TimeBound(SHORTEST_STEP, None, 1, float(mapping.target.step_ns_min)))
    return tuple(found)


def _barrier_ns(mapping: Mapping) -> float | None:
    """Time of a barrier: interpolated by the tiles in use between the published times for one tile and for all tiles.

    If the number of tiles is not public, the time for all tiles.
    """
    target = mapping.target
    one, every = (_event(mapping, f"barrier_{which}").time_ns for which in ("one_tile", "all_tiles"))
    if one is None or every is None or target.cores_per_tile is None or target.cores_per_chip is None:
        return every
    tiles, used = (-(-cores // target.cores_per_tile) for cores in (target.cores_per_chip, mapping.cores))
    share = (min(used, tiles) - 1) / (tiles - 1) if tiles > 1 else 1.0
    return one + share * (every - one)
