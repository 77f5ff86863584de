"""Intervals and tests of proportions, as pure functions of counts that a reader can check by hand.

With n samples, b is the number that only the first (reference) classifies correctly, c the number that only the second
(candidate) does.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

#: 97.5 % quantile of the normal distribution: two-sided intervals of 95 %.
Z_95 = 1.959963984540054
#: Resamples of a bootstrap; between seeds the ends of its interval then vary by less than a tenth of its width.
RESAMPLES = 10_000

Interval = tuple[float, float]


def wilson_interval(successes: float, trials: float, z: float = Z_95) -> Interval:
    """Score interval of a proportion p = successes / trials: ``(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)``.

    Raises:
        ValueError: not 0 <= successes <= trials, or less than one trial.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22:209; Newcombe 1998, Stat. Med. 17:857, method 3.
    """
    if trials < 1 or not 0 <= successes <= trials:
        raise ValueError(f"{successes} of {trials}: at least one trial, and at most as many successes, are needed")
    p, n = successes / trials, trials
    centre = p + z * z / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    low, high = (centre - half) / scale, (centre + half) / scale
    # at the ends the interval reaches 0 and 1 exactly, which sums of floats miss
    return 0.0 if successes == 0 else max(0.0, low), 1.0 if successes == trials else min(1.0, high)


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
    tail = ways = 1
    for k in range(min(only_reference, only_candidate)):
        ways = ways * (trials - k) // (k + 1)  # each binomial from the one before: computed anew, 10^4 of them take minutes
        tail += ways
    return min(1.0, float(2 * tail / 2**trials))


def _crossing(statistic: Callable[[float], float], level: float, low: float, high: float) -> float:
    """The point in low..high at which the decreasing ``statistic`` crosses ``level``; 60 bisections, exact to the last bits."""
    for _ in range(60):
        middle = (low + high) / 2
        if statistic(middle) > level:
            low = middle
        else:
            high = middle
    return (low + high) / 2
