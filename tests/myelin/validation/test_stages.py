"""Stages and their comparisons from raw predictions and rates; that they run is in tests/myelin/commands."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.convert import statistics
from myelin.validation.stages import ALONE, CUMULATED, NAMES, Outcome, summarise
from myelin.validation.tasks import ClassTask
from myelin.validation.trained import SETTINGS

LABELS = np.arange(200) % 2
TASK = ClassTask(LABELS, 2)


def outcomes(**wrong):
    """Stages that are right but on the samples listed for them."""
    found = {}
    for number, name in enumerate(NAMES):
        predictions = LABELS.copy()
        predictions[wrong.get(name, [])] ^= 1
        found[name] = Outcome(predictions, {0: 0.02 + 0.001 * number, 2: 0.1})
    return found


def by_name(stages):
    return {stage.name: stage for stage in stages}


def test_every_quantisation_stands_alone_and_comes_one_after_the_other():
    assert [SETTINGS[name].quantised for name in ALONE] == [("delays",), ("weights",), ("decays",)]
    steps = [set(SETTINGS[name].quantised) for name in CUMULATED[:-1]]
    assert steps == [set(), {"delays"}, {"delays", "weights"}, {"delays", "weights", "decays"}]


def test_each_stage_is_compared_with_floats_and_with_the_one_before():
    found = by_name(summarise(outcomes(delays=[0, 1, 2], delays_weights=[0, 1, 5, 6], float=[9]), TASK, {0: 30, 2: 10}))
    step = found["delays_weights"]
    assert (step.to_float.to, step.to_previous.to) == ("float", "delays")
    assert (step.to_float.only_other_right_samples, step.to_float.only_this_right_samples) == (4, 1)
    assert (step.to_previous.only_other_right_samples, step.to_previous.only_this_right_samples) == (2, 1)
    assert step.to_float.difference_points == pytest.approx(-1.5)
    low, high = statistics.paired_interval(4, 1, 200)
    assert (step.to_float.difference_low_points, step.to_float.difference_high_points) == pytest.approx((100 * low, 100 * high))
    low, high = statistics.bootstrap_interval(4, 1, 200)
    assert (step.to_float.bootstrap_low_points, step.to_float.bootstrap_high_points) == pytest.approx((100 * low, 100 * high))
    assert step.to_float.mcnemar_p == pytest.approx(2 * 6 / 32)  # 2 (1 + 5) / 2^5
    assert step.to_float.agreement_percent == pytest.approx(97.5)
    assert (step.correct_samples, step.correct_samples_by_class) == (196, (98, 98))
    assert found["float"].to_float is None and found["weights"].to_previous is None
    assert found["simulator"].to_previous.to == "training"


def test_spike_rates_are_weighted_by_neurons():
    """(30 * 0.02 + 10 * 0.1) / 40 = 0.04 and, two stages on, (30 * 0.021 + 10 * 0.1) / 40 = 0.04075."""
    found = by_name(summarise(outcomes(), TASK, {0: 30, 2: 10}))
    before, after = found["float"], found["delays"]
    assert (before.spikes_per_neuron_step, after.spikes_per_neuron_step) == pytest.approx((0.04, 0.04075))
    assert after.to_float.spike_rate_change_percent == pytest.approx(1.875)
    assert after.to_float.spike_rate_change_percent_by_layer == pytest.approx({"0": 5.0, "2": 0.0})


def test_what_is_silent_has_no_change():
    outcomes = dict.fromkeys(NAMES, Outcome(np.zeros(3, np.int64), {0: 0.0}))
    last = summarise(outcomes, ClassTask(np.zeros(3, np.int64), 1), {0: 5})[-1]
    assert last.to_float.spike_rate_change_percent is None
    without = summarise(dict.fromkeys(NAMES, Outcome(np.zeros(3, np.int64))), ClassTask(np.zeros(3, np.int64), 1), {})[-1]
    assert without.spikes_per_neuron_step is None and without.to_float.spike_rate_change_percent_by_layer == {}
