"""DelayKernel given by their corners against the triangle's equation, lag by lag."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.train.kernels.delays.kernel import DelayKernel

SIXTEENTHS = st.integers(0, 62 * 16).map(lambda value: value / 16)
DELAYS = st.lists(SIXTEENTHS, min_size=1, max_size=6)


@settings(deadline=None)
@given(DELAYS, st.integers(0, 12 * 16).map(lambda value: value / 16))
def test_corners_give_the_triangle(delays, sigma):
    delay, half = np.array(delays), 1 + sigma
    kernel = DelayKernel.triangle(delay, sigma)
    lags = np.arange(kernel.dense_weights.shape[0])[:, None]
    height = np.maximum(half - np.abs(lags - 1 - delay), 0) / half**2 * (lags >= 1)
    np.testing.assert_allclose(kernel.dense_weights, height, atol=1e-8)
    side = np.where((delay == 0) & (lags == 1), -1, np.sign(lags - 1 - delay))  # a delay of 0 can only grow
    slope = side * (height > 0) / half**2
    if sigma == 0:  # at a whole delay, a kink
        single = DelayKernel.single(np.rint(delay).astype(np.int64)).dense_slopes
        single = np.pad(single, ((0, lags.size), (0, 0)))[: lags.size]
        slope = np.where(delay == np.rint(delay), single, slope)
    np.testing.assert_allclose(kernel.dense_slopes, slope, atol=1e-8)
    assert height[-1].max() == 0  # nothing of it lies beyond the last lag
    assert kernel.lags.min() >= 1 and kernel.lags.shape[0] <= 9


def test_a_wide_triangle_takes_as_few_points_as_a_narrow_one():
    delay = np.array([20.3, 31.9])
    assert DelayKernel.triangle(delay, 2.2).lags.shape == DelayKernel.triangle(delay, 11.7).lags.shape == (6, 2)


@pytest.mark.parametrize("learn", [False, True])
def test_single_tap(learn):
    kernel = DelayKernel.single(np.array([0, 3]), learn=learn)
    assert [np.flatnonzero(column).tolist() for column in kernel.dense_weights.T] == [[1], [4]]
    assert kernel.weights.sum() == 2
    if learn:
        assert kernel.dense_slopes[:, 0].tolist() == [0, -1, 1, 0, 0, 0] and kernel.dense_slopes[3:, 1].tolist() == [
            -0.5,
            0,
            0.5,
        ]
    else:
        assert not kernel.dense_slopes.any()
