"""Comparison of two runs of one input in every recorded value: where they first diverge, why, and how far this spreads.

"First" means first in the order of causes: the lowest sample, then the earliest step, then the earliest layer, then the lowest
neuron (``myelin.convert.compare.difference``).  Everything before this place is equal.  The cause of the first difference is
therefore at this place: in the neuron's own constants or synapses, or in the backend's arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import signed
from myelin.convert.compare.constants import ConstantDifference, constant_differences, require_same_structure
from myelin.convert.compare.difference import Place, first_place
from myelin.convert.compare.neuron_constants import NeuronConstants, neuron_constants
from myelin.convert.compare.neuron_step import NeuronStep, neuron_step
from myelin.convert.compare.runs import (
    INPUT,
    OUTPUT,
    SPIKES,
    Arrays,
    ComparedPopulation,
    ComparedRun,
    is_input,
    populations,
    recorded,
)
from myelin.convert.network import Network

#: Upper bound on the memory of both sides' recordings at a time, in bytes.
_CHUNK_BYTES = 96 << 20
_CHUNK_SAMPLES = 64


@dataclass(frozen=True, eq=False)
class FirstDifference:
    """The place where two runs first diverge.

    Attributes:
        sample: number of the sample in the data.
        place: row of its batch, step, position of the population in ``Divergence.populations``, flat index of the neuron.
        names: names of the values that differ there, causes before effects.
        before, now: values of A and B by name, in the previous step (None at the first step) and in this step.
        constants: constants and synapses of the neuron that differ between the networks.
        steps: for A and B, the spikes that arrive and the result of the equations; None if no states are recorded.
    """

    sample: int
    place: Place
    names: tuple[str, ...]
    before: Mapping[str, tuple[int, int]] | None
    now: Mapping[str, tuple[int, int]]
    constants: NeuronConstants
    steps: tuple[NeuronStep | None, NeuronStep | None]


@dataclass(frozen=True)
class Sent:
    """Numbers of spikes of one population: in A, in B, only in A, only in B, and in both with different values."""

    a: int
    b: int
    missing: int
    extra: int
    changed: int

    @classmethod
    def of(cls, a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Sent:
        """Count the spikes in ``a`` and ``b``, arrays of the same shape with the values that A and B sent."""
        x, y = a != 0, b != 0
        counts = (x, y, x & ~y, ~x & y, x & y & (a != b))
        return cls(*(int(np.count_nonzero(mask)) for mask in counts))


@dataclass(frozen=True, eq=False)
class Spread:
    """Extent of the difference in one population, over the first sample that differs.

    Attributes:
        first_step: first step with a difference; None if there is none.
        neurons: number of neurons.
        different_at_end: number of neurons whose state (for the output, whose value) differs after the last step.
        different_ever: number of neurons that differ at any step.
        sent: numbers of spikes; None for the output of a readout of states.
        share: (steps,) fraction of neurons that differ.
    """

    first_step: int | None
    neurons: int
    different_at_end: int
    different_ever: int
    sent: Sent | None
    share: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Divergence:
    """Result of a comparison.

    Attributes:
        populations: compared populations, from the input to the output.
        names: names of the compared values, per population.
        derived: the sides, "A" or "B", whose summed input was derived from their states; it is then compared modulo 2^18.
        constants: every field that differs between the networks.
        samples, steps: size of the input.
        values, different_values: numbers of compared values, and of values that differ.
        different_samples, changed_predictions: number of samples that differ, and of predictions that differ.
        first, spread: the first difference and its spread; None and () if nothing differs.
    """

    populations: tuple[ComparedPopulation, ...]
    names: tuple[tuple[str, ...], ...]
    derived: tuple[str, ...]
    constants: list[ConstantDifference]
    samples: int = 0
    steps: int = 0
    values: int = 0
    different_values: int = 0
    different_samples: int = 0
    changed_predictions: int = 0
    first: FirstDifference | None = None
    spread: tuple[Spread, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether every compared value is equal."""
        return self.different_values == 0


def diverge(
    a: ComparedRun,
    b: ComparedRun,
    batches: Iterable[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]],
    progress: Callable[[int], object] = lambda samples: None,
) -> Divergence:
    """Run both sides on every batch and compare the output and every value that both record.

    Args:
        a, b: the two runs; their networks must have the same structure.
        batches: (numbers of the samples, frames (batch, steps, *input shape)); ``samples_at_a_time`` bounds the batch.
        progress: called after each batch with its number of samples.

    Raises:
        NetworkError: the networks have different structure.
        MyelinError: errors of the backends.
    """
    require_same_structure(a.network, b.network)
    total = _Total(a, b)
    for numbers, frames in batches:
        total.add(numbers, frames)
        progress(len(numbers))
    return total.result()


