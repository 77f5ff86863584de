"""A network on the cores of a chip or a board: the core of each neuron, the load of each core, and what does not fit.

The readout at the end needs no output axons here, and input spikes come from outside the cores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from myelin.convert.mapping.activity import Activity
from myelin.convert.mapping.core_memory import dense_stand_in, operations
from myelin.convert.mapping.layout import Layout, Loads, Refusal, balanced, candidates, lay_all
from myelin.convert.mapping.loops import COLUMNS, DELAY_SLOTS, NEURON_CONFIGS, NEURONS
from myelin.convert.mapping.populations import LABELS, RESOURCES, Population, least_use, limits, lower_bounds, populations
from myelin.convert.mapping.strategies import STRATEGIES
from myelin.convert.network import Network
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target, target_names


@dataclass(frozen=True, eq=False)
class Mapping:
    """A network on a target.

    Attributes:
        target, strategy: the arguments of ``map_network``.
        measured: whether operations were measured; otherwise every source counts as if it sent one spike.
        limits: (COLUMNS,) limits of a core; infinity if not public.
        layouts: one for each population on the cores, in the order of the network.
        least: for each population, (COLUMNS,) a lower bound on its use of each resource.
        loads: (cores, COLUMNS) load of each core; no cores if a neuron fits no core.
        refusals: the reasons why the network does not fit; empty if it fits.
    """

    target: Target
    strategy: str
    measured: bool
    limits: Loads
    layouts: tuple[Layout, ...]
    least: tuple[Loads, ...]
    loads: Loads
    refusals: tuple[Refusal, ...]

    @property
    def cores(self) -> int:
        """The number of cores used; 0 if a neuron fits no core."""
        return len(self.loads)

    @property
    def cores_per_chip(self) -> int:
        """The number of cores of a chip that a mapping may use."""
        return _cores_of_chip(self.target)

    @property
    def chips(self) -> int:
        """The number of chips used."""
        return -(-self.cores // self.cores_per_chip)

    @property
    def lower_bound(self) -> int:
        """A lower bound on the number of cores of any mapping with this strategy."""
        if self.strategy != "pack":
            return sum(max(1, *self.lower_bounds(place).values()) for place in range(len(self.layouts)))
        total = np.sum(self.least, axis=0)
        total[NEURON_CONFIGS] = 0  # layers may share sets of decays
        return max(1, *lower_bounds(total, self.limits).values())

    def lower_bounds(self, place: int) -> dict[str, int]:
        """Lower bounds on the number of cores of the layout at index ``place``, by resource."""
        return lower_bounds(self.least[place], self.limits)

    def fill(self) -> Loads:
        """The share (cores, resources) of each limit that a core uses; 0 if the limit is not public."""
        most = self.limits[: len(RESOURCES)]
        return self.loads[:, : len(RESOURCES)] / most


def map_network(
    network: Network,
    target: Target,
    strategy: str = "layer",
    *,
    activity: Activity | None = None,
    cores: int | None = None,
) -> Mapping:
    """Map ``network`` onto the cores of ``target``.

    Args:
        network: the network to map.
        target: a chip or a board.
        strategy: one of STRATEGIES.
        activity: measured activity, from which operations are counted; None: every source counts as if it sent one spike.
        cores: for "balance", the number of cores to use; None: as many as "layer" uses.

    Raises:
        TargetError: the target has no cores.
        DataError: the strategy is unknown, ``cores`` is given for another strategy than "balance", or ``cores`` is less than
            "layer" uses or more than the target has.
    """
    if strategy not in STRATEGIES:
        raise DataError(f"strategy is {strategy!r}; {', '.join(STRATEGIES)} are allowed")
    if cores is not None and strategy != "balance":
        raise DataError(f"cores is {cores} and the strategy {strategy!r}; 'balance' alone spreads over a number of cores")
    most = limits(target)
    found = populations(network, target)
    choices = [candidates(population, _work(population, activity)) for population in found]
    layouts = lay_all(choices, most, [np.inf] * len(found))
    whole = all(layout.parts for layout in layouts)
    if strategy == "balance" and whole:
        layouts = balanced(layouts, most, _wanted(target, layouts, cores))
    layouts = _placed(layouts, most, shared=strategy == "pack")
    loads = _loads(layouts) if whole else np.zeros((0, COLUMNS))
    refusals = [layout.refusal for layout in layouts if layout.refusal is not None] or _too_many_cores(
        target, layouts, len(loads)
    )
    least = tuple(least_use(one, after, most) for one, after in zip(found, [*found[1:], None]))
    return Mapping(target, strategy, activity is not None, most, tuple(layouts), least, loads, tuple(refusals))


def dense_cores(layout: Layout, most: Loads) -> tuple[int, int] | None:
    """Memory in bits, and cores, of a layer with a dense recurrence of the same size; None if a neuron fits no core.

    Output axons to the following layer are left out on both sides of the comparison.
    """
    population = layout.population
    forward, recurrent = population.links
    swapped = replace(population, links=(forward, dense_stand_in(recurrent, population.neurons)), orders=(layout.order,))
    laid = lay_all([candidates(swapped, layout.work)], most, [np.inf])[0]
    return (sum(part.bits[1] for part in laid.parts), len(laid.parts)) if laid.parts else None


def _work(population: Population, activity: Activity | None) -> Loads:
    """Synaptic operations (neurons,) of each neuron."""
    total = np.zeros(population.neurons)
    for link in population.links:
        sources = int(np.prod(link.shape))
        spikes = np.ones(sources) if activity is None else activity.into(population.index, recurrent=link.recurrent)
        total += operations(link.arrays, spikes)
    return total


def _wanted(target: Target, layouts: Sequence[Layout], cores: int | None) -> int:
    least, most = sum(len(layout.parts) for layout in layouts), _cores_of_chip(target) * (target.chips or 1)
    if cores is not None and not least <= cores <= most:
        raise DataError(f"cores is {cores}; {least} (what the layers need) to {most} (what {target.name} has) are allowed")
    return cores or least


def _cores_of_chip(target: Target) -> int:
    assert target.cores_to_plan_with is not None  # ``limits`` has refused other targets
    return target.cores_to_plan_with


def _placed(layouts: Sequence[Layout], most: Loads, *, shared: bool) -> list[Layout]:
    """The layouts with the core of each part: one core after the other, or if layers share cores, the first with room."""
    places = [(place, number) for place, layout in enumerate(layouts) for number in range(len(layout.parts))]
    cores = _first_fit(layouts, places, most) if shared else {place: core for core, place in enumerate(places)}
    return [
        replace(layout, parts=tuple(part._replace(core=cores[place, number]) for number, part in enumerate(layout.parts)))
        for place, layout in enumerate(layouts)
    ]


def _first_fit(layouts: Sequence[Layout], places: list[tuple[int, int]], most: Loads) -> dict[tuple[int, int], int]:
    """Cores of the parts: fullest part first, each on the first core with room; cores are numbered in the order of layers."""
    fullness = {(place, number): float((layouts[place].parts[number].load / most).max()) for place, number in places}
    cores: list[tuple[Loads, int]] = []  # load, and delay slots of a neuron
    chosen: dict[tuple[int, int], int] = {}
    for place, number in sorted(places, key=lambda key: -fullness[key]):
        load, slots = layouts[place].parts[number].load, layouts[place].population.slots
        for core, (held, held_slots) in enumerate(cores):
            together = _together(held, load, max(slots, held_slots))
            if np.all(together <= most):
                cores[core] = (together, max(slots, held_slots))
                break
        else:
            core = len(cores)
            cores.append((load, slots))
        chosen[place, number] = core
    renumbered = {core: number for number, core in enumerate(dict.fromkeys(chosen[key] for key in places))}
    return {key: renumbered[core] for key, core in chosen.items()}


def _together(held: Loads, load: Loads, slots: int) -> Loads:
    """Load of a core with both; all neurons of a core have the same number of delay slots."""
    total = held + load
    total[DELAY_SLOTS] = total[NEURONS] * slots
    return total


def _loads(layouts: Sequence[Layout]) -> Loads:
    count = 1 + max(part.core for layout in layouts for part in layout.parts)
    loads, slots = np.zeros((count, COLUMNS)), np.zeros(count, np.int64)
    for layout in layouts:
        for part in layout.parts:
            slots[part.core] = max(slots[part.core], layout.population.slots)
            loads[part.core] = _together(loads[part.core], part.load, int(slots[part.core]))
    return loads


def _too_many_cores(target: Target, layouts: Sequence[Layout], got: int) -> list[Refusal]:
    limit = _cores_of_chip(target) * (target.chips or 1)
    if got <= limit:
        return []
    largest = max(layouts, key=lambda layout: len(layout.parts))
    boards = [board for board in map(load_target, target_names()) if board.chip == target.chip]
    held = sorted((_cores_of_chip(board) * (board.chips or 1), board.name) for board in boards)
    larger = next((f", or use a board with more chips: {name} has {count} cores" for count, name in held if count >= got), "")
    message = (
        f"network: it needs {got} cores, {target.name} has {limit}; {largest.population.name} takes {len(largest.parts)} of "
        f"them, bound by {LABELS[largest.binding]}: make it smaller{larger}"
    )
    return [Refusal("network", "cores", got, limit, message)]
