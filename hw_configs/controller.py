"""A microcontroller board, a part of a ``Target``: its memory, clock and compiler, and published cycles per instruction."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class Cycles:
    """Published clock cycles of an instruction, by kind; a branch that is taken, and a multiplication of 32 bit.

    Attributes:
        published_for: target of the published figures; for other targets they are a stand-in.
        load, store, multiply, branch, other: cycles.
    """

    published_for: str
    load: float
    store: float
    multiply: float
    branch: float
    other: float


@dataclass(frozen=True)
class Controller:
    """What runs the generated C.  None means that it is not known, or has no meaning; it is then not checked.

    Attributes:
        flash_bytes: flash for code and constants.
        ram_bytes: the largest region of RAM; the state of a network is one object.
        clock_hz: highest clock of the processor.
        compiler: cross-compiler with the flags for the processor.
        emulator: machine of QEMU with the same processor.
        cycles: published cycles per instruction.
    """

    flash_bytes: int | None = None
    ram_bytes: int | None = None
    clock_hz: int | None = None
    compiler: tuple[str, ...] | None = None
    emulator: str | None = None
    cycles: Cycles | None = None


#: Fields of the table ``controller`` of a target file, by kind of value.
CONTROLLER_NUMBERS = ("flash_bytes", "ram_bytes", "clock_hz")
CONTROLLER_FIELDS = (*CONTROLLER_NUMBERS, "compiler", "emulator")
#: Fields of the table ``cycles``.
CYCLES = tuple(entry.name for entry in fields(Cycles) if entry.name != "published_for")
