"""Statistics of two classifiers on the same samples, as pure functions of counts that a reader can check by hand.

With n samples, b is the number that only the first (reference) classifies correctly, c the number that only the second
(candidate) does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: 97.5 % quantile of the normal distribution: two-sided intervals of 95 %.
Z_95 = 1.959963984540054
#: Resamples of a bootstrap; between seeds the ends of its interval then vary by less than a tenth of its width.
RESAMPLES = 10_000

Interval = tuple[float, float]


@dataclass(frozen=True)
class Paired:
    """A candidate against a reference on the same samples; fractions, not percent.

    Attributes:
        samples: n.
        accuracy: accuracy of the candidate.
        accuracy_interval: 95 % Wilson interval of the accuracy.
        difference: accuracy of the candidate minus accuracy of the reference.
        difference_interval: 95 % interval of the difference (Tango).
        bootstrap_interval: 95 % interval of the difference (paired bootstrap, percentiles).
        only_reference, only_candidate: b and c, numbers of samples that only one classifies correctly.
        agreement: fraction of samples on which both predict the same class, right or wrong.
        mcnemar_p: exact two-sided p value of "both are equally accurate".
    """

    samples: int
    accuracy: float
    accuracy_interval: Interval
    difference: float
    difference_interval: Interval
    bootstrap_interval: Interval
    only_reference: int
    only_candidate: int
    agreement: float
    mcnemar_p: float


@dataclass(frozen=True)
class Pooled:
    """A candidate against a reference, both trained with several seeds, pooled over the seeds; fractions, not percent.

    Attributes:
        pairs: n, number of compared pairs of answers; a sample counts once for each seed.
        samples: number of distinct samples.
        difference: accuracy of the candidate minus accuracy of the reference over all pairs.
        difference_interval: 95 % interval of the difference, for these networks on other samples; see ``clustered_interval``.
        only_reference, only_candidate: b and c, numbers of pairs in which only one answer is right.
        p: see ``sign_flip_p``; equals the exact McNemar test if no sample recurs.
    """

    pairs: int
    samples: int
    difference: float
    difference_interval: Interval
    only_reference: int
    only_candidate: int
    p: float


def compare_pooled(reference_right: npt.ArrayLike, candidate_right: npt.ArrayLike, samples: npt.ArrayLike) -> Pooled:
    """Compute ``Pooled`` from the answers of all seeds.

    Args:
        reference_right, candidate_right: (n,) bool, whether each answer is right; the answers of all seeds are concatenated.
        samples: (n,) number of the sample of each answer; it recurs if several seeds answered it.

    Raises:
        ValueError: lengths differ, or there is nothing to compare.
    """
    first, second = (np.asarray(values, bool) for values in (reference_right, candidate_right))
    numbers = np.asarray(samples)
    if not first.shape == second.shape == numbers.shape or first.ndim != 1:
        raise ValueError(f"answers {first.shape} and {second.shape} and samples {numbers.shape} must be lists of one length")
    n, b, c = _counts(first, second)
    _, place = np.unique(numbers, return_inverse=True)
    answers = np.bincount(place)
    gains = np.bincount(place, second.astype(np.int64) - first.astype(np.int64)).astype(np.int64)
    return Pooled(
        pairs=n,
        samples=answers.size,
        difference=(c - b) / n,
        difference_interval=clustered_interval(b, c, gains, answers),
        only_reference=b,
        only_candidate=c,
        p=sign_flip_p(gains),
    )


def compare(reference: npt.ArrayLike, candidate: npt.ArrayLike, labels: npt.ArrayLike) -> Paired:
    """Compute ``Paired`` from predicted classes ``reference`` and ``candidate`` and true ``labels``, (samples,) each.

    Raises:
        ValueError: lengths differ, or there are no samples.
    """
    first, second, truth = (np.asarray(values) for values in (reference, candidate, labels))
    if not first.shape == second.shape == truth.shape or truth.ndim != 1:
        raise ValueError(f"predictions {first.shape} and {second.shape} and labels {truth.shape} must be lists of one length")
    samples, b, c = _counts(first == truth, second == truth)
    correct = int((second == truth).sum())
    return Paired(
        samples=samples,
        accuracy=correct / samples,
        accuracy_interval=wilson_interval(correct, samples),
        difference=(c - b) / samples,
        difference_interval=paired_interval(b, c, samples),
        bootstrap_interval=bootstrap_interval(b, c, samples),
        only_reference=b,
        only_candidate=c,
        agreement=float((first == second).mean()),
        mcnemar_p=mcnemar_p(b, c),
    )


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> Interval:
    """Score interval of a proportion p = successes / trials: ``(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)``.

    Raises:
        ValueError: not 0 <= successes <= trials, or no trials.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22:209; Newcombe 1998, Stat. Med. 17:857, method 3.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials}: at least one trial, and at most as many successes, are needed")
    p, n = successes / trials, trials
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def paired_interval(only_reference: float, only_candidate: float, samples: float, z: float = Z_95) -> Interval:
    """Tango's score interval of the difference ``(c - b) / n`` of two accuracies on the same samples.

    It contains the differences D that a score test does not reject: ``|T(D)| <= z`` with
    ``T(D) = (c - b - n D) / sqrt(n V(D))`` and V of ``score_variance``.  T decreases with D; bisection finds its two crossings.
    Unlike Wald's and the bootstrap interval, it has a width for b = c = 0: ``+- z^2 / (n + z^2)``.

    Raises:
        ValueError: counts are negative or exceed the samples, or there are no samples.

    Source: Tango 1998, Stat. Med. 17:891; recommended by Fagerland, Lydersen, Laake 2014, Stat. Med. 33:2850.
    """
    b, c, n = only_reference, only_candidate, samples
    if n < 1 or min(b, c) < 0 or b + c > n:
        raise ValueError(f"{b} and {c} of {n} samples: no such table")

    def statistic(difference: float) -> float:
        variance = n * score_variance(b / n, c / n, difference)
        distance = c - b - n * difference
        if variance <= 0:  # D = +-1, or no uncertainty
            return math.copysign(math.inf, distance) if distance else 0.0
        return distance / math.sqrt(variance)

    estimate = (c - b) / n
    return _crossing(statistic, z, -1.0, estimate), _crossing(statistic, -z, estimate, 1.0)


