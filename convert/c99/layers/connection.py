"""The contract of a connection as C: how it is stored, the ring its spikes wait in, and the function that adds its input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, each
from myelin.convert.c99.memory import Array
from myelin.convert.c99.rings import Ring
from myelin.convert.layers import Synapse
from myelin.convert.registry import Handlers


@dataclass(frozen=True, eq=False)
class CLink:
    """A connection of a network.

    Attributes:
        name: its name in C, such as ``layer1_recurrent``.
        part: the layer, in words.
        synapse: weights and synaptic delays.
        shape, target: shapes of the source and the target population.
        axonal: axonal delays of the sources in steps.
        recurrent: whether the layer sends to itself.
        ctype: type of a graded spike; None for spikes of 0 or 1.
        highest: largest magnitude of a spike; None for no bound.
        density: measured share of sources that send in a step; None if unknown.
    """

    name: str
    part: str
    synapse: Synapse
    shape: Shape
    target: Shape
    axonal: IntArray
    recurrent: bool
    ctype: str | None
    highest: int | None
    density: float | None = None

    @cached_property
    def sources(self) -> int:
        """Number of sources."""
        return int(np.prod(self.shape))

    @cached_property
    def targets(self) -> int:
        """Number of targets."""
        return int(np.prod(self.target))

    @cached_property
    def delays(self) -> IntArray:
        """(sources,) axonal delay of each source in steps."""
        return each(self.axonal, self.shape)

    @property
    def side(self) -> str:
        """``recurrent`` or ``feed-forward``."""
        return "recurrent" if self.recurrent else "feed-forward"


class ConnectionCode(ABC):
    """A connection as C.

    Attributes:
        link: the connection.
        ring: where its spikes wait.
        constants: its arrays in flash, without those of the ring.
        exponent: the sums that it adds are in units of ``2 ** exponent``.
        storage: how it is stored, in words.
        finishes: whether it needs sums of its own, ``ram.part``, which it then adds to those of the layer.
        rows_read: rows of its ring that it looks through in a step.
        reads_all: whether it reads all sources instead of looking for those that sent.
    """

    link: CLink
    ring: Ring
    constants: list[Array]
    exponent: int
    storage: str
    finishes: bool = False
    rows_read: int = 1
    reads_all: bool = False

    @abstractmethod
    def function(self, unit: int) -> str:
        """The text of ``static void <name>(uint32_t *sum)``, which adds sums in units of ``2 ** unit`` and frees the row."""

    @abstractmethod
    def work(self, sent: npt.NDArray[np.float64]) -> dict[str, float]:
        """Operation -> number of them in a step, where ``sent`` (sources,) is the mean number of spikes of each source."""


#: Makes the code of a connection.
Make = Callable[[CLink], ConnectionCode | None]
#: Connections with code of their own; others are stored as their dense matrix.
CONNECTIONS: Handlers[Make] = Handlers("is a {name} connection; the C code has none for it")


def connection_code(link: CLink) -> ConnectionCode | None:
    """The code of a connection; None if all its weights are 0."""
    from dataclasses import replace

    make = CONNECTIONS.get(link.synapse)
    if make is None:
        link = replace(link, synapse=link.synapse.as_dense(link.shape))
        make = CONNECTIONS.of(link.synapse)
    return make(link)


def indented(lines: list[str], depth: int) -> str:
    """Lines of C with the indent of ``depth`` blocks; empty lines stay empty."""
    return "\n".join("    " * depth + line if line else "" for line in lines)


@dataclass(frozen=True, eq=False)
class Stored:
    """Weights in few bits: ``weight = values * factor * 2 ** exponent``, with a factor of 1 or -1."""

    values: npt.NDArray[Any]
    exponent: int
    factor: int

    @classmethod
    def of(cls, weight: IntArray) -> Stored:
        """Weights without their common power of two; those of one sign are stored as magnitudes if that saves a byte."""
        common = int(np.bitwise_or.reduce(weight.reshape(-1)))
        exponent = (common & -common).bit_length() - 1
        reduced = weight >> exponent
        negative = bool(reduced.min() < -128 and reduced.max() <= 0)
        return cls(-reduced if negative else reduced, exponent, -1 if negative else 1)


def scale_of(stored: Stored, exponent: int, unit: int) -> int:
    """The factor of a stored weight for sums in units of ``2 ** unit``, as a word."""
    return stored.factor * (1 << (exponent - unit)) & 0xFFFFFFFF


def value_text(link: CLink, scale: int) -> str:
    """What a stored weight is multiplied with, a word; empty for 1."""
    if link.ctype is None:
        return "" if scale == 1 else f"{scale}u"
    return "word(x)" if scale == 1 else f"word(x) * {scale}u"


def each_arrival(link: CLink, ring: Ring, inner: list[str]) -> list[str]:
    """A loop over the spikes that arrive in this step; ``inner`` takes source ``j`` and, if graded, its value ``x``."""
    if link.ctype is None:
        return [
            f"uint32_t *row = {ring.here};",
            "uint32_t w;",
            "",
            f"for (w = 0u; w < {ring.row}u; w++) {{",
            "    uint32_t waiting = row[w];",
            "",
            "    row[w] = 0u;",
            "    while (waiting != 0u) {",
            "        const uint32_t j = (w * 32u) + lowest_bit(waiting);",
            "",
            "        waiting &= waiting - 1u;",
            *("        " + line if line else "" for line in inner),
            "    }",
            "}",
        ]
    return [
        f"{link.ctype} *row = {ring.here};",
        "uint32_t j;",
        "",
        f"for (j = 0u; j < {link.sources}u; j++) {{",
        f"    const {link.ctype} x = row[j];",
        "",
        "    if (x != 0) {",
        "        row[j] = 0;",
        *("        " + line if line else "" for line in inner),
        "    }",
        "}",
    ]


def finish(link: CLink, value: str) -> list[str]:
    """Statements that add ``value`` of each part, an expression of ``ram.part[i]``, to the sums and clear the parts."""
    return [
        f"for (i = 0u; i < {link.targets}u; i++) {{",
        f"    sum[i] += {value};",
        "    ram.part[i] = 0u;",
        "}",
    ]


def defined(link: CLink, comment: str, body: list[str]) -> str:
    """A function of the connection."""
    return f"/* {comment} */\nstatic void {link.name}(uint32_t *sum)\n{{\n{indented(body, 1)}\n}}"
