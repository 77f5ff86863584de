"""The gradient of soft delays that are whole steps, on every backend: differences of the forward pass; that of hard delays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myelin.train.delay import AxonalDelay
from myelin.train.kernels import devices
from myelin.train.layers import DelayedRecurrent, Dense

LONGEST = 9
#: Both ends of the range, and steps between.
WHOLE = (0.0, 1.0, 4.0, float(LONGEST))
STEPS, BATCH = 26, 3


@pytest.fixture(params=["compiled", "device"], autouse=True)
def backend(request, monkeypatch):
    """The compiled loops and kernels of the host, and those of other devices in their place."""
    if request.param == "device":
        monkeypatch.setattr(devices, "HOST", set())


def delays(values, *, hard, sigma=0.0, longest=LONGEST):
    module = AxonalDelay(len(values), max_delay=longest)
    with torch.no_grad():
        module.delay.copy_(torch.tensor(values))
    module.set(hard=hard, sigma=sigma)
    return module


@pytest.mark.parametrize("sigma", [0.0, 0.5, 2.5])
def test_it_is_the_difference_of_the_forward_pass(sigma):
    """Central inside the range; at 0, below which no delay lies, one-sided."""
    rng = np.random.default_rng(0)
    spikes = torch.tensor(rng.random((STEPS, BATCH, len(WHOLE))) < 0.3).float()
    weight = torch.tensor(rng.integers(-4, 5, (STEPS, BATCH, len(WHOLE)))).float()
    step = 0.125  # of a piecewise linear function, so differences are exact

    def loss(values):
        arriving = delays(values, hard=False, sigma=sigma, longest=LONGEST + 1)(spikes)
        return (arriving * weight).double().sum(dim=(0, 1)).detach()

    here = np.array(WHOLE)
    up, down = loss((here + step).tolist()), loss(np.maximum(here - step, 0).tolist())
    expected = (up - down) / torch.tensor(np.where(here > 0, 2 * step, step))
    module = delays(WHOLE, hard=False, sigma=sigma)
    (module(spikes) * weight).sum().backward()
    torch.testing.assert_close(module.delay.grad.double(), expected, rtol=1e-4, atol=1e-4)
    assert (expected != 0).all()


def feed_forward(module):
    return Dense(5, 4, delay=module, threshold=0.5, gain=3.0)


def recurrent(kind):
    def made(module):
        kernel = {"recurrent": kind} if kind == "dense" else {"recurrent": kind, "taps": 3}
        return DelayedRecurrent(5, 4, recurrent_delay=module, threshold=0.5, gain=3.0, **kernel)

    return made


@pytest.mark.parametrize("block", [feed_forward, recurrent("dense"), recurrent("conv")], ids=["ahead", "dense", "conv"])
def test_in_a_block_it_is_that_of_hard_delays(block):
    found = []
    for hard in (False, True):
        torch.manual_seed(1)
        module = delays(WHOLE, hard=hard)
        layer = block(module)
        with torch.no_grad():
            layer.synapse.weight.abs_()  # all neurons spike
        x = (torch.rand(BATCH, 5, STEPS) < 0.1).float()
        out = layer(x)
        (out * torch.randn_like(out)).sum().backward()
        found.append((out.detach(), module.delay.grad))
    (soft, soft_grad), (hard_out, hard_grad) = found
    assert torch.equal(soft, hard_out) and 0.02 < soft.mean() < 0.9
    torch.testing.assert_close(soft_grad, hard_grad, rtol=1e-4, atol=1e-5)
    assert (soft_grad != 0).all()


@pytest.mark.parametrize("sigma", [0.0, 1.0])
def test_a_delay_of_zero_leaves_what_costs(sigma):
    """Only the arrival after no delay costs something: a step further it costs less, so the delay grows."""
    module = delays((0.0,), hard=False, sigma=sigma)
    spikes = torch.zeros(8, 1, 1)
    spikes[0] = 1
    module(spikes)[1].sum().backward()
    assert module.delay.grad.item() < 0
