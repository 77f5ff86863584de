"""The memory of the generated C: arrays of constants in flash and of states in RAM, with their exact size.

All arrays of a kind are members of one ``struct``, the widest types first.  The struct then has no padding between its members,
so its size is the same with every compiler, and the C states it in an assertion at compile time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: C types by their size in bytes.
SIZES = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4, "uint32_t": 4}
_LINE = 116


@dataclass(frozen=True, eq=False)
class Array:
    """An array of the generated C.

    Attributes:
        name: name of the member.
        ctype: its C type, one of ``SIZES``.
        count: number of elements.
        note: what it holds, for a comment.
        part: the layer it belongs to, in words.
        values: the constants (count,); None for a state in RAM.
        scalar: whether it is a single value instead of an array.
    """

    name: str
    ctype: str
    count: int
    note: str
    part: str
    values: npt.NDArray[Any] | None = None
    scalar: bool = False

    @property
    def size(self) -> int:
        """Its size in bytes."""
        return SIZES[self.ctype] * self.count

    @property
    def declaration(self) -> str:
        """Its declaration as a member of a struct."""
        return f"{self.ctype} {self.name}{'' if self.scalar else f'[{self.count}]'};"


def constant(name: str, values: npt.ArrayLike, note: str, part: str, ctype: str | None = None) -> Array:
    """An array of constants in the narrowest type that holds it, or in ``ctype``."""
    flat = np.asarray(values).reshape(-1)
    return Array(name, narrowest(flat) if ctype is None else ctype, flat.size, note, part, flat)


def narrowest(values: npt.ArrayLike) -> str:
    """The narrowest C type that holds all ``values``, unsigned if none is negative."""
    flat = np.asarray(values).reshape(-1)
    return type_for(int(flat.min(initial=0)), int(flat.max(initial=0)))


def type_for(low: int, high: int) -> str:
    """The narrowest C type for values of ``low`` .. ``high``."""
    if low >= 0:
        return next(name for name, top in (("uint8_t", 255), ("uint16_t", 65535), ("uint32_t", 2**32 - 1)) if high <= top)
    most = max(high, -low - 1)
    return next(name for name, top in (("int8_t", 127), ("int16_t", 32767), ("int32_t", 2**31 - 1)) if most <= top)


def in_order(arrays: Iterable[Array]) -> list[Array]:
    """The arrays as members of a struct: widest type first, otherwise in the given order."""
    return sorted((array for array in arrays if array.count), key=lambda array: -SIZES[array.ctype])


def struct_bytes(arrays: Iterable[Array]) -> int:
    """The size of a struct of ``arrays``: their sum, rounded up to the alignment of its widest member."""
    members = in_order(arrays)
    widest = max((SIZES[member.ctype] for member in members), default=1)
    return -(-sum(member.size for member in members) // widest) * widest


def listed(values: npt.NDArray[Any], indent: str = "        ") -> str:
    """The values of an array as lines of C."""
    words = [literal(int(value)) for value in values]
    lines, line = [], indent
    for word in words:
        if len(line) + len(word) + 2 > _LINE:
            lines.append(line.rstrip())
            line = indent
        line += f"{word}, "
    return "\n".join([*lines, line.rstrip().rstrip(",")])


def literal(value: int) -> str:
    """An integer constant; the smallest 32-bit number has no literal of its own in C."""
    if value == -(2**31):
        return "(-2147483647 - 1)"
    return f"{value}u" if value > 2**31 - 1 else str(value)
