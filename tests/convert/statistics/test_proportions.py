"""Proportions, and several answers for a sample, against published tables, values worked out by hand, and scipy."""

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binomtest, bootstrap

from myelin.convert import statistics


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_is_the_published_interval(successes, trials, low, high):
    """Newcombe 1998, Stat. Med. 17:857, table I, method 3."""
    assert statistics.wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (3, 7), (999, 1000)])
def test_wilson_is_scipys(successes, trials):
    ours = statistics.wilson_interval(successes, trials)
    theirs = binomtest(successes, trials).proportion_ci(method="wilson")
    assert ours == pytest.approx((theirs.low, theirs.high), abs=1e-12)


def test_tango_is_the_published_interval():
    """Airway hyper-responsiveness before and after (Bentur et al. 2009), Fagerland et al. 2014: 1 and 7 of 21 differ."""
    assert statistics.paired_interval(7, 1, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)
    assert statistics.paired_interval(1, 7, 21) == pytest.approx((0.026, 0.517), abs=5e-4)


@pytest.mark.parametrize("samples", [1, 20, 2000])
def test_tango_keeps_a_width_where_nothing_differs(samples):
    """b = c = 0 solved by hand: D (1 - D) n + ... reduces to D^2 (n + z^2) = z^2 |D|."""
    width = statistics.Z_95**2 / (samples + statistics.Z_95**2)
    assert statistics.paired_interval(0, 0, samples) == pytest.approx((-width, width), abs=1e-9)


@pytest.mark.parametrize(("b", "c", "n"), [(7, 1, 21), (40, 20, 160), (3, 3, 50), (0, 9, 30), (12, 0, 2264)])
def test_tango_ends_where_the_restricted_likelihood_says(b, c, n):
    """At the ends, the score statistic with q maximised numerically (not by the closed form) is +-z."""
    for difference, level in zip(statistics.paired_interval(b, c, n), (1, -1)):
        # P(only candidate) = q + D: maximise the likelihood of (b, c, rest) over q
        q = np.linspace(max(0, -difference) + 1e-12, (1 - difference) / 2 - 1e-12, 400_001)
        with np.errstate(divide="ignore", invalid="ignore"):
            likelihood = b * np.log(q) + c * np.log(q + difference) + (n - b - c) * np.log(1 - 2 * q - difference)
        best = q[np.nanargmax(likelihood)]
        score = (c - b - n * difference) / math.sqrt(n * (2 * best + difference * (1 - difference)))
        assert score == pytest.approx(level * statistics.Z_95, abs=2e-3)


def test_tango_covers_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(5)
    tables = rng.multinomial(300, [0.9, 0.04, 0.02, 0.04], 2000)
    intervals = [statistics.paired_interval(int(b), int(c), 300) for _, b, c, _ in tables]
    covered = np.mean([low <= -0.02 <= high for low, high in intervals])
    assert 0.935 <= covered <= 0.97


def test_mcnemar_by_hand_and_by_scipy():
    assert statistics.mcnemar_p(1, 7) == pytest.approx(18 / 256)  # 2 (1 + 8) / 2^8
    assert statistics.mcnemar_p(0, 0) == 1.0
    assert statistics.mcnemar_p(4, 4) == 1.0
    for b, c in [(0, 6), (3, 17), (250, 300), (1500, 900)]:
        assert statistics.mcnemar_p(b, c) == pytest.approx(binomtest(b, b + c).pvalue, rel=1e-9)
        assert statistics.mcnemar_p(b, c) == statistics.mcnemar_p(c, b)


