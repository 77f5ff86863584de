"""The gate: decides by the interval of the loss, not by its estimate, whether the integers may replace the floats.

Let d be the accuracy of the integers minus that of the floats on the same samples, m the allowed loss, and low..high Tango's
95 % interval of d::

    passes     low >= -m           a loss of more than m is ruled out (non-inferiority, one-sided at 2.5 %)
    fails      high < -m           a loss of no more than m is ruled out
    undecided  low < -m <= high    the samples rule out neither

Equal predictions on every sample prove nothing about other samples: n samples rule out a loss of more than
``z^2 / (n + z^2)``, which is 0.8 points for n = 480.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from myelin.convert.statistics import Paired, samples_needed

Outcome = Literal["passes", "fails", "undecided"]
#: Probability that the stated number of samples suffices, and its quantile of the normal distribution.
POWER_PERCENT, POWER_Z = 80, 0.8416212335729143


@dataclass(frozen=True)
class Gate:
    """The decision and its figures; losses are in percent points, gains are negative.

    Attributes:
        samples: number of samples.
        max_drop_points: allowed loss.
        drop_points: loss on these samples.
        drop_low_points, drop_high_points: 95 % interval of the loss (Tango).
        outcome: passes, fails or undecided; see the module.
        samples_needed: if undecided, the total number of samples that would decide with a probability of 80 %, provided the
            networks differ on new samples as on these; None if decided, or if the loss is exactly the allowed one.
    """

    samples: int
    max_drop_points: float
    drop_points: float
    drop_low_points: float
    drop_high_points: float
    outcome: Outcome
    samples_needed: int | None

    @property
    def passed(self) -> bool:
        """Whether the gate allows exit code 0."""
        return self.outcome == "passes"


def judge(paired: Paired, max_drop_points: float) -> Gate:
    """Judge the integers (candidate) against the floats (reference)."""
    low, high = (100 * end for end in paired.difference_interval)
    outcome: Outcome = "undecided"
    if low >= -max_drop_points:
        outcome = "passes"
    elif high < -max_drop_points:
        outcome = "fails"
    n, needed = paired.samples, None
    if outcome == "undecided":
        shares = paired.only_reference / n, paired.only_candidate / n
        needed = samples_needed(*shares, -max_drop_points / 100, power_z=POWER_Z)
        needed = None if needed is None else max(n + 1, needed)
    # the subtractions turn -0.0 into 0.0
    return Gate(n, max_drop_points, 0.0 - 100 * paired.difference, 0.0 - high, 0.0 - low, outcome, needed)


def verdict(gate: Gate) -> str:
    """The outcome in a sentence with its figures; if undecided, also the samples needed for a decision."""
    interval = f"95 % interval {_change(gate.drop_high_points)} .. {_change(gate.drop_low_points)}"
    allowed = f"{gate.max_drop_points:g} points"
    found = f"the integer network {_changes(gate.drop_points)} against the float network on {gate.samples} samples ({interval})"
    if gate.outcome == "passes":
        return f"{found}: a loss of more than {allowed} is ruled out"
    if gate.outcome == "fails":
        return f"{found}: more than the {allowed} allowed, even at the small end of the interval"
    return f"{found}: that neither rules out a loss of more than {allowed} nor shows one; {_cure(gate)}"


def _cure(gate: Gate) -> str:
    enough = math.ceil(10 * gate.drop_high_points - 1e-9) / 10
    other = f"or allow a loss that {gate.samples} samples can rule out, --max-drop {enough:g}, if your use bears it"
    if gate.samples_needed is None:
        return f"the loss is the one allowed, so no number of samples is sure to decide; quantise with less loss, {other}"
    direction = "rule it out" if gate.drop_points < gate.max_drop_points else "show it"
    return (
        f"about {gate.samples_needed} samples ({gate.samples_needed - gate.samples} more) would {direction} with a probability "
        f"of {POWER_PERCENT} %, if the networks differ on them as often as on these: validate on more samples, {other}"
    )


def _change(drop: float) -> str:
    return f"{0.0 - drop:+.2f}"


def _changes(drop: float) -> str:
    if drop == 0:
        return "loses nothing"
    return f"loses {drop:.2f} points" if drop > 0 else f"gains {-drop:.2f} points"
