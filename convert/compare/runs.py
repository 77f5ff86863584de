"""One of two runs that are compared: its network, its backend, and all that the backend records of a batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.network import Network
from myelin.convert.recording import Record, Recording

#: Names of the summed input, of what is sent on, and of what leaves the network; every other recorded name is a state.
INPUT, SPIKES, OUTPUT = "a", "spikes", "output"

#: By name, (batch, steps, neurons) of a population.
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two runs.

    Attributes:
        network: what runs.
        run: its backend, (network, frames (batch, steps, ...), record) -> Recording.
        without: names that the backend cannot record; None where it gives the output alone.
    """

    network: Network
    run: Callable[[Network, npt.NDArray[Any], Record], Recording]
    without: frozenset[str] | None = frozenset()


@dataclass(frozen=True)
class ComparedPopulation:
    """What is compared: the input's neurons (index -1), a layer, or the output (index None), which axonal delays reach."""

    name: str
    index: int | None
    shape: Shape


def populations(a: Side, b: Side) -> list[ComparedPopulation]:
    """What two sides can be compared in, in the order of the chain; only the output where one of them records nothing else."""
    network, found = a.network, []
    if a.without is not None and b.without is not None:
        if network.input.neuron is not None:
            found.append(ComparedPopulation("input neurons", -1, network.input.shape))
        for index, layer in enumerate(network.layers):
            found.append(ComparedPopulation(f"layer {index} ({layer.kind})", index, layer.shape))
    return [*found, ComparedPopulation(OUTPUT, None, network.output_shape)]


def recorded(side: Side, populations: list[ComparedPopulation], frames: npt.NDArray[Any]) -> tuple[Recording, list[Arrays]]:
    """Run one side on ``frames`` (batch, steps, ...); for each population its arrays by name.

    What the backend has no variable for is derived from other arrays where the neuron knows how (``Neuron.derive``).
    """
    network, without = side.network, side.without or frozenset()
    record: dict[int, tuple[str, ...]] = {}
    for population in populations:
        neuron = None if population.index is None else network.neuron(population.index)
        if population.index is not None and neuron is not None:
            record[population.index] = tuple(name for name in neuron.NAMES if name not in without)
    recording = side.run(network, frames, record)
    found: list[Arrays] = []
    for population in populations:
        if population.index is None:
            found.append({OUTPUT: _flat(recording.output)})
            continue
        arrays = {name: _flat(array) for name, array in recording.layers[population.index].items()}
        neuron = network.neuron(population.index)
        assert neuron is not None
        for name in (name for name in neuron.NAMES if name in without):
            derived = neuron.derive(name, arrays, population.shape)
            if derived is not None:
                arrays[name] = derived
        found.append(arrays)
    return recording, found


def _flat(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.reshape(*array.shape[:2], -1)