def test_compare_by_hand():
    labels = [0, 1, 2, 0, 1, 2, 0, 1]
    reference = [0, 1, 2, 0, 1, 0, 1, 0]  # five right
    candidate = [0, 1, 2, 1, 0, 2, 2, 0]  # four right: loses samples 3 and 4, gains sample 5
    result = statistics.compare(reference, candidate, labels)
    assert (result.samples, result.only_reference, result.only_candidate) == (8, 2, 1)
    assert result.accuracy == 4 / 8
    assert result.difference == -1 / 8
    assert result.agreement == 4 / 8  # samples 0, 1, 2 and 7, the last one wrong in both
    assert result.mcnemar_p == 1.0
    assert result.difference_interval == statistics.paired_interval(2, 1, 8)
    assert result.accuracy_interval == statistics.wilson_interval(4, 8)


@pytest.mark.parametrize(
    "call",
    [
        lambda: statistics.compare([0], [0, 1], [0]),
        lambda: statistics.compare([], [], []),
        lambda: statistics.wilson_interval(3, 2),
        lambda: statistics.wilson_interval(0, 0),
        lambda: statistics.paired_interval(2, 2, 3),
        lambda: statistics.paired_interval(-1, 2, 3),
        lambda: statistics.bootstrap_interval(2, 2, 3),
    ],
)
def test_what_makes_no_sense_is_refused(call):
    with pytest.raises(ValueError):
        call()


def test_sign_flips_are_the_exact_mcnemar_test_where_no_sample_recurs():
    for b, c in [(0, 0), (1, 0), (2, 2), (3, 9), (0, 12), (140, 171)]:
        gains = [-1] * b + [1] * c + [0] * 7
        assert statistics.sign_flip_p(gains) == pytest.approx(statistics.mcnemar_p(b, c), rel=1e-9)


@pytest.mark.parametrize("gains", [[3], [2, -1, 1], [3, 3, -2, 1, 0], [2, 2, 2, 2, -3]])
def test_sign_flips_counted_one_by_one(gains):
    sums = [sum(sign * gain for sign, gain in zip(signs, gains)) for signs in itertools.product((1, -1), repeat=len(gains))]
    expected = sum(abs(value) >= abs(sum(gains)) for value in sums) / len(sums)
    assert statistics.sign_flip_p(gains) == pytest.approx(expected, rel=1e-9)


def test_pooled_over_seeds_that_answered_different_samples_is_the_paired_comparison():
    reference, candidate = np.array([1, 1, 0, 0, 1, 0], bool), np.array([1, 0, 1, 1, 1, 1], bool)
    pooled = statistics.compare_pooled(reference, candidate, [4, 5, 6, 7, 8, 9])
    paired = statistics.compare(reference, candidate, np.ones(6, bool))
    assert (pooled.pairs, pooled.samples, pooled.only_reference, pooled.only_candidate) == (6, 6, 1, 3)
    assert (pooled.difference, pooled.difference_interval) == (paired.difference, paired.difference_interval)
    assert pooled.p == pytest.approx(paired.mcnemar_p)


def test_samples_that_recur_count_by_what_they_add():
    """Two seeds that answer alike are worth one: the same interval and p as with one of them."""
    reference, candidate, numbers = np.array([1, 1, 0, 0, 1] * 8, bool), np.array([1, 0, 1, 1, 1] * 8, bool), np.arange(40)
    once = statistics.compare_pooled(reference, candidate, numbers)
    twice = statistics.compare_pooled(np.tile(reference, 2), np.tile(candidate, 2), np.tile(numbers, 2))
    assert (twice.pairs, twice.samples, twice.difference) == (80, 40, once.difference)
    assert twice.difference_interval == pytest.approx(once.difference_interval)
    assert twice.p == pytest.approx(once.p)
    nothing = statistics.compare_pooled([True] * 80, [True] * 80, np.tile(numbers, 2))
    assert nothing.difference_interval == pytest.approx(statistics.paired_interval(0, 0, 40))
    assert nothing.p == 1.0


