"""Statistics of two networks on the same samples: proportions, paired classes, several answers for a sample, errors."""

from myelin.convert.statistics.clustered import (
    PairedSteps,
    Pooled,
    clustered_bootstrap,
    clustered_interval,
    compare_pooled,
    compare_steps,
    sign_flip_p,
)
from myelin.convert.statistics.errors import PairedErrors, compare_errors
from myelin.convert.statistics.paired import Paired, compare
from myelin.convert.statistics.proportions import (
    Z_95,
    Interval,
    bootstrap_interval,
    mcnemar_p,
    paired_interval,
    samples_needed,
    score_variance,
    wilson_interval,
)

__all__ = [
    "Z_95",
    "Interval",
    "Paired",
    "PairedErrors",
    "PairedSteps",
    "Pooled",
    "bootstrap_interval",
    "clustered_bootstrap",
    "clustered_interval",
    "compare",
    "compare_errors",
    "compare_pooled",
    "compare_steps",
    "mcnemar_p",
    "paired_interval",
    "samples_needed",
    "score_variance",
    "sign_flip_p",
    "wilson_interval",
]
