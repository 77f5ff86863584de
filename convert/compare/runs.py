"""One side of a comparison of two runs: its network, its backend, and its recorded arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.network import Network
from myelin.convert.neurons import NEURONS
from myelin.convert.recording import Record, Recording

#: Names of the summed input, the spikes and the network's output; every other recorded name is a state.
INPUT, SPIKES, OUTPUT = "a", "spikes", "output"

#: Arrays of a population by name, (batch, steps, neurons).
Arrays = dict[str, npt.NDArray[Any]]


def is_input(name: str) -> bool:
    """True if neurons of some kind call a summed synaptic input ``name``."""
    return any(name in neuron.INPUTS for neuron in NEURONS.values())


@dataclass(frozen=True, eq=False)
class ComparedRun:
    """One of the two runs.

    Attributes:
        network: the network that runs.
        run: the backend, (network, frames (batch, steps, ...), record) -> Recording.
        without: names that the backend cannot record; None if it returns only the output.
    """

    network: Network
    run: Callable[[Network, npt.NDArray[Any], Record], Recording]
    without: frozenset[str] | None = frozenset()


@dataclass(frozen=True)
class ComparedPopulation:
    """A compared population: the input's neurons (index -1), a layer, or the output after its axonal delay (index None)."""

    name: str
    index: int | None
    shape: Shape


def populations(a: ComparedRun, b: ComparedRun) -> list[ComparedPopulation]:
    """The populations that can be compared, from the input to the output; only the output if one side records no more."""
    network, found = a.network, []
    if a.without is not None and b.without is not None:
        if network.input.neuron is not None:
            found.append(ComparedPopulation("input neurons", -1, network.input.shape))
        for index, layer in enumerate(network.layers):
            found.append(ComparedPopulation(f"layer {index} ({layer.kind})", index, layer.shape))
    return [*found, ComparedPopulation(OUTPUT, None, network.output_shape)]


def recorded(
    side: ComparedRun, populations: list[ComparedPopulation], frames: npt.NDArray[Any]
) -> tuple[Recording, list[Arrays]]:
    """Run one side on ``frames`` (batch, steps, ...); returns the recording and, for each population, its arrays by name.

    Arrays that the backend cannot record are derived from others if the neuron can do so (``Neuron.derive``).
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
