"""The first difference between two runs of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.written import counted, thousands

#: Recorded arrays of a run, in the order of the layers: (name, (batch, steps, ...) array).
Trains = Sequence[tuple[str, npt.NDArray[Any]]]


class Place(NamedTuple):
    """Place of a value, ordered from cause to effect: row of the batch, then step, then layer, then neuron."""

    row: int
    step: int
    layer: int
    neuron: int


def first_place(unequal: Sequence[npt.NDArray[np.bool_]]) -> Place | None:
    """The first True in ``unequal``, or None.

    ``unequal`` has one mask (batch, steps, neurons) per layer, from the first layer to the last.  Every connection takes a
    step, so within a step no layer acts on the next one; layers then count in their order.
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
    """Comparison of two runs that must be equal: samples and values compared, values that differ, and the first difference."""

    name: str
    samples: int
    values: int
    different_values: int = 0
    first: Difference | None = None

    @property
    def equal(self) -> bool:
        """Whether all values are equal."""
        return self.different_values == 0

    def __str__(self) -> str:
        samples, values = counted(self.samples, "sample"), thousands(self.values)
        if self.equal:
            return f"{self.name}: all {values} values of {samples} are equal"
        return f"{self.name}: {thousands(self.different_values)} of {values} values of {samples} differ, {self.first}"

    def __add__(self, later: Parity) -> Parity:
        """Both comparisons combined; ``later`` has the later samples."""
        return Parity(
            self.name,
            self.samples + later.samples,
            self.values + later.values,
            self.different_values + later.different_values,
            self.first or later.first,
        )


def compare_trains(name: str, expected: Trains, got: Trains, samples: npt.NDArray[np.int64]) -> Parity:
    """Compare every value of two runs of the samples with the numbers ``samples`` (batch,).

    Raises:
        ValueError: the two runs have different layers or shapes.
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
