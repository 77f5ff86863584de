"""Numbers as people read them, written in one way everywhere."""

from __future__ import annotations


def thousands(value: float, decimals: int = 0) -> str:
    """``value`` with groups of three digits and this number of decimals: 12,345.6."""
    return f"{value:,.{decimals}f}"


def counted(number: int, what: str) -> str:
    """A number of things: "1 sample", "2,264 samples"."""
    return f"{thousands(number)} {what}{'' if number == 1 else 's'}"
