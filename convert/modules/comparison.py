"""The result of comparing a module with a network: equal, or where they first diverge."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FirstValue:
    """The first value that differs: of the first sample that differs, the earliest layer, and there the earliest step.

    Attributes:
        where: the module's block and the network's layer, or the output.
        sample, step: index of the sample, and index t in the network's recording.
        neuron: index in the layer's shape.
        expected: the module's value, in integers of the network.
        got: the network's value.
    """

    where: str
    sample: int
    step: int
    neuron: tuple[int, ...]
    expected: float
    got: float

    def __str__(self) -> str:
        return (
            f"{self.where}: sample {self.sample}, step {self.step}, neuron {', '.join(map(str, self.neuron))}: "
            f"the module gives {self.expected:g}, the network {self.got:g}"
        )


@dataclass(frozen=True)
class ComparedPart:
    """One row: the name of a block and its layer, the number of values compared, and how many differ."""

    where: str
    values: int
    different_values: int


@dataclass(frozen=True)
class Comparison:
    """Result of ``myelin.compare``; true if every value is equal.

    Attributes:
        samples, steps: size of the input.
        values, different_values: numbers of values compared, and of values that differ, over all ``layers``.
        layers: one row for each block, the output last.
        first: where they first diverge; None if they do not.
        lag: known number of steps by which the network's output comes later than the module's (blocks without the step of
            latency), already taken into account; negative if it comes earlier.
        shift: None, or the further number of steps by which the module's output must be moved later to be equal.
        notes: what the reader of a difference should know.
    """

    samples: int
    steps: int
    values: int
    different_values: int
    layers: tuple[ComparedPart, ...]
    first: FirstValue | None = None
    lag: int = 0
    shift: int | None = None
    notes: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether every compared value is equal, and at least one was compared."""
        return self.different_values == 0 and self.values > 0

    def __bool__(self) -> bool:
        return self.equal

    def __str__(self) -> str:
        lines = [
            f"{'equal' if self.equal else 'different'}: {self.different_values:,} of {self.values:,} values differ "
            f"({self.samples} samples of {self.steps} steps)"
        ]
        width = max(len(row.where) for row in self.layers)
        lines += [f"  {row.where:<{width}}  {row.different_values:>9,} of {row.values:,}" for row in self.layers]
        if self.first is not None:
            lines.append(f"first at {self.first}")
        if self.lag:
            lines.append(
                f"the network's output comes {_steps(abs(self.lag))} {'later' if self.lag > 0 else 'earlier'} than the "
                "module's, "
                "which is known and taken into account"
            )
        if self.shift is not None:
            when = "later" if self.shift > 0 else "earlier"
            lines.append(f"the outputs are equal if the module's is moved {_steps(abs(self.shift))} {when}")
        return "\n".join([*lines, *self.notes])


def _steps(number: int) -> str:
    return f"{number} step{'' if number == 1 else 's'}"
