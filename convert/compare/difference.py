"""Where two runs of a network first differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

#: What a run gave, in the order of the layers: (name, (batch, steps, ...) array).
Trains = Sequence[tuple[str, npt.NDArray[Any]]]


class Place(NamedTuple):
    """Where a value stands, ordered as causes precede effects: row of the batch, then step, then layer, then neuron."""

    row: int
    step: int
    layer: int
    neuron: int


def first_place(unequal: Sequence[npt.NDArray[np.bool_]]) -> Place | None:
    """The first True of ``unequal``, one (batch, steps, neurons) mask for each layer in the order of the chain; None without.

    Within a step no layer acts on the next one yet, since every connection takes a step; the order is then the chain's.
    """
    places = []
    for layer, mask in enumerate(unequal):
        if mask.any():
            row, step, neuron = (int(index) for index in np.unravel_index(int(np.argmax(mask)), mask.shape))
            places.append(Place(row, step, layer, neuron))
    return min(places, default=None)


@dataclass(frozen=True)
class Difference:
    """The first value that differs: lowest sample, then step, then layer, then neuron (flat index in its layer)."""

    where: str
    sample: int
    step: int
    neuron: int
    expected: int
    got: int

    def __str__(self) -> str:
        return (
            f"first in {self.where}: sample {self.sample}, step {self.step}, neuron {self.neuron}: "
            f"expected {self.expected}, got {self.got}"
        )


@dataclass(frozen=True)
class Parity:
    """Two runs that must be equal: on how many samples and values they were compared, how many differ, and the first."""

    name: str
    samples: int
    values: int
    different_values: int = 0
    first: Difference | None = None

    @property
    def equal(self) -> bool:
        """Whether all values are."""
        return self.different_values == 0

    def __str__(self) -> str:
        samples = f"{self.samples} sample{'' if self.samples == 1 else 's'}"
        if self.equal:
            return f"{self.name}: all {self.values} values of {samples} are equal"
        return f"{self.name}: {self.different_values} of {self.values} values of {samples} differ, {self.first}"

    def __add__(self, later: Parity) -> Parity:
        """Both comparisons as one; ``later`` holds later samples."""
        return Parity(
            self.name,
            self.samples + later.samples,
            self.values + later.values,
            self.different_values + later.different_values,
            self.first or later.first,
        )


def compare_trains(name: str, expected: Trains, got: Trains, samples: npt.NDArray[np.int64]) -> Parity:
    """Compare every value of two runs of the samples numbered ``samples`` (batch,).

    Raises:
        ValueError: the two have different layers or shapes.
    """
    values = 0
    masks = []
    for (where, a), (other, b) in zip(expected, got, strict=True):
        if where != other or a.shape != b.shape:
            raise ValueError(f"{where} {a.shape} cannot be compared with {other} {b.shape}")
        values += a.size
        masks.append((a != b).reshape(*a.shape[:2], -1))
    different = sum(int(np.count_nonzero(mask)) for mask in masks)
    place = first_place(masks)
    if place is None:
        return Parity(name, len(samples), values, different)
    where, a = expected[place.layer]
    here = (place.row, place.step, place.neuron)
    one, two = (int(array.reshape(*array.shape[:2], -1)[here]) for array in (a, got[place.layer][1]))
    first = Difference(where, int(samples[place.row]), place.step, place.neuron, one, two)
    return Parity(name, len(samples), values, different, first)
