"""Two classifiers on the same samples, one class for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.statistics.proportions import (
    Interval,
    bootstrap_interval,
    mcnemar_p,
    paired_interval,
    wilson_interval,
)


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


def compare(reference: npt.ArrayLike, candidate: npt.ArrayLike, labels: npt.ArrayLike) -> Paired:
    """Compute ``Paired`` from predicted classes ``reference`` and ``candidate`` and true ``labels``, (samples,) each.

    Raises:
        ValueError: lengths differ, or there are no samples.
    """
    first, second, truth = (np.asarray(values) for values in (reference, candidate, labels))
    if not first.shape == second.shape == truth.shape or truth.ndim != 1:
        raise ValueError(f"predictions {first.shape} and {second.shape} and labels {truth.shape} must be lists of one length")
    samples, b, c = counts(first == truth, second == truth)
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


def counts(first_right: npt.NDArray[Any], second_right: npt.NDArray[Any]) -> tuple[int, int, int]:
    """(n, b, c) from two bool arrays of right answers; raises ValueError if there are none."""
    if not first_right.size:
        raise ValueError("there are no samples to compare on")
    return first_right.size, int((first_right & ~second_right).sum()), int((~first_right & second_right).sum())
