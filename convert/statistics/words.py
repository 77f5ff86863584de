"""The words for a difference between two networks, made in this one place.

A network "gains" or "loses" only where the 95 % interval of the difference excludes none; otherwise the samples leave open
which of the two is better, and the estimate alone is no verdict.
"""

from __future__ import annotations

from typing import Literal

#: What an interval of a difference shows, where positive means better.
Direction = Literal["gain", "loss", "open"]


def direction(low: float, high: float) -> Direction:
    """What the interval ``low..high`` of a difference shows: "open" if it includes 0."""
    if low > 0:
        return "gain"
    return "loss" if high < 0 else "open"


def accuracy_change(points: float, low: float, high: float, other: str) -> str:
    """The verb phrase for a difference of accuracies in percent points to ``other``: "loses 1.50 points against the floats"."""
    shown = direction(low, high)
    if shown == "open":
        if points == 0:
            return f"is right as often as the {other}"
        return f"differs by {signed(points)} points from the {other}, which may be chance"
    return f"{'gains' if shown == 'gain' else 'loses'} {abs(points):.2f} points against the {other}"


def error_change(percent: float, low: float, high: float, other: str) -> str:
    """The verb phrase for a change of an error in percent of that of ``other``; positive is worse."""
    if direction(low, high) == "open":
        if percent == 0:
            return f"is equal to that of the {other}"
        return f"differs by {signed(percent)} % from that of the {other}, which may be chance"
    return f"is {abs(percent):.2f} % {'above' if percent > 0 else 'below'} that of the {other}"


def interval(low: float, high: float, unit: str) -> str:
    """An interval in words: "95 % interval -0.76 .. +0.76 points"."""
    return f"95 % interval {signed(low)} .. {signed(high)} {unit}"


def signed(value: float) -> str:
    """A difference with its sign and two decimals; no zero has a minus."""
    return f"{value if round(value, 2) else 0.0:+.2f}"
