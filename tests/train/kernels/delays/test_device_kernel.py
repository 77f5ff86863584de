"""Kernels of delays that are computed on a device, against those that the host computes: the same at every lag."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.train.kernels.delays.device_kernel import DeviceKernel
from myelin.train.kernels.delays.kernel import DelayKernel

LONGEST = 62
SIXTEENTHS = st.integers(0, LONGEST * 16).map(lambda value: value / 16)


def equal(found: DeviceKernel, expected: DelayKernel) -> None:
    """Compare both kernels at all lags."""
    assert found.order == expected.order and int(found.lags.max()) <= found.longest and int(found.lags.min()) >= 0
    there = DelayKernel(*(values.numpy() for values in (found.lags.long(), found.weights, found.slopes)), found.order)
    for name in ("dense_weights", "dense_slopes"):
        own, theirs = getattr(there, name), getattr(expected, name)
        rows = max(len(own), len(theirs))
        own, theirs = (np.concatenate((x, np.zeros((rows - len(x), x.shape[1])))) for x in (own, theirs))
        np.testing.assert_allclose(own, theirs, rtol=0, atol=1e-12, err_msg=name)


@settings(deadline=None)
@given(st.lists(SIXTEENTHS, min_size=1, max_size=6), st.integers(0, 12 * 16).map(lambda value: value / 16))
def test_triangles(delays, sigma):
    delay = torch.tensor(delays)
    equal(DeviceKernel.triangle(delay, sigma, LONGEST), DelayKernel.triangle(delay.numpy(), sigma))


@pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0, 2.0, 10.0])
def test_triangles_of_whole_delays(sigma):
    delay = torch.arange(LONGEST + 1.0)
    equal(DeviceKernel.triangle(delay, sigma, LONGEST), DelayKernel.triangle(delay.numpy(), sigma))


@pytest.mark.parametrize("learn", [True, False])
def test_single_taps(learn):
    steps = torch.arange(LONGEST + 1)
    equal(DeviceKernel.single(steps, LONGEST, learn=learn), DelayKernel.single(steps.numpy(), learn=learn))


def test_a_delay_for_several_neurons():
    steps = torch.tensor([4, 0, 7])
    equal(DeviceKernel.single(steps, 7).repeat(3), DelayKernel.single(steps.numpy()).repeat(3))
