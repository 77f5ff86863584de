"""No difference is called a gain or a loss unless its interval excludes none."""

from __future__ import annotations

import re

import pytest

from myelin.convert.statistics.words import accuracy_change, direction, error_change, interval, signed

VERDICT = re.compile(r"\b(gain|lose|lost|above|below|better|worse)")


@pytest.mark.parametrize(
    ("points", "low", "high", "said"),
    [
        (1.5, 0.2, 3.0, "gains 1.50 points against the float network"),
        (-1.5, -3.0, -0.2, "loses 1.50 points against the float network"),
        (1.5, -0.1, 3.0, "differs by +1.50 points from the float network, which may be chance"),
        (-1.5, -3.0, 0.0, "differs by -1.50 points from the float network, which may be chance"),
        (1.5, 0.0, 3.0, "differs by +1.50 points from the float network, which may be chance"),
        (0.0, -1.0, 1.0, "is right as often as the float network"),
    ],
)
def test_accuracy(points, low, high, said):
    text = accuracy_change(points, low, high, "float network")
    assert text == said
    assert bool(VERDICT.search(text)) is (direction(low, high) != "open") is not (low <= 0 <= high)


@pytest.mark.parametrize(
    ("percent", "low", "high", "said"),
    [
        (2.0, 0.5, 3.0, "is 2.00 % above that of the floats"),
        (-2.0, -3.0, -0.5, "is 2.00 % below that of the floats"),
        (2.0, -0.5, 3.0, "differs by +2.00 % from that of the floats, which may be chance"),
        (0.0, 0.0, 0.0, "is equal to that of the floats"),
    ],
)
def test_errors(percent, low, high, said):
    assert error_change(percent, low, high, "floats") == said


def test_numbers():
    assert interval(-0.764, 0.0, "points") == "95 % interval -0.76 .. +0.00 points"
    assert signed(-0.0) == signed(-0.001) == "+0.00" and signed(-0.005001) == "-0.01"