def samples_at_a_time(network: Network, steps: int) -> int:
    """Size of a batch that bounds the memory of both recordings."""
    neurons = int(np.prod(network.input.shape)) + sum(layer.neurons for layer in network.layers)
    names = max(len(layer.neuron.NAMES) for layer in network.layers)
    return max(1, min(_CHUNK_SAMPLES, _CHUNK_BYTES // (2 * 4 * (names + 1) * steps * neurons)))


@dataclass
class _Total:
    """Sums over the batches so far."""

    a: ComparedRun
    b: ComparedRun
    populations: list[ComparedPopulation] = field(init=False)
    sums: dict[str, int] = field(default_factory=dict)
    first: FirstDifference | None = None
    spread: tuple[Spread, ...] = ()
    names: tuple[tuple[str, ...], ...] = ()

    def __post_init__(self) -> None:
        self.populations = populations(self.a, self.b)
        self.sums = dict.fromkeys(("samples", "values", "different_values", "different_samples", "changed_predictions"), 0)

    def add(self, numbers: npt.NDArray[np.int64], frames: npt.NDArray[Any]) -> None:
        """Run and compare one batch."""
        (got_a, one), (got_b, two) = (recorded(side, self.populations, frames) for side in (self.a, self.b))
        pairs = [{name: (x[name], y[name]) for name in _causal(x) if name in y} for x, y in zip(one, two)]
        self.names = tuple(tuple(pair) for pair in pairs)
        unequal = [
            {name: _unequal(*values, self._known_bits(population, name)) for name, values in pair.items()}
            for population, pair in zip(self.populations, pairs)
        ]
        masks = [np.logical_or.reduce(list(by_name.values())) for by_name in unequal]
        rows = np.zeros(len(numbers), np.bool_)
        for mask in masks:
            rows |= mask.any(axis=(1, 2))
        self.sums["samples"] += len(numbers)
        self.sums["steps"] = frames.shape[1]
        self.sums["values"] += sum(mask.size for by_name in unequal for mask in by_name.values())
        self.sums["different_values"] += sum(int(np.count_nonzero(mask)) for by in unequal for mask in by.values())
        self.sums["different_samples"] += int(rows.sum())
        self.sums["changed_predictions"] += int((got_a.prediction != got_b.prediction).sum())
        place = None if self.first is not None else first_place(masks)
        if place is not None:
            self.first = self._first(place, int(numbers[place.row]), frames, pairs, unequal, (one, two))
            spiking = self.a.network.layers[-1].output == "spikes"
            self.spread = tuple(
                _spread(place.row, pair, by_name, mask, spiking or OUTPUT not in pair)
                for pair, by_name, mask in zip(pairs, unequal, masks)
            )

    def result(self) -> Divergence:
        """The comparison over all batches."""
        constants = [] if self.a.network is self.b.network else constant_differences(self.a.network, self.b.network)
        populations = tuple(self.populations)
        derived = self._derived() if any(INPUT in names for names in self.names) else ()
        return Divergence(populations, self.names, derived, constants, first=self.first, spread=self.spread, **self.sums)

    def _known_bits(self, population: ComparedPopulation, name: str) -> int | None:
        """Number of bits in which a derived array can be compared; None, for all bits, if no side has derived it."""
        neuron = None if population.index is None else self.a.network.neuron(population.index)
        return neuron.DERIVED_BITS.get(name) if neuron is not None and self._derived() else None

    def _derived(self) -> tuple[str, ...]:
        return tuple(name for name, side in (("A", self.a), ("B", self.b)) if INPUT in (side.without or ()))

    def _first(
        self,
        place: Place,
        sample: int,
        frames: npt.NDArray[Any],
        pairs: list[dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]]],
        unequal: list[Arrays],
        got: tuple[list[Arrays], list[Arrays]],
    ) -> FirstDifference:
        row, step, layer, neuron = place

        def at(when: int) -> dict[str, tuple[int, int]]:
            return {name: (int(x[row, when, neuron]), int(y[row, when, neuron])) for name, (x, y) in pairs[layer].items()}

        index = self.populations[layer].index
        steps: list[NeuronStep | None] = [None, None]
        for side, arrays in enumerate(got):
            if index is not None:
                entered = arrays[layer - 1][SPIKES] if layer else frames.reshape(*frames.shape[:2], -1)
                own = {name: array[row] for name, array in arrays[layer].items()}
                network = (self.a, self.b)[side].network
                steps[side] = neuron_step(network, index, neuron, step, entered[row], own)
        return FirstDifference(
            sample,
            place,
            names=tuple(name for name, mask in unequal[layer].items() if mask[row, step, neuron]),
            before=at(step - 1) if step else None,
            now=at(step),
            constants=neuron_constants(self.a.network, self.b.network, index, neuron),
            steps=(steps[0], steps[1]),
        )


def _causal(names: Iterable[str]) -> list[str]:
    """``names`` in causal order: the summed input first, then the states in their order, the spikes last."""
    return sorted(names, key=lambda name: (name == SPIKES) - (name == INPUT))


def _unequal(x: npt.NDArray[Any], y: npt.NDArray[Any], bits: int | None) -> npt.NDArray[np.bool_]:
    if bits is not None:
        return signed(x, bits) != signed(y, bits)
    return np.asarray(x != y, np.bool_)


def _spread(row: int, pair: Mapping[str, Any], unequal: Mapping[str, Any], mask: npt.NDArray[np.bool_], spikes: bool) -> Spread:
    here = mask[row]  # (steps, neurons)
    states = [by[row, -1] for name, by in unequal.items() if name != SPIKES and not is_input(name)]
    sent = pair.get(SPIKES, pair.get(OUTPUT)) if spikes else None
    steps = np.flatnonzero(here.any(axis=1))
    return Spread(
        first_step=int(steps[0]) if steps.size else None,
        neurons=here.shape[1],
        different_at_end=int(np.logical_or.reduce(states).sum()),
        different_ever=int(here.any(axis=0).sum()),
        sent=None if sent is None else Sent.of(*(array[row] for array in sent)),
        share=here.mean(axis=1),
    )
