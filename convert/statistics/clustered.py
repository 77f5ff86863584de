"""Two classifiers with several answers for a sample: of several seeds, or one in every step.

A sample is drawn, flipped and counted as a whole, since its answers depend on each other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.statistics.paired import counts
from myelin.convert.statistics.proportions import RESAMPLES, Z_95, Interval, paired_interval, wilson_interval

#: Largest sum of gains for which all choices of signs are counted.
_EXACT_GAINS = 20_000
#: Drawn numbers that are held at a time.
_BATCH = 4_000_000


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
    n, b, c = counts(first, second)
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


@dataclass(frozen=True)
class PairedSteps:
    """A candidate against a reference that both name a class in every step of the same samples; fractions, not percent.

    Steps of a sample depend on each other, so a sample is drawn, flipped and counted as a whole.

    Attributes:
        samples, steps: number m of samples with a labelled step, and number n of labelled steps.
        accuracy: share of the labelled steps that the candidate gets right.
        accuracy_interval: 95 % Wilson interval of the accuracy, for n divided by the design effect.
        difference: accuracy of the candidate minus accuracy of the reference.
        difference_interval: 95 % interval of the difference (Tango), for n divided by the design effect, with Student's
            quantile of m - 1 degrees of freedom; see ``clustered_interval``.
        bootstrap_interval: 95 % interval of the difference (bootstrap over samples, percentiles).  It is too narrow for few
            samples, or if few of them differ: then it holds the truth in 17 to 92 of 100 cases (m = 10 and 20).
        effect: design effect of the difference.
        only_reference, only_candidate: b and c, numbers of steps that only one of them gets right.
        agreement: share of the labelled steps in which both name the same class, right or wrong.
        p: two-sided p of "both are exchangeable", with whole samples flipped; see ``sign_flip_p``.
    """

    samples: int
    steps: int
    accuracy: float
    accuracy_interval: Interval
    difference: float
    difference_interval: Interval
    bootstrap_interval: Interval
    effect: float
    only_reference: int
    only_candidate: int
    agreement: float
    p: float


def compare_steps(reference: npt.ArrayLike, candidate: npt.ArrayLike, targets: npt.ArrayLike) -> PairedSteps:
    """Compute ``PairedSteps`` from (samples, steps) predicted and true classes; steps of class -1 have no label.

    Raises:
        ValueError: shapes differ, or no step has a label.
    """
    from scipy.stats import t as student

    first, second, truth = (np.asarray(values) for values in (reference, candidate, targets))
    if not first.shape == second.shape == truth.shape or truth.ndim != 2:
        raise ValueError(f"predictions {first.shape} and {second.shape} and labels {truth.shape} must be (samples, steps)")
    kept = (truth >= 0).any(axis=1)
    first, second, truth = first[kept], second[kept], truth[kept]
    labelled = truth >= 0
    one, two = (first == truth) & labelled, (second == truth) & labelled
    n, b, c = counts(one[labelled], two[labelled])
    answers, right = labelled.sum(axis=1), two.sum(axis=1)
    gains = right - one.sum(axis=1)
    m, correct = answers.size, int(right.sum())
    z = float(student.ppf(0.975, m - 1)) if 1 < m < n else Z_95
    return PairedSteps(
        samples=m,
        steps=n,
        accuracy=correct / n,
        accuracy_interval=clustered_wilson(right, answers),
        difference=(c - b) / n,
        difference_interval=clustered_interval(b, c, gains, answers, z),
        bootstrap_interval=clustered_bootstrap(gains, answers),
        effect=design_effect(gains, answers, b + c - (c - b) ** 2 / n),
        only_reference=b,
        only_candidate=c,
        agreement=float((first == second)[labelled].mean()),
        p=sign_flip_p(gains),
    )


def clustered_interval(b: int, c: int, gains: npt.ArrayLike, answers: npt.ArrayLike, z: float = Z_95) -> Interval:
    """``paired_interval`` for samples that recur: b, c and n are divided by the design effect (``design_effect``).

    Args:
        b, c: numbers of pairs in which only the reference, and only the candidate, is right.
        gains: (m,) g_i, right answers of the candidate minus right answers of the reference for sample i.
        answers: (m,) a_i, number of pairs of sample i; n is their sum.
        z: quantile of the interval.

    Source: Rao & Scott 1992, Biometrics 48:577, for the effective sample size; Tango's interval as above.
    """
    n = int(np.sum(answers))
    effect = design_effect(gains, answers, b + c - (c - b) ** 2 / n)
    # where the two differ on every answer, the shares may sum up to n and one bit
    return paired_interval(b / effect, c / effect, max(n / effect, b / effect + c / effect), z)


def design_effect(totals: npt.ArrayLike, answers: npt.ArrayLike, alone: float) -> float:
    """The ratio of the variance of a mean over m whole samples to its variance over n independent answers, at least 1::

        m / (m - 1) * sum_i (t_i - a_i R)^2 / alone,   R = sum_i t_i / n,   n = sum_i a_i

    If all answers are alike it is n / m, as if each sample had been answered once.

    Args:
        totals: (m,) t_i, sum of the answers' values for sample i.
        answers: (m,) a_i, number of answers of sample i.
        alone: n times the variance of one answer, if answers were independent.
    """
    t, a = np.asarray(totals, np.float64), np.asarray(answers, np.float64)
    n, m = float(a.sum()), a.size
    if n <= m:
        return 1.0
    if alone <= 0:
        return n / m
    whole = float(((t - a * (t.sum() / n)) ** 2).sum()) * m / (m - 1) if m > 1 else math.inf
    return min(max(1.0, whole / alone), float(a.max()))


def clustered_wilson(right: npt.ArrayLike, answers: npt.ArrayLike) -> Interval:
    """``wilson_interval`` of the right answers (m,) among ``answers`` (m,) of m samples, divided by the design effect."""
    correct, n = int(np.sum(right)), int(np.sum(answers))
    effect = design_effect(right, answers, correct * (n - correct) / n)
    return wilson_interval(correct / effect, n / effect)


def clustered_bootstrap(gains: npt.ArrayLike, answers: npt.ArrayLike) -> Interval:
    """95 % percentile interval of ``sum_i g_i / sum_i a_i`` over draws of m whole samples with replacement.

    Samples with equal g and a are drawn together, by a multinomial distribution.

    Source: Field & Welsh 2007, J. R. Stat. Soc. B 69:369, for the bootstrap of whole clusters.
    """
    pairs, times = np.unique(np.stack([np.asarray(gains), np.asarray(answers)], axis=1), axis=0, return_counts=True)
    drawn = np.concatenate([(weights @ pairs) for weights in resampled(times)])
    low, high = np.percentile(drawn[:, 0] / drawn[:, 1], [2.5, 97.5])
    return float(low), float(high)


def resampled(times: npt.NDArray[np.int64], seed: int = 0) -> Iterator[npt.NDArray[np.int64]]:
    """``RESAMPLES`` draws of samples with replacement, as counts (batch, kinds), from ``times[k]`` samples of each kind k."""
    rng, left = np.random.default_rng(seed), RESAMPLES
    m = int(times.sum())
    while left:
        batch = min(left, max(1, _BATCH // times.size))
        yield rng.multinomial(m, times / m, batch)
        left -= batch


def sign_flip_p(gains: npt.ArrayLike) -> float:
    """Exact two-sided p of "candidate and reference are exchangeable", for integers ``gains`` (m,).

    It is the fraction of all 2^m choices of signs with ``|sum_i +-g_i| >= |sum_i g_i|``.  If every ``|g_i| <= 1`` it is the
    exact McNemar test.  Whole samples are flipped, so a sample that several seeds answered counts once.  Beyond a sum of
    |g_i| of 20,000, signs are drawn (``flipped_p``).
    """
    g = np.abs(np.asarray(gains, np.int64))
    if int(g.sum()) > _EXACT_GAINS:
        return flipped_p(np.asarray(gains, np.float64))
    reached: npt.NDArray[Any] = np.ones(1)  # reached[k]: probability that the sum is 2 k below its maximum
    for size in np.unique(g[g > 0]).tolist():
        count = int((g == size).sum())
        steps = np.zeros(count * size + 1)
        logs = [math.lgamma(count + 1) - math.lgamma(k + 1) - math.lgamma(count - k + 1) for k in range(count + 1)]
        steps[::size] = np.exp(np.array(logs) - count * math.log(2))
        reached = np.convolve(reached, steps)
    sums = g.sum() - 2 * np.arange(reached.size)
    return min(1.0, float(reached[np.abs(sums) >= abs(int(np.asarray(gains, np.int64).sum()))].sum()))


def flipped_p(differences: npt.NDArray[np.float64], seed: int = 0) -> float:
    """Two-sided p of "candidate and reference are exchangeable" for differences (m,), from 9,999 drawn choices of signs.

    It is ``(1 + k) / 10,000``, with k choices for which ``|sum_i +-d_i| >= |sum_i d_i|``.

    Source: Phipson & Smyth 2010, Stat. Appl. Genet. Mol. Biol. 9:39, for the added 1.
    """
    d = differences[differences != 0]
    if not d.size:
        return 1.0
    rng, reached, left = np.random.default_rng(seed), 0, RESAMPLES - 1
    bound = abs(float(d.sum())) * (1 - 1e-12)  # sums of the same numbers differ in their last bits
    while left:
        batch = min(left, max(1, _BATCH // d.size))
        signs = 2.0 * rng.integers(0, 2, (batch, d.size)) - 1
        reached += int((np.abs(signs @ d) >= bound).sum())
        left -= batch
    return (1 + reached) / RESAMPLES
