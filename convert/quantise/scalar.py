"""Round numbers and arrays to the range of an integer field."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import BIAS_EXP_MAX, BIAS_MANT_MAX, NETX_BIAS_EXP, THRESHOLD_MAX

FloatArray = npt.NDArray[np.float64]

#: Threshold of a readout of states: above the chip's largest threshold, so that the readout never spikes.
STATE_THRESHOLD = THRESHOLD_MAX + 1


def fitting(value: float, most: int) -> int:
    """The largest k at which rint(2^k value) is at most ``most``."""
    scale = most.bit_length() - math.frexp(value)[1]
    return scale if round(math.ldexp(value, scale)) <= most else scale - 1


def round_bias(bias: FloatArray) -> tuple[IntArray, int]:
    """Mantissa and exponent of a bias in units of the states; netx's exponent if it is exact, else the finest that fits."""
    finest = next(e for e in range(BIAS_EXP_MAX + 1) if np.abs(np.rint(np.ldexp(bias, -e))).max() <= BIAS_MANT_MAX)
    at_netx = np.ldexp(bias, -NETX_BIAS_EXP)
    exponent = NETX_BIAS_EXP if finest <= NETX_BIAS_EXP and np.array_equal(np.rint(at_netx), at_netx) else finest
    return whole(np.ldexp(bias, -exponent)), exponent


def bias_fields(bias: IntArray) -> tuple[IntArray, int]:
    """Mantissa and exponent that are exactly ``bias``, in units of the states: netx's exponent if it can be, else the largest.

    Raises:
        NetworkError: no mantissa of 13 bits with an exponent is this bias.
    """
    largest = BIAS_MANT_MAX << BIAS_EXP_MAX
    if np.abs(bias).max(initial=0) > largest:
        raise NetworkError(f"its biases lie in {bias.min()}..{bias.max()} units of the states; up to {largest} is allowed")
    for exponent in (NETX_BIAS_EXP, *range(BIAS_EXP_MAX, -1, -1)):
        mantissa = bias >> exponent
        if np.array_equal(mantissa << exponent, bias) and np.abs(mantissa).max(initial=0) <= BIAS_MANT_MAX:
            return mantissa, exponent
    raise NetworkError(
        f"its biases lie in {bias.min()}..{bias.max()} units of the states and are no mantissas of 13 bits times one power of "
        "two"
    )


def whole(values: FloatArray) -> IntArray:
    """The nearest integers; ties to even."""
    return np.rint(values).astype(np.int32)
