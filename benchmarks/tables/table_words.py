"""Texts and number formats common to all tables."""

from __future__ import annotations

from typing import Any


def machine_line(results: dict[str, Any]) -> str:
    """A line about the machine of the measurement."""
    facts = results["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    told = "".join(f", {name}={value}" for name, value in facts["environment"].items())
    quick = " Tiny sizes (--quick): these numbers mean nothing." if results["quick"] else ""
    software = f"Python {facts['python']}, {versions}, {facts['blas']}{told}"
    return f"{facts['cpu']}, {facts['cores']} cores; {software}; {facts['date']}.{quick}"


def number(value: float) -> str:
    """``value`` with three significant digits and separators of thousands."""
    if value >= 100:
        digits = max(0, len(str(int(value))) - 3)
        return f"{round(value, -digits):,.0f}"
    return f"{value:.3g}"


def times(ratio: dict[str, float]) -> str:
    """A ratio as "median (range)"."""
    return f"{number(ratio['median'])} ({number(ratio['low'])} to {number(ratio['high'])})"
