"""The integers a synapse can hold, and the arguments with which Lava's processes keep every weight exactly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from myelin.convert.arrays import IntArray, check_range
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import WEIGHT_MAX, WEIGHT_MIN


class SynapseFormat(NamedTuple):
    """Arguments for Lava's Dense or Sparse that reproduce integer weights without truncation.

    ``sign_mode`` is 1 (mixed), 2 (excitatory) or 3 (inhibitory), as in lava-nc ``utils/weightutils.py``.
    """

    weight: IntArray
    weight_exp: int
    num_weight_bits: int
    sign_mode: int


def synapse_format(weight: IntArray, weight_exp: int) -> SynapseFormat:
    """Sign mode and exponent with which Lava's clip and floor leave every weight unchanged.

    Lava floors mixed weights to multiples of ``2^(9 - bits)``: with 8 bits, even weights in -256..254 are kept.  Odd weights
    within -128..127 are doubled and the exponent is lowered by one, which is exact.  Weights that are all >= 0, up to 255,
    keep their 8 bits in excitatory mode; weights that are all <= 0, down to -255, in inhibitory mode.

    Raises:
        NetworkError: no format holds these weights.
    """
    if not np.any(weight & 1) and weight.max(initial=0) <= WEIGHT_MAX - 1 and weight.min(initial=0) >= WEIGHT_MIN:
        return SynapseFormat(weight, weight_exp, 8, 1)
    if weight.min(initial=0) >= -128 and weight.max(initial=0) <= 127:
        return SynapseFormat((weight * 2).astype(np.int32), weight_exp - 1, 8, 1)
    if weight.min(initial=0) >= 0 and weight.max(initial=0) <= WEIGHT_MAX:
        return SynapseFormat(weight, weight_exp, 8, 2)
    if weight.max(initial=0) <= 0 and weight.min(initial=0) >= -WEIGHT_MAX:
        return SynapseFormat(weight, weight_exp, 8, 3)
    odd = int(np.count_nonzero(weight & 1))
    raise NetworkError(
        f"weight lies in {weight.min()}..{weight.max()} with {odd} odd values; a signed 8 bit synapse holds even values in "
        "-256..254 or any in -128..127: round to even, or halve the weights and raise weight_exp by one"
    )


def check_weight(weight: IntArray) -> None:
    """Raise NetworkError unless a synapse can hold these weights exactly."""
    check_range("weight", weight, WEIGHT_MIN, WEIGHT_MAX)
    synapse_format(weight, 0)
