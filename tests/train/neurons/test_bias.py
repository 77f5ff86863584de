"""Trained biases and thresholds: gradients against autograd on a plain loop, grids and ranges of the chip."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.train.delay import AxonalDelay
from myelin.train.kernels import dispatch as loops
from myelin.train.kernels import torch_loops
from myelin.train.kernels.types import Trace
from myelin.train.layers import Dense, Recurrence
from myelin.train.neurons import Cuba

NEURONS, STEPS, BATCH = 5, 25, 3


def population(**options):
    neuron = Cuba((NEURONS,), current_decay=0.4, voltage_decay=0.15, width=0.7, scale=1.3, **options)
    with torch.no_grad():
        neuron.current_decay.round_()
        neuron.voltage_decay.round_()
        if neuron.bias is not None:
            neuron.bias.copy_(torch.tensor([-0.5, -0.125, 0.0, 0.203125, 0.75]))
    return neuron


@pytest.fixture(params=["compiled", "torch"])
def implementation(request, monkeypatch):
    """Both implementations of the loops, on the CPU."""
    if request.param == "torch":
        monkeypatch.setattr(loops, "forward", lambda *given: Trace(*torch_loops.layer_forward(*given[:3])))
    return request.param


@pytest.mark.parametrize(("recurrent", "spiking"), [(False, True), (True, True), (False, False)])
def test_gradients_equal_autograd(reference, implementation, recurrent, spiking):
    torch.manual_seed(2)
    neuron = population(bias=True, learn_threshold=spiking, spiking=spiking, threshold=1.25 if spiking else 1.0)
    x = (torch.randint(-20, 40, (STEPS, BATCH, NEURONS)) / 32).requires_grad_()
    weights = torch.randn(STEPS, BATCH, NEURONS)
    plain = {}
    layer = None
    if recurrent:
        matrix = torch.randint(-20, 20, (NEURONS, NEURONS)) / 32
        layer = Recurrence(matrix, AxonalDelay(NEURONS, max_delay=4, high=4.0, learn=False))
        layer.delay.set(hard=True)
        mask = torch.ones(BATCH, NEURONS, dtype=torch.float64)
        plain = {"weight": matrix.double(), "delay": layer.delay.delay.detach().double(), "hard": True, "mask": mask}
    out = neuron.steps(x) if layer is None else layer(x, neuron)
    (out * weights).sum().backward()
    bias = neuron.bias.detach().double().requires_grad_()
    threshold = torch.tensor(1.25 if spiking else 1e9, dtype=torch.float64, requires_grad=True)
    x2 = x.detach().double().requires_grad_()
    decays = (decay.detach().double() for decay in neuron.decays)
    spikes, voltages = reference.plain_layer(x2, *decays, neuron, bias=bias, threshold=threshold, **plain)
    wanted = spikes if spiking else voltages
    assert torch.equal(wanted.float(), out.detach())
    (wanted * weights).sum().backward()
    torch.testing.assert_close(x.grad.double(), x2.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(neuron.bias.grad.double(), bias.grad, rtol=1e-4, atol=1e-4)
    if spiking:
        assert 0.05 < spikes.mean() < 0.9 and abs(threshold.grad) > 0.1
        torch.testing.assert_close(neuron.learnt_threshold.grad.double(), threshold.grad, rtol=1e-4, atol=1e-4)


def test_a_channel_shares_a_bias():
    neuron = Cuba((2, 2, 3), bias="channel")
    assert neuron.bias.shape == (2,)
    with torch.no_grad():
        neuron.bias.copy_(torch.tensor([0.25, -0.5]))
    assert neuron.effective_bias().tolist() == [0.25] * 6 + [-0.5] * 6
    torch.manual_seed(0)
    x = torch.rand(10, 2, 12)
    neuron.steps(x).sum().backward()
    one = Cuba((2, 2, 3), bias="neuron")
    with torch.no_grad():
        one.bias.copy_(neuron.effective_bias())
    one.steps(x).sum().backward()
    torch.testing.assert_close(neuron.bias.grad, one.bias.grad.reshape(2, 6).sum(1))


@pytest.mark.parametrize("exponent", range(8))
def test_a_bias_lies_on_the_grid_of_its_exponent(exponent):
    neuron = Cuba((1001,), bias=True, bias_exp=exponent, spiking=False)
    with torch.no_grad():
        neuron.bias.copy_(torch.linspace(-2, 2, 1001) * 2**exponent)
    found = neuron.effective_bias()
    whole = found.detach().double().numpy() * 4096 / 2**exponent
    assert np.array_equal(whole, np.rint(whole)) and (whole.min(), whole.max()) == (-4095, 4095)
    inside = neuron.bias.detach().abs() < 4095 * 2**exponent / 4096
    np.testing.assert_allclose(found.detach()[inside], neuron.bias.detach()[inside], atol=2**exponent / 8192)
    found.sum().backward()
    assert torch.equal(neuron.bias.grad, inside.float())  # straight through, zero where clipped
    neuron.clamp()
    assert float(neuron.bias.detach().abs().max()) == 4095 * 2**exponent / 4096


def test_a_learnt_threshold_is_rounded_and_stays_in_its_range():
    neuron = Cuba((2,), threshold=1.0, learn_threshold=True, threshold_max=128)
    for value, used, kept in ((1.01, 1.015625, 1.01), (-3.0, 1 / 64, 1 / 64), (9.0, 2.0, 2.0)):
        with torch.no_grad():
            neuron.learnt_threshold.fill_(value)
        assert neuron.threshold == used and neuron.constants().threshold == used
        assert neuron.device_params["vThMant"] == used * 64
        neuron.clamp()
        assert float(neuron.learnt_threshold.detach()) == pytest.approx(kept)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"bias": "row"}, "bias is 'row'; True, False, 'neuron' or 'channel' is allowed"),
        ({"bias": "channel"}, "bias is 'channel' and the population (2,) has no channels; 'neuron' is allowed"),
        ({"bias": True, "bias_exp": 8}, "bias_exp is 8; an integer from 0 to 7 is allowed"),
        ({"learn_threshold": 1}, "learn_threshold is 1; True or False is allowed"),
        ({"learn_threshold": True, "spiking": False}, "learn_threshold is True and the neurons do not spike; spiking=True"),
        ({"threshold_max": 4096}, "threshold_max is 4096; an integer from 1 to 4095 (in 1/64) is allowed"),
        (
            {"learn_threshold": True, "threshold": 3.0, "threshold_max": 64},
            "threshold is 3; with threshold_max=64, up to 1 is allowed",
        ),
    ],
)
def test_wrong_arguments_are_refused(options, text):
    with pytest.raises(ConfigError) as caught:
        Cuba((2,), **options)
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [("bias", "a bias is NaN or infinite: training diverged"), ("learnt_threshold", "a threshold is NaN or infinite")],
)
def test_a_diverged_constant_is_said(name, text):
    neuron = Cuba((2,), bias=True, learn_threshold=True)
    getattr(neuron, name).data.fill_(float("nan"))
    with pytest.raises(MyelinError, match=text):
        neuron.steps(torch.zeros(3, 1, 2))


def test_sizes_that_differ_are_refused():
    constants = Cuba((3,), bias=True).constants()
    with pytest.raises(ConfigError, match="the input has 2 neurons and 3 decays"):
        loops.forward(torch.zeros(3, 1, 2), constants)
    short = copy.copy(constants)
    object.__setattr__(short, "bias", constants.bias[:2])
    with pytest.raises(ConfigError, match="the input has 3 neurons and 2 biases; give them the same number"):
        loops.forward(torch.zeros(3, 1, 3), short)


def test_a_bias_acts_one_step_before_the_first_input():
    """On the chip, index 0 of a recording is a step with bias and without input."""
    block = Dense(1, 1, bias=True, threshold=0.5, current_decay=1.0, voltage_decay=0.0, gain=0.0)
    with torch.no_grad():
        block.neuron.bias.fill_(0.25)
    out = block(torch.zeros(1, 1, 8)).flatten().tolist()
    assert out == [0, 0, 1, 0, 0, 1, 0, 0]  # 0.25, 0.5, 0.75
    assert block.emitted(torch.zeros(1, 1, 8)).shape == (9, 1, 1)
    block.delay = AxonalDelay(1, max_delay=2, low=2.0, high=2.0, learn=False)
    assert block(torch.zeros(1, 1, 8)).flatten().tolist() == [0, 0, 0, 0, 1, 0, 0, 1]
