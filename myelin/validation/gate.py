"""The gate: decides by the interval of the loss, not by its estimate, whether the integers may replace the reference.

Let l be the loss of the integers against the reference on the same samples, m the allowed loss, and low..high the 95 % interval
of l::

    passes     high <= m          a loss of more than m is ruled out (non-inferiority, one-sided at 2.5 %)
    fails      low > m            a loss of no more than m is ruled out
    undecided  low <= m < high    the samples rule out neither

The loss is one of accuracy in percent points (one class for a sample: Tango's interval; one for each step: Tango's interval for
samples as clusters), or the increase of the root mean square error in percent (traces: ``compare_errors``).  Equal predictions
on every sample prove nothing about other samples: n samples rule out a loss of more than ``z^2 / (n + z^2)``, which is 0.8
points for n = 480.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from myelin.convert.statistics import errors
from myelin.convert.statistics.clustered import PairedSteps
from myelin.convert.statistics.paired import Paired
from myelin.convert.statistics.proportions import samples_needed
from myelin.convert.statistics.words import accuracy_change, error_change, interval
from myelin.hw_configs.written import counted, thousands

Outcome = Literal["passes", "fails", "undecided"]
Unit = Literal["points", "percent"]
#: The sentence in place of a verdict where there is no reference.
NOT_JUDGED = "not judged: there is no reference, only what must be equal was compared"
#: Probability that the stated number of samples suffices, and its quantile of the normal distribution.
POWER_PERCENT, POWER_Z = 80, 0.8416212335729143


@dataclass(frozen=True)
class Loss:
    """A measured loss; gains are negative.

    Attributes:
        samples: number of samples.
        loss, low, high: the loss on these samples, and its 95 % interval.
        unit: percent ``points`` of accuracy, or ``percent`` of the reference's error.
        needed: allowed loss -> samples that would decide with a probability of 80 %; None if no number is sure to.
    """

    samples: int
    loss: float
    low: float
    high: float
    unit: Unit
    needed: Callable[[float], int | None]


def loss_of_classes(paired: Paired) -> Loss:
    """The loss of accuracy of the candidate."""
    n, b, c = paired.samples, paired.only_reference, paired.only_candidate
    low, high = paired.difference_interval
    return Loss(
        n, *_losses(paired.difference, low, high), "points",
        lambda allowed: samples_needed(b / n, c / n, -allowed / 100, power_z=POWER_Z),
    )  # fmt: skip


def loss_of_steps(paired: PairedSteps) -> Loss:
    """The loss of accuracy per step of the candidate."""
    n, b, c = paired.steps, paired.only_reference, paired.only_candidate
    independent = n / paired.effect / paired.samples  # steps that one sample is worth
    low, high = paired.difference_interval

    def needed(allowed: float) -> int | None:
        steps = samples_needed(b / n, c / n, -allowed / 100, power_z=POWER_Z)
        return None if steps is None else math.ceil(steps / independent)

    return Loss(paired.samples, *_losses(paired.difference, low, high), "points", needed)


def loss_of_errors(reference: npt.NDArray[np.float64], candidate: npt.NDArray[np.float64], paired: errors.PairedErrors) -> Loss:
    """The increase of the candidate's error, from the squared errors (samples,) of both."""
    low, high = paired.change_interval

    def needed(allowed: float) -> int | None:
        return errors.samples_needed(reference, candidate, allowed / 100, power_z=POWER_Z)

    return Loss(paired.samples, 100 * paired.change, 100 * low, 100 * high, "percent", needed)


def _losses(difference: float, low: float, high: float) -> tuple[float, float, float]:
    # the subtractions turn -0.0 into 0.0
    return 0.0 - 100 * difference, 0.0 - 100 * high, 0.0 - 100 * low


@dataclass(frozen=True)
class Gate:
    """The decision and its figures; gains are negative losses.

    Attributes:
        samples: number of samples.
        max_drop: allowed loss.
        drop: loss on these samples.
        drop_low, drop_high: 95 % interval of the loss.
        outcome: passes, fails or undecided; see the module.
        samples_needed: if undecided, the total number of samples that would decide with a probability of 80 %, provided the
            networks differ on new samples as on these; None if decided, or if the loss is exactly the allowed one.
        unit: ``points`` of accuracy, or ``percent`` of the reference's error.
        compared: names of what was compared: the integers and the reference.
    """

    samples: int
    max_drop: float
    drop: float
    drop_low: float
    drop_high: float
    outcome: Outcome
    samples_needed: int | None
    unit: Unit = "points"
    compared: tuple[str, str] = ("integer network", "float network")

    @property
    def passed(self) -> bool:
        """Whether the gate allows exit code 0."""
        return self.outcome == "passes"


def judge(measured: Loss, max_drop: float, reference: str = "float network") -> Gate:
    """Judge the integers (candidate) against the reference, which is called ``reference`` in sentences."""
    outcome: Outcome = "undecided"
    if measured.high <= max_drop:
        outcome = "passes"
    elif measured.low > max_drop:
        outcome = "fails"
    needed = measured.needed(max_drop) if outcome == "undecided" else None
    needed = None if needed is None else max(measured.samples + 1, needed)
    figures = measured.loss, measured.low, measured.high
    return Gate(measured.samples, max_drop, *figures, outcome, needed, measured.unit, ("integer network", reference))


def verdict(gate: Gate) -> str:
    """The outcome in a sentence with its figures; if undecided, also the samples needed for a decision."""
    candidate, reference = gate.compared
    if gate.unit == "points":
        allowed, loss = f"{gate.max_drop:g} points", "a loss"
        change = 0.0 - gate.drop, 0.0 - gate.drop_high, 0.0 - gate.drop_low
        found = f"the {candidate} {accuracy_change(*change, reference)}"
    else:
        allowed, loss = f"{gate.max_drop:g} %", "an increase"
        change = gate.drop, gate.drop_low, gate.drop_high
        found = f"the error (RMSE) of the {candidate} {error_change(*change, reference)}"
    span = interval(*change[1:], "points" if gate.unit == "points" else "%")
    found = f"{found}, on {counted(gate.samples, 'sample')} ({span})"
    if gate.outcome == "passes":
        return f"{found}: {loss} of more than {allowed} is ruled out"
    if gate.outcome == "fails":
        return f"{found}: more than the {allowed} allowed, even at the small end of the interval"
    return f"{found}: that neither rules out {loss} of more than {allowed} nor shows one; {_cure(gate)}"


def _cure(gate: Gate) -> str:
    if gate.samples_needed is None:
        what = "loss" if gate.unit == "points" else "increase"
        return f"the {what} is the one allowed, so no number of samples is sure to decide; quantise with less loss"
    direction = "rule it out" if gate.drop < gate.max_drop else "show it"
    more = gate.samples_needed - gate.samples
    return (
        f"about {thousands(gate.samples_needed)} samples ({thousands(more)} more) would {direction} with a probability of "
        f"{POWER_PERCENT} %, if the networks differ on them as often as on these: validate on more samples"
    )
