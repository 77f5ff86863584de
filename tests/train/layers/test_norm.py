"""Batch normalisation against a plain torch network of the equations, what it folds to, and its running statistics."""

from __future__ import annotations

import copy
import re

import pytest
import torch
from torch import nn

import myelin
from myelin.hw_configs.errors import ConfigError
from myelin.train.layers.norm import BatchNorm, statistics_held
from myelin.train.neurons import Neuron

STEPS, BATCH, INPUTS, NEURONS = 20, 4, 7, 5


def block(**options):
    torch.manual_seed(4)
    given = {"norm": "batch", "current_decay": 0.5, "voltage_decay": 0.25, "threshold": 1.0} | options
    made = myelin.nn.Dense(INPUTS, NEURONS, **given)
    with torch.no_grad():
        made.norm.weight.uniform_(0.4, 1.2)
        if made.neuron.bias is not None:
            made.neuron.bias.uniform_(-0.3, 0.5)
    return made


def spikes(seed=0, inputs=(INPUTS,)):
    return (torch.rand(BATCH, *inputs, STEPS, generator=torch.Generator().manual_seed(seed)) < 0.4).float()


def test_gradients_equal_those_of_torch(reference):
    """The norm as torch.nn.functional.batch_norm, folded and rounded straight through, on the plain loop of the neurons."""
    own = block(learn_threshold=True).train()
    weights = torch.randn(BATCH, NEURONS, STEPS)
    x = spikes().requires_grad_()
    out = own(x)
    (out * weights).sum().backward()

    source = x.detach().double().requires_grad_()
    weight, scale, bias = (p.detach().double().requires_grad_() for p in (own.synapse.weight, own.norm.weight, own.neuron.bias))
    threshold = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    raw = source.permute(2, 0, 1) @ weight.t()  # (T, B, N)
    mean, variance = raw.mean((0, 1)), raw.var((0, 1), unbiased=False)
    hat = torch.nn.functional.batch_norm(raw.flatten(0, 1), None, None, scale, None, training=True, eps=own.norm.eps)
    torch.testing.assert_close(hat, ((raw - mean) * scale / torch.sqrt(variance + own.norm.eps)).flatten(0, 1))

    def straight(exact, unit):
        return exact + (torch.round(exact / unit) * unit - exact).detach()

    factor = scale / torch.sqrt(variance + own.norm.eps)
    folded = straight(factor[:, None] * weight, 1 / 32)
    shifted = straight(bias - factor * mean / 0.5, 1 / 64)
    z = source.permute(2, 0, 1) @ folded.t()
    z = torch.cat((torch.zeros_like(z[:1]), z))
    s, _ = reference.plain_layer(
        z, torch.full((5,), 2048.0), torch.full((5,), 1024.0), own.neuron, bias=shifted, threshold=threshold
    )
    assert torch.equal(out.detach(), s[:-1].permute(1, 2, 0).detach().float()) and 0.05 < out.mean() < 0.9
    (s[:-1].permute(1, 2, 0) * weights).sum().backward()
    for name, got, wanted in (
        ("input", x, source), ("weight", own.synapse.weight, weight), ("scale", own.norm.weight, scale),
        ("bias", own.neuron.bias, bias), ("threshold", own.neuron.learnt_threshold, threshold),
    ):  # fmt: skip
        torch.testing.assert_close(
            got.grad.double(), wanted.grad, rtol=1e-3, atol=1e-4, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_the_settled_input_has_mean_zero_and_the_scale_as_deviation():
    torch.manual_seed(0)
    own = block(bias=False, spiking=False, quantise=False, voltage_decay=1.0).train()
    x = (torch.rand(50, INPUTS, 200) < 0.4).float()
    voltage = own(x)[..., 20:]  # settled: v is the current plus the shift
    assert voltage.mean((0, 2)).abs().max() < 0.01
    settled = own.norm.weight.detach() / (1 - 0.5**2) ** 0.5  # white noise through the current
    torch.testing.assert_close(voltage.std((0, 2)), settled, rtol=0.03, atol=0)


def test_running_statistics_are_those_of_torch():
    own, theirs = block().train(), nn.BatchNorm1d(NEURONS, momentum=0.1)
    for seed in range(3):
        own(spikes(seed))
        theirs(own.synapse.steps(spikes(seed).permute(2, 0, 1), own.synapse.weight).flatten(0, 1))
    torch.testing.assert_close(own.norm.running_mean, theirs.running_mean)
    torch.testing.assert_close(own.norm.running_var, theirs.running_var)
    before = copy.deepcopy(own.state_dict())
    own.eval()(spikes(9))
    with statistics_held():
        own.train()(spikes(9))
    assert own.norm.last is not None
    own.norm.freeze(True)
    frozen = own(spikes(9))
    assert all(torch.equal(value, own.state_dict()[name]) for name, value in before.items())
    assert torch.equal(frozen, own.eval()(spikes(9)))  # frozen: training computes what evaluation does
    own.norm.freeze(False)
    own.train()(spikes(9))
    assert not torch.equal(own.norm.running_mean, before["norm.running_mean"])


def test_a_channel_of_a_convolution_has_one_mean_and_scale():
    torch.manual_seed(0)
    own = myelin.nn.Conv(2, 3, 3, input_shape=(2, 5, 4), padding=1, norm="batch").train()
    x = spikes(inputs=(2, 5, 4))
    own(x)
    raw = own.synapse.steps(x.flatten(1, -2).permute(2, 0, 1), own.synapse.weight).unflatten(2, (3, 20))
    torch.testing.assert_close(own.norm.last[0], raw.mean((0, 1, 3)).detach())
    torch.testing.assert_close(own.norm.last[1], raw.transpose(0, 2).flatten(1).var(1).detach())
    assert own.neuron.bias.shape == own.norm.weight.shape == (3,)


def test_a_norm_brings_a_bias_unless_it_is_told_not_to():
    assert block().neuron.bias is not None and block(bias=False).neuron.bias is None
    own = block(bias=False).eval()
    with torch.no_grad():
        own.norm.running_mean.fill_(-1.0)
    weight, shift = own.folded()
    torch.testing.assert_close(own.neuron.effective_bias(shift), (shift / 0.5 * 64).round() / 64)
    assert own.emitted(spikes()).shape[0] == STEPS + 1 and weight.shape == (NEURONS, INPUTS)


class Other(Neuron):
    """Neurons without a bias."""

    def __init__(self):
        super().__init__()
        self.shape = torch.Size((NEURONS,))

    def steps(self, x):
        return x


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: block(norm="layer"), "Dense: norm is 'layer'; 'batch', a myelin.nn.BatchNorm or None is allowed"),
        (lambda: block(norm=BatchNorm(3)), "Dense: norm has 3 values; 5, one for each row of the weights, is allowed"),
        (
            lambda: block(norm=nn.BatchNorm1d(5)),
            "Dense: norm is a BatchNorm1d; a myelin.nn.BatchNorm, 'batch' or None is allowed",
        ),
        (lambda: myelin.nn.Dense(7, 5, norm="batch", neuron=Other()), "Dense: Other neurons take no batch normalisation"),
        (lambda: BatchNorm(3, momentum=0), "BatchNorm: momentum is 0; more than 0, up to 1 is allowed"),
        (lambda: BatchNorm(3, scale=-1.0), "BatchNorm: scale is -1.0; more than 0 is allowed"),
        (lambda: Other().effective_bias(torch.zeros(5)), "Other neurons take no constant input"),
    ],
)
def test_what_does_not_fit_is_refused(make, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        make()
