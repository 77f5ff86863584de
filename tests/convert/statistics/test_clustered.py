"""Per-step answers of the same samples: against values worked out by hand, scipy, and simulations of what is promised."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from myelin.convert import statistics
from myelin.convert.statistics.clustered import clustered_wilson, design_effect, flipped_p


def test_steps_by_hand():
    """Three samples of four steps, one step without a label; b = 1, c = 3 of n = 11, gains 2, -1, 1."""
    targets = np.array([[0, 1, 0, 1], [1, 1, 0, 0], [0, 0, 1, -1]])
    reference = np.array([[1, 0, 0, 1], [1, 1, 0, 1], [0, 1, 1, 0]])
    candidate = np.array([[0, 1, 0, 1], [1, 0, 0, 1], [0, 0, 1, 1]])
    found = statistics.compare_steps(reference, candidate, targets)
    assert (found.samples, found.steps, found.only_reference, found.only_candidate) == (3, 11, 1, 3)
    assert found.accuracy == 9 / 11 and found.difference == pytest.approx(2 / 11)
    assert found.agreement == pytest.approx(7 / 11)
    assert found.p == pytest.approx(0.75)  # of +-2 +-1 +-1 six of eight reach 2 or more
    effect = 1.5 * sum((g - a * 2 / 11) ** 2 for g, a in ((2, 4), (-1, 4), (1, 3))) / (4 - 4 / 11)
    assert found.effect == pytest.approx(effect)
    z = stats.t.ppf(0.975, 2)
    assert found.difference_interval == pytest.approx(statistics.paired_interval(1 / effect, 3 / effect, 11 / effect, z))


def test_one_step_a_sample_is_the_paired_comparison():
    rng = np.random.default_rng(1)
    targets, one, two = (rng.integers(0, 3, 60) for _ in range(3))
    paired = statistics.compare(one, two, targets)
    steps = statistics.compare_steps(one[:, None], two[:, None], targets[:, None])
    assert steps.difference_interval == paired.difference_interval and steps.accuracy_interval == paired.accuracy_interval
    assert steps.p == pytest.approx(paired.mcnemar_p)


def test_a_sample_without_labels_counts_nowhere():
    rng = np.random.default_rng(2)
    targets, one, two = (rng.integers(0, 2, (9, 5)) for _ in range(3))
    more = [np.concatenate([array, rest]) for array, rest in ((one, one[:2]), (two, two[:2]), (targets, np.full((2, 5), -1)))]
    assert statistics.compare_steps(*more) == statistics.compare_steps(one, two, targets)


@pytest.mark.parametrize("shapes", [((2, 3), (2, 3), (2, 4)), ((6,), (6,), (6,))])
def test_steps_of_other_shapes_are_refused(shapes):
    with pytest.raises(ValueError, match=r"must be \(samples, steps\)"):
        statistics.compare_steps(*(np.zeros(shape, int) for shape in shapes))


def test_steps_without_labels_are_refused():
    with pytest.raises(ValueError, match="no samples to compare on"):
        statistics.compare_steps(*[np.zeros((2, 3), int)] * 2, np.full((2, 3), -1))


def test_the_bootstrap_draws_whole_samples():
    """Against scipy's paired bootstrap of the ratio of sums."""
    rng = np.random.default_rng(3)
    answers = rng.integers(5, 40, 80)
    gains = rng.integers(-4, 4, 80)
    ours = statistics.clustered_bootstrap(gains, answers)
    theirs = stats.bootstrap(
        (gains, answers),
        lambda g, a, axis: g.sum(axis=axis) / a.sum(axis=axis),
        paired=True, vectorized=True, n_resamples=4000, method="percentile", batch=500, rng=rng,
    ).confidence_interval  # fmt: skip
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.004)
    assert statistics.clustered_bootstrap(gains, answers) == ours  # the same each time


def test_drawn_signs_are_scipys_permutation_test():
    rng = np.random.default_rng(4)
    differences = rng.normal(0.25, 1, 60)
    theirs = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=9999, rng=rng).pvalue
    assert flipped_p(differences) == pytest.approx(theirs, abs=0.012)
    assert flipped_p(np.zeros(5)) == 1.0
    assert flipped_p(np.array([1.0, 1.0, 1.0])) == pytest.approx(0.25, abs=0.02)  # two of eight choices


def test_many_steps_draw_signs_instead_of_counting_them():
    gains = np.random.default_rng(5).integers(-900, 1000, 60)
    assert np.abs(gains).sum() > 20_000
    assert statistics.sign_flip_p(gains) == flipped_p(gains.astype(float))
    few = gains // 40
    assert statistics.sign_flip_p(few) == pytest.approx(flipped_p(few.astype(float)), abs=0.02)  # counted and drawn


def test_accuracy_of_steps_that_are_alike_is_that_of_samples():
    right, answers = np.array([0, 50, 50, 50]), np.full(4, 50)
    assert design_effect(right, answers, 150 * 50 / 200) == pytest.approx(50)
    assert clustered_wilson(right, answers) == pytest.approx(statistics.wilson_interval(3, 4))


def test_the_interval_holds_the_truth_as_often_as_it_says_where_steps_depend_on_each_other(monkeypatch):
    """20 samples of 100 steps, shares of lost and gained steps vary from sample to sample; true difference 1/31 - 1/21."""
    monkeypatch.setattr("myelin.convert.statistics.clustered.RESAMPLES", 10)  # the bootstrap is not looked at
    rng, held, times = np.random.default_rng(6), 0, 600
    for _ in range(times):
        lost = rng.binomial(100, rng.beta(1, 20, 20))
        gained = np.minimum(rng.binomial(100, rng.beta(1, 30, 20)), 100 - lost)
        step = np.arange(100)
        one = step >= gained[:, None]  # the reference misses the first steps, the candidate the last ones
        two = step < 100 - lost[:, None]
        low, high = statistics.compare_steps(one, two, np.ones((20, 100), int)).difference_interval
        held += low <= 1 / 31 - 1 / 21 <= high
    assert 0.92 <= held / times <= 0.98
