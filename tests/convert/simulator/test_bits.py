"""Bits of what is not zero, beside numpy's answer."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from myelin.convert.simulator.bits import lowest_bit, nonzero_bits


@njit
def bits(values, place):
    return nonzero_bits(values, np.uint64(place))


@njit
def lowest(number):
    return lowest_bit(np.uint64(number))


@pytest.mark.parametrize("dtype", [np.uint8, np.bool_, np.int16, np.int32])
@pytest.mark.parametrize("place", [0, 1, 37])
def test_a_bit_is_set_where_a_value_is_not_zero(dtype, place):
    rng = np.random.default_rng(place)
    values = (rng.integers(-3, 4, 64 + 37) * (rng.random(64 + 37) < 0.4)).astype(dtype)
    expected = sum(1 << i for i in range(64) if values[place + i] != 0)
    assert int(bits(values, place)) == expected


@pytest.mark.parametrize("index", [0, 1, 31, 32, 63])
def test_the_lowest_bit_is_found(index):
    assert lowest(np.uint64(1 << index)) == index
    assert lowest(np.uint64((1 << 63) | (1 << index))) == index


def test_arrays_that_are_not_contiguous_are_refused():
    with pytest.raises(TypingError, match=r"nonzero_bits of array\(uint8, 1d, A\): a contiguous array of one axis is needed"):
        bits(np.zeros(200, np.uint8)[::2], 0)