def test_pooled_by_hand():
    """Sample 0: +1 and +1; sample 1: -1 and 0; sample 2: 0 and +1; so n = 6, b = 1, c = 3, D = 1/3, m = 3.

    The effect is 3/2 ((2 - 2/3)^2 + (-1 - 2/3)^2 + (1 - 2/3)^2) / (4 - 6/9) = 3/2 (14/3) / (10/3) = 2.1, at most 2.
    """
    reference, candidate = [0, 0, 1, 1, 0, 0], [1, 1, 0, 1, 0, 1]
    pooled = statistics.compare_pooled(np.array(reference, bool), np.array(candidate, bool), [0, 0, 1, 1, 2, 2])
    assert pooled.difference == pytest.approx(1 / 3)
    assert pooled.difference_interval == pytest.approx(statistics.paired_interval(1 / 2, 3 / 2, 6 / 2))
    assert pooled.p == pytest.approx(0.75)  # of +-2 +-1 +-1 six of eight reach 2 or more


def test_pooled_refuses_lists_of_different_lengths():
    with pytest.raises(ValueError, match="must be lists of one length"):
        statistics.compare_pooled([True], [True, False], [0, 1])


def test_bootstrap_is_that_of_the_samples_themselves():
    """Against drawing whole samples with replacement, and against scipy's paired percentile bootstrap."""
    outcome = np.repeat([-1, 1, 0], [30, 18, 352])
    rng = np.random.default_rng(7)
    drawn = outcome[rng.integers(0, 400, (10_000, 400))].mean(axis=1)
    low, high = statistics.bootstrap_interval(30, 18, 400)
    assert (low, high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])), abs=0.003)
    theirs = bootstrap((outcome,), np.mean, n_resamples=5000, method="percentile", rng=rng, batch=500).confidence_interval
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=0.003)
    assert statistics.bootstrap_interval(30, 18, 400) == (low, high)  # the same each time
    assert statistics.bootstrap_interval(0, 0, 50) == (0.0, 0.0)


def test_the_variance_without_a_difference_is_the_discordant_share():
    """At D = 0, q is the mean of both shares: McNemar's variance; and what differs nowhere has |D| (1 - |D|)."""
    assert statistics.score_variance(0.04, 0.02, 0.0) == pytest.approx(0.06)
    assert statistics.score_variance(0.0, 0.0, -0.1) == pytest.approx(0.1 * 0.9)


@pytest.mark.parametrize("margin", [0.01, 0.03, 0.2])
def test_samples_needed_where_nothing_differs(margin):
    """By hand: the interval +- z^2 / (n + z^2) lies within the margin from n = z^2 (1 - m) / m on."""
    needed = statistics.samples_needed(0.0, 0.0, -margin, power_z=0.84)
    assert needed == math.ceil(statistics.Z_95**2 * (1 - margin) / margin - 1e-9)
    assert -statistics.paired_interval(0, 0, needed)[0] <= margin < -statistics.paired_interval(0, 0, needed - 2)[0]


@pytest.mark.parametrize(
    ("pb", "pc", "margin"), [(0.02, 0.02, 0.02), (0.03, 0.015, 0.03), (0.10, 0.02, 0.04), (0.02, 0.03, 0.01)]
)
@pytest.mark.parametrize(("power", "power_z"), [(0.8, 0.8416212335729143), (0.5, 0.0)])
def test_samples_needed_decide_as_often_as_promised(pb, pc, margin, power, power_z):
    """Tables are drawn with the named number of samples; the share of those whose interval decides is the power."""
    needed = statistics.samples_needed(pb, pc, -margin, power_z=power_z)
    drawn = np.random.default_rng(11).multinomial(needed, [pb, pc, 1 - pb - pc], 1500)
    tables, times = np.unique(drawn, axis=0, return_counts=True)
    intervals = np.array([statistics.paired_interval(int(b), int(c), needed) for b, c, _ in tables])
    decided = intervals[:, 0] >= -margin if pc - pb > -margin else intervals[:, 1] < -margin
    assert times[decided].sum() / 1500 == pytest.approx(power, abs=0.05)


def test_no_number_of_samples_decides_on_the_margin_itself():
    assert statistics.samples_needed(0.03, 0.01, -0.02, power_z=0.84) is None
