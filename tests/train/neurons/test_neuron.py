"""A neuron from outside the package stands in a block; where it lacks a loop it is refused by name."""

from __future__ import annotations

import pytest
import torch

from myelin.hw_configs.errors import ConfigError
from myelin.train.delay import AxonalDelay
from myelin.train.layers import Block, DelayedRecurrent, DenseSynapse
from myelin.train.neurons import Neuron


class _Step(torch.autograd.Function):
    """Heaviside, with a box of width 1 as derivative."""

    @staticmethod
    def forward(ctx, v):
        ctx.save_for_backward(v)
        return (v > 0).to(v.dtype)

    @staticmethod
    def backward(ctx, grad):
        (v,) = ctx.saved_tensors
        return grad * (v.abs() < 0.5)


class Integrator(Neuron):
    """v <- v + x;  s = v > threshold;  v <- v - threshold where s."""

    def __init__(self, shape, threshold):
        super().__init__()
        self.shape = torch.Size(shape)
        self.threshold = torch.nn.Parameter(torch.tensor(threshold))

    def steps(self, x):
        v, spikes = torch.zeros_like(x[0]), []
        for now in x:
            v = v + now
            s = _Step.apply(v - self.threshold)
            v = v - self.threshold * s
            spikes.append(s)
        return torch.stack(spikes)

    def clamp(self):
        with torch.no_grad():
            self.threshold.clamp_(0.5, 2.0)


def test_it_runs_and_learns_in_a_block():
    torch.manual_seed(0)
    delay = AxonalDelay(3, max_delay=4)
    block = Block(DenseSynapse(2, 3), Integrator((3,), 1.0), delay=delay)
    with torch.no_grad():
        block.synapse.weight.copy_(torch.tensor([[0.5, 0.0], [0.0, 1.5], [0.25, 0.25]]))
        delay.delay.copy_(torch.tensor([0.0, 2.0, 1.0]))
    x = torch.ones(1, 2, 12)
    s = block.emitted(x)[:, 0]  # (T, N)
    assert s[:, 0].tolist() == [0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0]  # v is 1 at the second step, not above it
    assert s[:, 1].tolist() == [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
    block(x).sum().backward()
    assert block.synapse.weight.grad.abs().sum() > 0 and block.neuron.threshold.grad is not None
    with torch.no_grad():
        block.neuron.threshold.fill_(7.0)
    block.clamp()
    assert float(block.neuron.threshold) == 2.0
    assert block.synapse.effective_weight() is block.synapse.weight  # no grid of its own


def test_a_recurrence_needs_a_loop():
    layer = DelayedRecurrent(2, 3, neuron=Integrator((3,), 1.0), recurrent="dense", max_delay=4)
    with pytest.raises(ConfigError, match="Integrator neurons have no loop with a delayed recurrence; use CUBA neurons there"):
        layer(torch.ones(1, 2, 5))
