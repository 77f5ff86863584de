"""The batch norms of SLAYER's neurons, ``slayer.neuron.norm``, as they are evaluated: a shift and a power of two.

In evaluation both compute ``(current - pre_hook_fx(running_mean)) / std`` between the current and the voltage, with std 1 or,
for ``WgtScaleBatchNorm``, a power of two.  In a block that runs all steps at once this is a bias of the voltage and a factor
on the weights.  A block that runs its neurons step by step (Recurrent, KWTA) keeps the result as the current of the next step,
so the shift enters the synapse filter in every step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.neuron import FloatArray
from myelin.convert.modules.known import known_class, numbers, require_unchanged
from myelin.convert.modules.reading import spread_values
from myelin.convert.modules.slayer_blocks.attributes import NORM, require_considered
from myelin.hw_configs.errors import NetworkError

_MEAN_ONLY = "lava.lib.dl.slayer.neuron.norm.MeanOnlyBatchNorm"
_SCALED = "lava.lib.dl.slayer.neuron.norm.WgtScaleBatchNorm"


@dataclass(frozen=True, eq=False)
class ReadNorm:
    """What a norm computes in evaluation: ``(current - mean) / 2 ** exponent``.

    Attributes:
        mean: (channels,) or (1,), after ``pre_hook_fx``.
        exponent: of the standard deviation.
    """

    mean: FloatArray
    exponent: int

    @property
    def gain(self) -> float:
        """The factor on the current, and so on the weights."""
        return 2.0**-self.exponent

    def bias(self, shape: Shape) -> FloatArray:
        """What it adds to the voltage of a population of ``shape`` in every step."""
        if self.mean.size not in (1, shape[0]):
            raise NetworkError(f"its norm has {self.mean.size} means for {shape[0]} channels; one for each is allowed")
        return spread_values(-self.mean * self.gain, shape, "means of a norm")

    @property
    def changes_nothing(self) -> bool:
        """True if the current stays as it is."""
        return not self.mean.any() and self.exponent == 0


def read_norm(norm: Any) -> ReadNorm | None:
    """What ``norm`` computes in evaluation; None for no norm.

    Raises:
        NetworkError: it is no norm of SLAYER's, something on it changes what it computes, or its statistics are not finite.
    """
    if norm is None:
        return None
    known = known_class(norm, (_MEAN_ONLY, _SCALED))
    if known is None:
        raise NetworkError(
            f"its neuron has norm={type(norm).__name__}; MeanOnlyBatchNorm and WgtScaleBatchNorm of slayer.neuron.norm can be "
            "read"
        )
    require_unchanged("its norm", norm, known)
    require_considered("its norm", norm, known, NORM)
    mean = numbers(norm.pre_hook_fx(norm.running_mean)).reshape(-1)
    if not np.array_equal(mean, numbers(norm.pre_hook_fx(norm.running_mean)).reshape(-1), equal_nan=True):
        raise NetworkError(
            "the pre_hook_fx of its norm gives another mean in every call; a quantisation without noise is allowed"
        )
    std = numbers(norm.std(norm.running_var)).reshape(-1) if known.__name__ == "WgtScaleBatchNorm" else np.ones(1)
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and std.size == 1 and (std > 0).all()):
        raise NetworkError("the running statistics of its norm are NaN or infinite: training diverged; train again")
    return ReadNorm(mean, int(np.log2(std[0])))