def score_variance(only_reference: float, only_candidate: float, difference: float) -> float:
    """Variance V(D) of one sample's contribution (-1, 0 or 1) to the difference, if the true difference is D::

        V(D) = 2 q + D (1 - D),   q = ( sqrt(B^2 - 8 C) - B ) / 4,   B = (2 - pc + pb) D - (pb + pc),   C = -pb D (1 - D)

    with the fractions pb = b / n and pc = c / n; q is the maximum-likelihood estimate of P(only the reference is right) given
    D.

    Source: Tango 1998, Stat. Med. 17:891; Nam 1997, Biometrics 53:1422.
    """
    pb, pc, d = only_reference, only_candidate, difference
    linear = (2 - pc + pb) * d - (pb + pc)
    constant = -pb * d * (1 - d)
    q = (math.sqrt(max(0.0, linear * linear - 8 * constant)) - linear) / 4
    return 2 * q + d * (1 - d)


def bootstrap_interval(
    only_reference: int, only_candidate: int, samples: int, *, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """95 % percentile interval of ``(c - b) / n`` over ``resamples`` draws of n samples with replacement.

    A sample has one of three outcomes: only the reference is right, only the candidate is right, or neither case.  A draw of
    samples is therefore a draw of (b, c, n - b - c) from a multinomial distribution with their fractions.  For b = c = 0 the
    interval has no width and says nothing about other samples; Tango's interval decides.

    Raises:
        ValueError: counts are negative or exceed the samples, or there are no samples.

    Source: Efron 1979, Ann. Stat. 7:1.
    """
    b, c, n = only_reference, only_candidate, samples
    if n < 1 or min(b, c) < 0 or b + c > n:
        raise ValueError(f"{b} and {c} of {n} samples: no such table")
    drawn = np.random.default_rng(seed).multinomial(n, [b / n, c / n, (n - b - c) / n], resamples)
    low, high = np.percentile((drawn[:, 1] - drawn[:, 0]) / n, [2.5, 97.5])
    return float(low), float(high)


def samples_needed(only_reference: float, only_candidate: float, difference: float, *, power_z: float) -> int | None:
    """Samples after which Tango's 95 % interval lies on one side of D, if the rates pb and pc stay the same::

        n = ( ( z sqrt(V0) + power_z sqrt(V1) ) / (d - D) )^2,   d = pc - pb,   V0 = V(D),   V1 = pb + pc - d^2

    V0 is the variance that the interval uses (``score_variance``), V1 the true variance.  z sqrt(V0 / n) is the reach of the
    interval, power_z sqrt(V1 / n) the random deviation of the estimate.

    Args:
        only_reference, only_candidate: fractions pb and pc of samples that only one classifies correctly.
        difference: D, minus the allowed loss.
        power_z: quantile of the normal distribution for the probability that n samples suffice; 0 for one half.

    Returns:
        The number of samples; None if d = D, where no number of samples decides.

    Source: Nam 1997, Biometrics 53:1422.
    """
    estimate = only_candidate - only_reference
    distance = estimate - difference
    if abs(distance) < 1e-12:
        return None
    null = score_variance(only_reference, only_candidate, difference)
    truth = only_reference + only_candidate - estimate * estimate
    reach = Z_95 * math.sqrt(max(0.0, null)) + power_z * math.sqrt(max(0.0, truth))
    return max(1, math.ceil((reach / distance) ** 2))


def mcnemar_p(only_reference: int, only_candidate: int) -> float:
    """Exact two-sided p of McNemar's test: ``min(1, 2 P(X <= min(b, c)))``, X binomial with b + c trials of probability 1/2.

    Source: McNemar 1947, Psychometrika 12:153; the exact form is the sign test on the samples that only one gets right.
    """
    trials = only_reference + only_candidate
    tail = sum(math.comb(trials, k) for k in range(min(only_reference, only_candidate) + 1))
    return min(1.0, float(2 * tail / 2**trials))


def clustered_interval(b: int, c: int, gains: npt.ArrayLike, answers: npt.ArrayLike) -> Interval:
    """``paired_interval`` for samples that recur: b, c and n are divided by the design effect, at least 1 ::

        m / (m - 1) * sum_i (g_i - a_i D)^2 / (b + c - n D^2),   D = (c - b) / n

    This is the ratio of the variance of D over m whole samples to its variance over n independent pairs.  If all pairs are
    alike it is n / m, as if each sample had been answered once.

    Args:
        b, c: numbers of pairs in which only the reference, and only the candidate, is right.
        gains: (m,) g_i, right answers of the candidate minus right answers of the reference for sample i.
        answers: (m,) a_i, number of pairs of sample i; n is their sum.

    Source: Rao & Scott 1992, Biometrics 48:577, for the effective sample size; Tango's interval as above.
    """
    g, a = np.asarray(gains, np.float64), np.asarray(answers, np.float64)
    n, m = int(a.sum()), a.size
    effect = 1.0
    if n > m:
        difference = (c - b) / n
        alone = b + c - n * difference * difference
        whole = float(((g - a * difference) ** 2).sum()) * m / (m - 1) if m > 1 else math.inf
        effect = min(max(1.0, whole / alone), float(a.max())) if alone > 0 else n / m
    return paired_interval(b / effect, c / effect, n / effect)


def sign_flip_p(gains: npt.ArrayLike) -> float:
    """Exact two-sided p of "candidate and reference are exchangeable", for integers ``gains`` (m,).

    It is the fraction of all 2^m choices of signs with ``|sum_i +-g_i| >= |sum_i g_i|``.  If every ``|g_i| <= 1`` it is the
    exact McNemar test.  Whole samples are flipped, so a sample that several seeds answered counts once.
    """
    g = np.abs(np.asarray(gains, np.int64))
    reached: npt.NDArray[Any] = np.ones(1)  # reached[k]: probability that the sum is 2 k below its maximum
    for size in np.unique(g[g > 0]).tolist():
        count = int((g == size).sum())
        steps = np.zeros(count * size + 1)
        logs = [math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) for k in range(count + 1)]
        steps[::size] = np.exp(np.array(logs) - count * math.log(2))
        reached = np.convolve(reached, steps)
    sums = g.sum() - 2 * np.arange(reached.size)
    return min(1.0, float(reached[np.abs(sums) >= abs(int(np.asarray(gains, np.int64).sum()))].sum()))


def _counts(first_right: npt.NDArray[Any], second_right: npt.NDArray[Any]) -> tuple[int, int, int]:
    """(n, b, c) from two bool arrays of right answers."""
    if not first_right.size:
        raise ValueError("there are no samples to compare on")
    return first_right.size, int((first_right & ~second_right).sum()), int((~first_right & second_right).sum())


def _crossing(statistic: Any, level: float, low: float, high: float) -> float:
    """The point in low..high at which the decreasing ``statistic`` crosses ``level``; 60 bisections, exact to the last bits."""
    for _ in range(60):
        middle = (low + high) / 2
        if statistic(middle) > level:
            low = middle
        else:
            high = middle
    return (low + high) / 2
