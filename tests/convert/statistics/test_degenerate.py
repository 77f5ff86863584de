"""Data at the edges: one sample, all alike, all opposite, many; intervals hold the estimate, and no case fails."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from myelin.convert import statistics
from myelin.convert.statistics.clustered import clustered_interval, clustered_wilson


def test_every_small_table():
    for n in range(1, 8):
        for b in range(n + 1):
            for c in range(n + 1 - b):
                expected = stats.binomtest(b, b + c, 0.5).pvalue if b + c else 1.0
                assert statistics.mcnemar_p(b, c) == pytest.approx(expected, rel=1e-9)
                low, high = statistics.paired_interval(b, c, n)
                assert -1 <= low <= (c - b) / n <= high <= 1
                assert statistics.paired_interval(c, b, n) == pytest.approx((-high, -low), abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3, 10, 39])
def test_wilson_reaches_its_ends_exactly(n):
    for right in range(n + 1):
        low, high = statistics.wilson_interval(right, n)
        expected = stats.binomtest(right, n).proportion_ci(method="wilson")
        assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-9)
        assert low <= right / n <= high and (low == 0.0) is (right == 0) and (high == 1.0) is (right == n)


def test_mcnemar_of_many_samples_is_quick():
    started = time.thread_time()
    value = statistics.mcnemar_p(20_000, 19_000)
    assert time.thread_time() - started < 3
    assert value == pytest.approx(stats.binomtest(19_000, 39_000, 0.5).pvalue, rel=1e-6)


def test_answers_that_all_differ():
    """b + c = n, divided by a design effect that is no power of two: the shares summed up to more than n."""
    rng = np.random.default_rng(1)
    for _ in range(300):
        m, seeds = int(rng.integers(2, 40)), int(rng.integers(2, 5))
        right = rng.random(m * seeds) < 0.8
        found = statistics.compare_pooled(right, ~right, np.tile(np.arange(m), seeds))
        low, high = found.difference_interval
        assert -1 <= low <= found.difference <= high <= 1


@pytest.mark.parametrize("kind", ["alike", "right", "wrong", "opposite"])
@pytest.mark.parametrize("m", [1, 2, 30])
def test_steps_without_variation(kind, m):
    truth = np.zeros((m, 6), np.int64)
    truth[:, 5] = -1
    one = {"alike": np.ones((m, 6)), "right": truth * 0, "wrong": truth * 0, "opposite": truth * 0}[kind].astype(np.int64)
    two = one + (kind in ("wrong", "opposite"))
    found = statistics.compare_steps(one, two, truth)
    low, high = found.difference_interval
    assert low <= found.difference <= high and 0 < found.p <= 1 and (high - low) > 0
    assert found.accuracy_interval[0] <= found.accuracy <= found.accuracy_interval[1]
    if kind in ("alike", "right"):
        assert (found.difference, found.p) == (0.0, 1.0)


@pytest.mark.parametrize(("pb", "pc"), [(0.02, 0.02), (0.1, 0.04)])
def test_the_interval_holds_the_truth_as_often_as_it_says(pb, pc):
    drawn = np.random.default_rng(5).multinomial(300, [pb, pc, 1 - pb - pc], 2000)
    tables, times = np.unique(drawn, axis=0, return_counts=True)
    held = [low <= pc - pb <= high for low, high in (statistics.paired_interval(int(b), int(c), 300) for b, c, _ in tables)]
    assert 0.935 < times[held].sum() / 2000 < 0.975


def test_clusters_hold_the_truth_too():
    rng, z, held = np.random.default_rng(6), float(stats.t.ppf(0.975, 29)), 0
    for _ in range(300):
        many = rng.binomial(20, rng.beta(0.3, 2.7, 30))
        gains = np.where(rng.random(30) < 0.5, many, -many)
        b, c = int(-gains[gains < 0].sum()), int(gains[gains > 0].sum())
        low, high = clustered_interval(b, c, gains, np.full(30, 20), z)
        held += low <= 0 <= high
    assert held >= 0.92 * 300
    assert clustered_wilson([0, 0], [5, 7])[0] == 0.0 and clustered_wilson([5, 7], [5, 7])[1] == 1.0
