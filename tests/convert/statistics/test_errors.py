"""The change of an error: by hand, against scipy, and as often as promised."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from myelin.convert.statistics.errors import compare_errors, samples_needed


@pytest.fixture
def few_resamples(monkeypatch):
    monkeypatch.setattr("myelin.convert.statistics.clustered.RESAMPLES", 400)


def drawn(rng, size, share):
    """Errors of the reference, and of a candidate that is 10 % worse in ``share`` of the samples on average."""
    first = np.exp(0.5 * rng.normal(size=size))
    return first, np.where(rng.random(size) < share, first * np.exp(0.2 * rng.normal(size=size) + 0.1), first)


def test_by_hand():
    found = compare_errors([1.0, 3.0, 4.0], [4.0, 4.0, 4.0])
    assert (found.error, found.worse, found.better) == (2.0, 2, 0)
    assert found.change == pytest.approx(np.sqrt(4 / (8 / 3)) - 1)
    assert found.p == pytest.approx(0.5, abs=0.02)  # +-3 +-1: two of four choices
    assert found.error_interval == (2.0, 2.0)


def test_the_bootstrap_is_scipys():
    first, second = drawn(np.random.default_rng(1), 60, 1.0)
    found = compare_errors(first, second)
    theirs = stats.bootstrap(
        (first, second),
        lambda a, b, axis: np.sqrt(b.mean(axis=axis) / a.mean(axis=axis)) - 1,
        paired=True, vectorized=True, n_resamples=4000, method="percentile", batch=500, rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    assert found.bootstrap_interval == pytest.approx((theirs.low, theirs.high), abs=0.004)
    low, high = found.change_interval
    assert low <= found.bootstrap_interval[0] < found.change < found.bootstrap_interval[1] <= high


@pytest.mark.parametrize(("share", "least"), [(1.0, 0.91), (0.1, 0.97)])
def test_the_interval_holds_the_truth(few_resamples, share, least):
    """A change that few samples show is missed by a bootstrap of 20 samples in one case of three, and by this one rarely."""
    rng = np.random.default_rng(3)
    first, second = drawn(rng, 2_000_000, share)
    truth = np.sqrt(second.mean() / first.mean()) - 1
    times, held, by_bootstrap = 250, 0, 0
    for _ in range(times):
        found = compare_errors(*drawn(rng, 20, share))
        held += found.change_interval[0] <= truth <= found.change_interval[1]
        by_bootstrap += found.bootstrap_interval[0] <= truth <= found.bootstrap_interval[1]
    assert held / times >= least
    assert by_bootstrap <= held and (share == 1.0 or by_bootstrap / times < 0.9)


def test_equal_errors_prove_nothing_about_other_samples():
    """z^2 / (m + z^2) of the samples could have the largest error seen: worked out by hand for errors 1, 1, 1, 5."""
    errors = np.array([1.0, 1.0, 1.0, 5.0])
    found = compare_errors(errors, errors)
    unseen = 1.959963984540054**2 / (4 + 1.959963984540054**2)
    assert found.change == 0 and found.p == 1.0
    assert found.change_interval[1] == pytest.approx(np.sqrt(1 + unseen * (5 / 2 - 1)) - 1)
    needed = samples_needed(errors, errors, 0.05, power_z=0.84)
    many = np.tile(errors, -(-needed // 4))
    assert (
        compare_errors(many, many).change_interval[1]
        <= 0.05
        < compare_errors(many[: needed // 2], many[: needed // 2]).change_interval[1]
    )


def test_samples_needed_decide_as_often_as_promised(few_resamples):
    rng = np.random.default_rng(4)
    first, second = drawn(rng, 4000, 1.0)
    needed = samples_needed(first, second, 0.10, power_z=0.8416)
    decided = [compare_errors(*drawn(rng, needed, 1.0)).change_interval[1] <= 0.10 for _ in range(200)]
    assert np.mean(decided) == pytest.approx(0.8, abs=0.1)


def test_a_candidate_without_error():
    found = compare_errors([1.0, 2.0], [0.0, 0.0])
    assert (found.change, found.change_interval, found.error) == (-1.0, (-1.0, -1.0), 0.0)
    assert samples_needed(np.array([1.0, 2.0]), np.zeros(2), 0.01, power_z=0.84) is None


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ([1.0], [1.0], "two samples or more"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "lists of one length"),
        ([1.0, np.nan], [1.0, 1.0], "finite"),
        ([0.0, 0.0], [1.0, 1.0], "the reference has no error"),
    ],
)
def test_what_makes_no_sense_is_refused(first, second, said):
    with pytest.raises(ValueError, match=said):
        compare_errors(first, second)
