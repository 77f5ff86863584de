"""Instructions by kind, and their clock cycles."""

from __future__ import annotations

from typing import NamedTuple

from myelin.hw_configs.controller import Cycles


class Instructions(NamedTuple):
    """Instructions by kind; a branch is one that is taken."""

    load: float = 0.0
    store: float = 0.0
    multiply: float = 0.0
    branch: float = 0.0
    other: float = 0.0

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self)

    def cycles(self, cost: Cycles) -> float:
        """Their clock cycles."""
        return sum(number * getattr(cost, name) for name, number in self._asdict().items())

    def times(self, number: float) -> Instructions:
        """As often as ``number`` says."""
        return Instructions(*(number * one for one in self))

    def plus(self, more: Instructions) -> Instructions:
        """Both together."""
        return Instructions(*(one + other for one, other in zip(self, more)))
