"""The populations to map, each with its incoming connections, and lower bounds on the number of their cores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape, each
from myelin.convert.layers.conv import as_chw
from myelin.convert.mapping.core_memory import Link, empty_arrays, least_bits, prepare, reordered
from myelin.convert.mapping.loops import (
    AXONS_IN,
    AXONS_OUT,
    COLUMNS,
    DELAY_SLOTS,
    NEURON_CONFIGS,
    NEURONS,
    SYNAPSE_BITS,
    LinkArrays,
)
from myelin.convert.network import Network
from myelin.convert.neurons import Neuron
from myelin.convert.synapses import connections, parts_of
from myelin.hw_configs.errors import TargetError
from myelin.hw_configs.target import Target

Index = npt.NDArray[np.int64]


class Resource(NamedTuple):
    """A limited resource of a core.

    Attributes:
        name: the name in JSON, with its unit if that is not obvious.
        needs: the fields of ``Target`` that give the limit.
        what: the name in messages, after an amount.
        label: the name in tables.
        cure: the advice if a single neuron needs too much.
    """

    name: str
    needs: tuple[str, ...]
    what: str
    label: str
    cure: str


#: The resources in the order of the columns of loads.
RESOURCES: tuple[Resource, ...] = (
    Resource("neurons", ("neurons_per_core",), "neurons", "neurons", "use another target"),
    Resource("delay_slots", ("delay_slots_per_core",), "delay slots", "delay slots", "retrain with a smaller max_delay_steps"),
    Resource(
        "synapse_bits",
        ("core_memory_bytes", "packing"),
        "bits of synapse memory",
        "synapse memory",
        "prune its weights, or make the layer before it smaller",
    ),
    Resource(
        "axons_in",
        ("axons_in_per_core",),
        "input axons",
        "input axons",
        "prune its weights, or make the layer before it smaller",
    ),
    Resource(
        "axons_out",
        ("axons_out_per_core",),
        "output axons",
        "output axons",
        "make the layer that it reaches smaller, so that this layer uses fewer cores",
    ),
    Resource("neuron_configs", ("neuron_configs_per_core",), "sets of decays", "sets of decays", "use another target"),
)
#: Name of a resource -> its label in tables.
LABELS = {resource.name: resource.label for resource in RESOURCES}


def limits(target: Target) -> npt.NDArray[np.float64]:
    """The limits (COLUMNS,) of each resource of a core; infinity if not public, and for operations.

    Raises:
        TargetError: the target has no cores, like a simulator.
    """
    if target.cores_to_plan_with is None or (target.neurons_per_core is None and target.core_memory_bytes is None):
        raise TargetError(
            f"target {target.name}: it states no cores_per_chip with neurons_per_core or core_memory_bytes, so nothing can be "
            "mapped onto it; name a chip or a board"
        )
    most = np.full(COLUMNS, np.inf)
    for column, resource in enumerate(RESOURCES):
        values = [getattr(target, name) for name in resource.needs]
        if None not in values:
            most[column] = values[0] * 8 if column == SYNAPSE_BITS else values[0]
    return most


def not_checked(target: Target) -> list[str]:
    """A line for each resource that is not checked: missing numbers of the target, and effects that no target states."""
    lines = []
    for resource in RESOURCES:
        missing = [name for name in resource.needs if getattr(target, name) is None]
        if missing:
            lines.append(f"{resource.label}: {', '.join(missing)} of {target.name} not public, not checked")
    if target.packing_label and target.core_memory_bytes is not None:
        lines.append("memory of neuron states: what it takes of the core memory is not public, not checked")
    if (target.chips or 1) > 1:
        lines.append("traffic between chips: not public, not checked")
    return lines


@dataclass(frozen=True, eq=False)
class Population:
    """A population on the cores, with its incoming connections.

    Attributes:
        index: index of the layer; -1: the neurons of the input.
        name: ``layer 1 (conv)`` or ``input neurons``.
        shape: shape of the population.
        links: the feed-forward, then the recurrent connection, or the two parts of complex weights; at most two.
        longest_delay_steps: the longest delay of an incoming synapse.
        slots: delay slots of a neuron.
        configs: (neurons,) index of each neuron's set of decays.
        orders: orders in which its neurons may be laid out: name, and flat indices.
    """

    index: int
    name: str
    shape: Shape
    links: tuple[Link, ...]
    longest_delay_steps: int
    slots: int
    configs: Index
    orders: tuple[tuple[str, Index], ...]

    @property
    def neurons(self) -> int:
        """The number of neurons."""
        return len(self.configs)

    def arrays(self, order: Index) -> tuple[LinkArrays, LinkArrays]:
        """Its two connections for the loops, with neurons in ``order``; a missing connection is empty."""
        given = [reordered(link.arrays, order) for link in self.links]
        rest = [empty_arrays(self.neurons)] * (2 - len(given))
        return (*given, *rest)  # type: ignore[return-value]


def populations(network: Network, target: Target) -> list[Population]:
    """All populations of ``network`` to place on cores of ``target``, in the order of the network."""
    found = []
    if network.input.neuron is not None:
        found.append(_population(-1, "input neurons", network.input.shape, network.input.neuron, ()))
    for index, layer in enumerate(network.layers):
        links = tuple(
            prepare(connection, layer.neurons, target, name)
            for whole in connections(network, index)
            for name, connection in parts_of(whole)
        )
        found.append(_population(index, f"layer {index} ({layer.kind})", layer.shape, layer.neuron, links))
    return found


def _population(index: int, name: str, shape: Shape, neuron: Neuron, links: tuple[Link, ...]) -> Population:
    count = int(np.prod(shape))
    delay = max((link.longest_delay_steps for link in links), default=0)
    configs = np.zeros(count, np.int64)
    tabled = [each(getattr(neuron, constant.name), shape) for constant in neuron.CONSTANTS if constant.stored_once]
    if tabled:
        configs = np.unique(np.stack(tabled), axis=1, return_inverse=True)[1].reshape(-1).astype(np.int64)
    orders = [("as numbered", np.arange(count))]
    channels, height, width = as_chw(shape)
    if channels > 1 and height * width > 1 and any(link.kind == "conv" for link in links):
        orders.append(("all channels of a place together", np.arange(count).reshape(channels, -1).T.reshape(-1)))
    return Population(index, name, shape, links, delay, delay_slots(delay) if links else 0, configs, tuple(orders))


def delay_slots(longest_delay_steps: int) -> int:
    """Delay slots of a neuron with this longest input delay: the power of two above ``longest_delay_steps + 1``."""
    return 1 << (longest_delay_steps + 1).bit_length()


def least_use(population: Population, following: Population | None, most: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A lower bound (COLUMNS,) on a population's use of each resource over all cores, for any partition.

    The bound stores every synapse once, with as few headers as possible.  Every source enters one core.  A neuron reaches the
    smallest number of cores that can hold its targets.

    Args:
        population: the population.
        following: the next population, which receives its spikes; None after the last.
        most: (COLUMNS,) limits of a core.
    """
    least = np.zeros(COLUMNS)
    least[NEURONS] = population.neurons
    least[DELAY_SLOTS] = population.neurons * population.slots
    least[SYNAPSE_BITS] = sum(least_bits(link) for link in population.links)
    least[AXONS_IN] = sum(_entering(link) for link in population.links)
    least[NEURON_CONFIGS] = population.configs.max(initial=-1) + 1
    reached = [(link, population) for link in population.links if link.recurrent]
    if following is not None:
        reached += [(link, following) for link in following.links if not link.recurrent]
    least[AXONS_OUT] = sum(_least_axons(link, there, most) for link, there in reached)
    return least


def _entering(link: Link) -> int:
    """A lower bound on the input axons of ``link`` over all cores: each axon is counted once."""
    return len(np.unique(link.arrays.source_axon[np.unique(link.arrays.axon)]))


def _least_axons(link: Link, reached: Population, most: npt.NDArray[np.float64]) -> int:
    """A lower bound on the output axons of ``link``'s sources, from the number of targets that a core of ``reached`` holds."""
    together = min(most[NEURONS], np.floor(most[DELAY_SLOTS] / max(reached.slots, 1)), reached.neurons)
    fan_out = np.bincount(link.arrays.axon)
    return int(np.ceil(fan_out / together).sum())


def lower_bounds(least: npt.NDArray[np.float64], most: npt.NDArray[np.float64]) -> dict[str, int]:
    """Lower bounds on the number of cores by resource, from the result of ``least_use``, without limits that are not public."""
    return {
        resource.name: int(np.ceil(least[column] / most[column]))
        for column, resource in enumerate(RESOURCES)
        if np.isfinite(most[column])
    }
