"""Vectors of samples in compiled loops, beside numpy."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from myelin.train.kernels.compiled.lanes import LANES, add_product, load, no_lanes, store


@njit
def combined(first, second, factor, place, target):
    """``0 + 1 * first + factor * second`` from ``place`` on."""
    store(target, place, add_product(add_product(no_lanes(), 1.0, load(first, place)), factor, load(second, place)))


@pytest.mark.parametrize("place", [0, 3])
@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("target_kind", [np.float32, np.float64])
def test_lanes_are_the_numbers_from_a_place_on(place, kind, target_kind):
    rng = np.random.default_rng(place)
    first, second = rng.standard_normal((2, LANES + 5)).astype(kind)
    target = np.full(LANES + 5, 7, target_kind)
    combined(first, second, 0.1, place, target)
    here = slice(place, place + LANES)
    expected = first[here].astype(np.float64) + 0.1 * second[here].astype(np.float64)
    np.testing.assert_array_equal(target[here], expected.astype(target_kind))  # doubles, rounded once
    assert np.all(np.delete(target, np.r_[here]) == 7), "nothing beside the lanes is written"
