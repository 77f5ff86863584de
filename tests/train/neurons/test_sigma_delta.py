"""Sigma-delta neurons in training: the chip's integers forward, straight through backward, and what float32 cannot hold."""

from __future__ import annotations

import numpy as np
import pytest
import sigma_delta_networks
import torch

from myelin import nn
from myelin.convert.neurons import SigmaDelta
from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.train.kernels.sigma_delta import MESSAGE_SCALE, SIGMA_SCALE


def integers(neuron, a, *, bias=0):
    """Messages (steps, neurons) of the reference in integers, for sums ``a`` (steps, neurons)."""
    reference = sigma_delta_networks.Neurons(neuron, a.shape[1:], len(a))
    for t, row in enumerate(a):
        reference.step(t, row)
    return reference.history["spikes"]


@pytest.mark.parametrize("activation", ["relu", "unit"])
@pytest.mark.parametrize("cumulative", [False, True])
def test_messages_are_those_of_the_integers(activation, cumulative):
    a = np.random.default_rng(3).integers(-40000, 40001, (30, 6))
    bias = np.array([0, 3, -20, 50, 1, -1])
    own = nn.SigmaDelta(6, threshold=8 / 64, activation=activation, cumulative_error=cumulative, bias=True).eval()
    own.bias.data = torch.tensor(bias / 64 + 0.001, dtype=torch.float32)
    got = own.steps(torch.tensor(a[:, None] / SIGMA_SCALE, dtype=torch.float32))[:, 0].detach().double() * MESSAGE_SCALE
    wanted = integers(SigmaDelta(8, bias=bias, activation=activation, cumulative_error=cumulative), a)
    np.testing.assert_array_equal(got.numpy(), wanted)
    assert 0 < np.count_nonzero(wanted) < wanted.size


def test_the_gradient_is_that_of_sending_every_change():
    """With messages = the changes of relu(sum over time + bias), differentiated by autograd."""
    torch.manual_seed(0)
    x, weight = torch.randn(12, 2, 5, requires_grad=True), torch.randn(12, 2, 5)
    own = nn.SigmaDelta(5, threshold=1.0, bias=True)
    own.bias.data.copy_(torch.arange(5) / 64)
    (own.steps(x) * weight).sum().backward()
    found, bias = x.grad.clone(), own.bias.grad.clone()
    x.grad, own.bias.grad = None, None
    act = torch.relu(x.cumsum(0) + own.bias)
    (torch.diff(act, dim=0, prepend=torch.zeros_like(act[:1])) * weight).sum().backward()
    torch.testing.assert_close(found, x.grad, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(bias, own.bias.grad, atol=1e-4, rtol=1e-4)


def test_the_rate_counts_messages_and_follows_their_size():
    own = nn.SigmaDelta(2, threshold=0.5)
    s = torch.tensor([[[1.0, 0.0]], [[-2.0, 0.0]]], requires_grad=True)
    rate = own.activity(s)
    rate.backward()
    assert float(rate.detach()) == 0.5 and s.grad.flatten().tolist() == [0.5, 0.0, -0.5, 0.0]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"threshold": 0.1}, r"threshold is 0\.1; a multiple of 1/64 from 0 to below 4096 is allowed"),
        ({"threshold": -1}, "threshold is -1; a multiple of 1/64 from 0"),
        ({"activation": "tanh"}, "activation is 'tanh'; 'relu' or 'unit' is allowed, as Lava's sigma-delta neurons have"),
        ({"weight_bits": 9}, r"weight_bits is 9; 2\.\.8 is allowed"),
    ],
)
def test_wrong_constants(options, text):
    with pytest.raises(ConfigError, match=text):
        nn.SigmaDelta(3, **options)
    if "weight_bits" in options:
        with pytest.raises(ConfigError, match=text):
            nn.Sigma(3, **options)


def test_there_is_no_recurrence():
    with pytest.raises(ConfigError, match="SigmaDelta neurons have no loop with a delayed recurrence"):
        nn.DelayedRecurrent(3, 4, neuron=nn.SigmaDelta(4))(torch.ones(1, 3, 5))


def dense(weight, inputs=2, neuron=None):
    block = nn.Dense(inputs, 1, neuron=neuron or nn.SigmaDelta(1)).eval()
    block.synapse.weight.data.fill_(weight)
    return block


def test_sums_that_float32_may_round_are_refused_in_evaluation_alone():
    """40 (1 - 1) is small, and its products are not: in 24 bit they may be rounded before they cancel."""
    block, x = dense(1.0), torch.tensor([[[40.0], [-40.0]]])
    text = r"magnitudes of products reach 80, float32 adds them exactly below 64, .*: scale the input or the weights before"
    with pytest.raises(MyelinError, match=text):
        block(x)
    assert block.train()(x).shape == (1, 1, 1)
    block.eval().quantise(False)
    assert block(x).shape == (1, 1, 1)  # floats have no integers to equal
    assert dense(1.0)(torch.tensor([[[40.0, 0.0], [0.0, -40.0]]])).shape == (1, 1, 2)  # each step alone is exact


def test_what_lava_wraps_is_refused():
    conv = nn.Conv(1, 1, 1, input_shape=(1, 1, 1), neuron=nn.SigmaDelta((1, 1, 1))).eval()
    conv.synapse.weight.data.fill_(1.0)
    with pytest.raises(MyelinError, match="sums of its convolution reach 33, Lava wraps them at 32"):
        conv(torch.full((1, 1, 1, 1, 1), 33.0))
    with pytest.raises(MyelinError, match="its sums reach 4200, Lava's 32 bit hold changes of them below 4096"):
        dense(1.0)(torch.full((1, 2, 150), 14.0))
    with pytest.raises(MyelinError, match="its sums reach 84, float32 holds them exactly below 64"):
        dense(1.0, neuron=nn.Sigma(1))(torch.full((1, 2, 3), 14.0))


def test_a_diverged_bias_is_named():
    own = nn.SigmaDelta(2, bias=True)
    own.bias.data[0] = torch.nan
    with pytest.raises(MyelinError, match="a bias is NaN or infinite: training diverged; lower the learning rate"):
        own.steps(torch.zeros(3, 1, 2))
