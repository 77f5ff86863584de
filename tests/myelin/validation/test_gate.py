"""The three outcomes of the gate, by counts whose intervals are known, and as often as statistics promises."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.convert.statistics import compare, paired_interval
from myelin.validation.gate import judge, loss_of_classes, verdict


def paired(lost, gained=0, samples=200):
    """Floats always right but on ``gained`` samples, integers wrong on ``lost`` others."""
    labels = np.zeros(samples, np.int64)
    floats, integers = labels.copy(), labels.copy()
    integers[:lost] = 1
    floats[samples - gained :] = 1
    return loss_of_classes(compare(floats, integers, labels))


@pytest.mark.parametrize(
    ("lost", "gained", "samples", "max_drop", "outcome"),
    [
        (0, 0, 200, 1.0, "undecided"),  # nothing differs, and yet 200 samples cannot rule out a loss of a point
        (0, 0, 381, 1.0, "passes"),  # z^2 / (n + z^2) = 0.998 points
        (0, 0, 380, 1.0, "undecided"),  # 1.0008 points
        (0, 9, 200, 0.0, "passes"),  # a gain whose interval holds no loss
        (3, 0, 200, 1.0, "undecided"),  # the estimate, 1.5 points, is no verdict
        (9, 0, 200, 1.0, "fails"),
        (7, 4, 480, 3.0, "passes"),
        (7, 4, 480, 1.0, "undecided"),
        (200, 0, 200, 100.0, "passes"),
    ],
)
def test_the_interval_decides(lost, gained, samples, max_drop, outcome):
    gate = judge(paired(lost, gained, samples), max_drop)
    assert gate.outcome == outcome and gate.passed is (outcome == "passes")
    low, high = paired_interval(lost, gained, samples)
    assert (gate.drop_low, gate.drop_high) == pytest.approx((-100 * high, -100 * low))
    assert gate.drop == pytest.approx(100 * (lost - gained) / samples)
    assert (gate.samples_needed is None) is (outcome != "undecided")


def test_what_would_decide_is_said_and_does():
    """7 lost, 4 gained of 480: at so many samples and the same shares the interval holds the margin."""
    gate = judge(paired(7, 4, 480), 2.0)
    text = verdict(gate)
    assert f"about {gate.samples_needed} samples ({gate.samples_needed - 480} more) would rule it out" in text.replace(",", "")
    assert "max-drop" not in text and "max_drop" not in text  # a bound is chosen before the data is seen
    scale = gate.samples_needed / 480
    assert judge(paired(round(7 * scale), round(4 * scale), gate.samples_needed), 2.0).outcome == "passes"
    assert judge(paired(7, 4, 480), 2.3).outcome == "passes"


def test_a_loss_that_more_samples_would_show():
    gate = judge(paired(6, 1, 200), 1.0)
    assert gate.outcome == "undecided" and "would show it" in verdict(gate)
    scale = gate.samples_needed / 200
    assert judge(paired(round(6 * scale), round(scale), gate.samples_needed), 1.0).outcome == "fails"


def test_a_loss_of_exactly_what_is_allowed():
    gate = judge(paired(3, 1), 1.0)
    assert (gate.outcome, gate.samples_needed) == ("undecided", None)
    assert "no number of samples is sure to decide" in verdict(gate)


def test_sentences():
    assert verdict(judge(paired(0, 0, 500), 1.0)) == (
        "the integer network is right as often as the float network, on 500 samples (95 % interval -0.76 .. +0.76 points): a "
        "loss of more than 1 points is ruled out"
    )
    assert "loses 10.00 points" in verdict(judge(paired(20), 1.0)) and "even at the small end" in verdict(
        judge(paired(20), 1.0)
    )
    assert "gains 4.50 points" in verdict(judge(paired(0, 9), 0.0))


def test_networks_beyond_the_margin_pass_as_rarely_as_promised():
    """True loss of exactly the margin: a one-sided test at 2.5 % passes about so often, and never much more."""
    drawn = np.random.default_rng(3).multinomial(480, [0.04, 0.02, 0.94], 4000)
    tables, times = np.unique(drawn, axis=0, return_counts=True)
    passed = [-paired_interval(int(b), int(c), 480)[0] <= 0.02 for b, c, _ in tables]
    assert 0.01 < times[passed].sum() / 4000 < 0.035
