"""Rings of spikes that are under way: what a population has sent and a connection has not yet received.

Spikes of 0 or 1 take one bit, graded ones the bytes of their type.  A ring has as many rows as its longest delay needs.  A
connection with one delay for each source has a ring of arrivals: a spike waits in the row of the step in which it arrives.  A
connection with delays of its synapses has a ring of the past: a row holds what was sent in one step.  In every step the
receiving population comes first, so a row is free when it is written again, and delay 0 needs a single row.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray
from myelin.convert.c99.memory import Array, constant, type_for


@dataclass(frozen=True, eq=False)
class Ring:
    """A ring of spikes.

    Attributes:
        name: name of its array in the state.
        sources: number of neurons that send into it.
        ctype: type of a graded spike; None for bits.
        past: whether rows hold what was sent, instead of what arrives.
        delay: delay of each source in steps, (sources,), or a single number (1,); for a ring of the past the longest one.
        latency: steps that a spike takes besides its delay: 1 for a connection, 0 for the output.
        part: the layer that receives, in words.
    """

    name: str
    sources: int
    ctype: str | None
    past: bool
    delay: IntArray = field(default_factory=lambda: np.zeros(1, np.int32))
    latency: int = 1
    part: str = ""

    @property
    def length(self) -> int:
        """Number of rows."""
        return int(self.delay.max(initial=0)) + 1

    @property
    def row(self) -> int:
        """Elements of a row: words of 32 spikes, or graded spikes."""
        return -(-self.sources // 32) if self.ctype is None else self.sources

    @property
    def state(self) -> Array:
        """Its array in RAM."""
        what = "what was sent" if self.past else "what arrives"
        how = "one bit for each source" if self.ctype is None else "one value for each source"
        rows = "1 row" if self.length == 1 else f"{self.length} rows"
        note = f"{what}: {rows}, {how}"
        return Array(self.name, self.ctype or "uint32_t", self.length * self.row, note, self.part)

    @property
    def constants(self) -> list[Array]:
        """The delays, if they differ."""
        if self.past or self.delay.size == 1:
            return []
        return [constant(f"{self.name}_delay", self.delay, "delay of each source in steps", self.part)]

    @property
    def at(self) -> str:
        """The row of this step, an expression."""
        return row_counter(self.length) if self.length > 1 else "0u"

    @property
    def here(self) -> str:
        """The first element of the row of this step, an expression."""
        return f"&ram.{self.name}[{times(self.at, self.row)}]"

    def before(self) -> list[str]:
        """Statements before the sources send in a step."""
        if self.ctype is None and self.past:
            return [f"clear({self.here}, {self.row}u);"]
        return []

    def send(self, index: str, value: str) -> list[str]:
        """Statements that send ``value`` of source ``index``, expressions; it is not 0 if it is a bit, or not of the past."""
        if self.past or self.delay.size == 1:  # with one delay for all, the row just received is the one to fill
            ahead = 0 if self.past or self.latency else int(self.delay[0])
            row = self.at if not ahead else f"row_ahead({self.at}, {ahead}u, {self.length}u)"
        else:
            delay = f"flash.{self.name}_delay[{index}]"
            ahead_of = f"{delay} + 1u" if self.latency else delay
            row = f"row_ahead({self.at}, {ahead_of}, {self.length}u)" if self.length > 1 else "0u"
        place = f"ram.{self.name}[{times(row, self.row)}"
        if self.ctype is None:
            return [f"set_bit(&{place}], {index});"]
        return [f"{place} + {index}] = ({self.ctype}){value};"]


def times(index: str, count: int) -> str:
    """The product of an expression and a number."""
    if index == "0u" or count == 1:
        return index
    return f"{index} * {count}u"


def row_counter(length: int) -> str:
    """The counter of rings with ``length`` rows."""
    return f"ram.row_of_{length}"


def counter(length: int) -> Array:
    """The state that counts the rows of rings with ``length`` rows."""
    note = f"the row of this step in rings of {length} rows"
    return Array(f"row_of_{length}", type_for(0, length), 1, note, "network", scalar=True)


def value_type(low: int, high: int) -> str:
    """The type of graded spikes of ``low`` .. ``high``; values that need 32 bit are signed, as everywhere."""
    return type_for(low, high) if high < 1 << 16 else "int32_t"


def uniform(delay: npt.NDArray[np.int32]) -> IntArray:
    """One delay (1,) if all sources have the same, else (sources,)."""
    flat = delay.reshape(-1)
    return flat[:1] if np.all(flat == flat[0]) else flat
