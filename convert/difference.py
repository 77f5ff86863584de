"""Where two runs of a network first differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: What a run gave, in the order of the layers: (name, (batch, steps, ...) array).
Trains = Sequence[tuple[str, npt.NDArray[Any]]]


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
    values = different = 0
    first: tuple[tuple[int, int, int, int], Difference] | None = None
    for layer, ((where, a), (other, b)) in enumerate(zip(expected, got, strict=True)):
        if where != other or a.shape != b.shape:
            raise ValueError(f"{where} {a.shape} cannot be compared with {other} {b.shape}")
        a, b = (array.reshape(*array.shape[:2], -1) for array in (a, b))
        unequal = a != b
        values += a.size
        different += int(np.count_nonzero(unequal))
        if unequal.any():
            row, step, neuron = (int(index) for index in np.argwhere(unequal)[0])
            place = (row, step, layer, neuron)
            if first is None or place < first[0]:
                here = (row, step, neuron)
                first = place, Difference(where, int(samples[row]), step, neuron, int(a[here]), int(b[here]))
    return Parity(name, len(samples), values, different, first[1] if first else None)
