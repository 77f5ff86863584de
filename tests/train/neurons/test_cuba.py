"""The training neuron against SLAYER's, bit for bit, and its gradients against autograd on a plain loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import STATE_SHIFT, THRESHOLD_MAX
from myelin.train.neurons import Cuba


@pytest.mark.parametrize("threshold", [0.5, 1.25, 7.0, 63.984375])
@pytest.mark.parametrize("per_neuron", [False, True])
def test_spikes_equal_slayer(slayer, threshold, per_neuron):
    torch.manual_seed(1)
    shape = (20,)
    own = Cuba(shape, threshold=threshold, current_decay=0.3, voltage_decay=0.07, per_neuron=per_neuron, spread=0.4)
    theirs = slayer.neuron.cuba.Neuron(threshold, 0.3, 0.07, shared_param=True)
    x = torch.randint(-256, 300, (3, *shape, 60)) / 32 * threshold / 4  # even weights over 64, scaled to make spikes
    x = torch.round(x * 32) / 32
    if per_neuron:
        theirs = slayer.neuron.cuba.Neuron(threshold, (0.1, 0.2), (0.1, 0.2), shared_param=False)
        theirs(x)  # draws decays and fixes the shape
        theirs.current_decay.data, theirs.voltage_decay.data = own.current_decay.data, own.voltage_decay.data
    spikes = own(x)
    assert 0.01 < spikes.mean() < 0.9
    assert torch.equal(spikes, theirs(x))


def test_threshold_is_exceeded_not_reached():
    neuron = Cuba((1,), threshold=1.0, current_decay=1.0, voltage_decay=1.0)
    x = torch.tensor([[[1.0, 1.0 + 1 / 4096, 0.0]]])
    assert neuron(x).flatten().tolist() == [0.0, 1.0, 0.0]


def test_readout_integrates_without_spikes():
    neuron = Cuba((1,), current_decay=1.0, voltage_decay=0.5, spiking=False)
    v = neuron(torch.tensor([[[8.0, 0.0, 0.0, -1.0]]]))
    assert v.flatten().tolist() == [8.0, 4.0, 2.0, 0.0]


@settings(deadline=None)
@given(st.lists(st.integers(-(2**23), 2**23), min_size=1, max_size=30), st.integers(0, 4096), st.integers(0, 4096))
def test_states_are_whole_shrink_toward_zero_wrap_saturate_and_reset(inputs, du, dv):
    neuron = Cuba((1,), current_decay=du / 4096, voltage_decay=dv / 4096, spiking=False)
    x = torch.tensor(inputs, dtype=torch.float32) / 4096  # at most 2^11: exact
    voltages = neuron(x[None, None])[0, 0].double() * 4096

    def shrink(state, decay):
        product = state * (4096 - decay)
        return (abs(product) >> 12) * (1 if product >= 0 else -1)

    u = v = 0
    for value, got in zip(inputs, voltages.tolist(), strict=True):
        u = shrink(u, du) + value
        u += 2**24 if u <= -(2**23) else -(2**24) if u > 2**23 else 0
        v = max(min(shrink(v, dv) + u, 2**23 - 1), 1 - 2**23)
        v = 0 if v > THRESHOLD_MAX << STATE_SHIFT else v
        assert got == v


@settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**31), st.sampled_from(["slayer", "atan", "triangle"]), st.booleans())
def test_gradients_equal_autograd(reference, seed, surrogate, per_neuron):
    torch.manual_seed(seed)
    neuron = Cuba(
        (6,), threshold=1.0, current_decay=0.4, voltage_decay=0.1, per_neuron=per_neuron, spread=0.5,
        learn_decays=True, surrogate=surrogate, width=0.7, scale=1.3,
    )  # fmt: skip
    with torch.no_grad():  # gradients are taken at the whole decays of the forward pass
        neuron.current_decay.round_()
        neuron.voltage_decay.round_()
    x = (torch.randint(-20, 40, (25, 3, 6)) / 32).requires_grad_()
    weights = torch.randn(25, 3, 6)
    (neuron.steps(x) * weights).sum().backward()
    du = neuron.current_decay.detach().double().requires_grad_()
    dv = neuron.voltage_decay.detach().double().requires_grad_()
    x2 = x.detach().double().requires_grad_()
    spikes, _ = reference.plain_layer(x2, du, dv, neuron)
    assert torch.equal(spikes.float(), neuron.steps(x).detach())
    (spikes * weights).sum().backward()
    torch.testing.assert_close(x.grad.double(), x2.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(neuron.current_decay.grad.double(), du.grad, rtol=2e-2, atol=1e-5)
    torch.testing.assert_close(neuron.voltage_decay.grad.double(), dv.grad, rtol=2e-2, atol=1e-5)


def test_readout_gradient_equals_autograd(reference):
    torch.manual_seed(0)
    neuron = Cuba((4,), current_decay=0.4, voltage_decay=0.1, spiking=False, threshold=63.0)
    x = (torch.randint(-20, 20, (15, 2, 4)) / 32).requires_grad_()
    weights = torch.randn(15, 2, 4)
    (neuron.steps(x) * weights).sum().backward()
    x2 = x.detach().double().requires_grad_()
    _, voltage = reference.plain_layer(x2, neuron.current_decay.detach().round(), neuron.voltage_decay.detach().round(), neuron)
    (voltage * weights).sum().backward()
    torch.testing.assert_close(x.grad.double(), x2.grad, rtol=1e-4, atol=1e-5)


def test_quantised_weights_are_the_even_integers_of_slayer(slayer):
    weight = torch.linspace(-5, 5, 2001)
    own = Cuba((1,))
    theirs = slayer.neuron.cuba.Neuron(1.0, 0.5, 0.5)
    assert torch.equal(own.quantize_8bit(weight), theirs.quantize_8bit(weight))
    whole = own.quantize_8bit(weight, descale=True).numpy()
    assert np.array_equal(whole, np.round(whole)) and whole.min() == -256 and whole.max() == 254 and not (whole % 2).any()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"threshold": 1.01}, "multiple of 1/64"),
        ({"threshold": 64.0}, "below 64"),
        ({"current_decay": 1.5}, "fraction from 0 to 1"),
        ({"surrogate": "sigmoid"}, "slayer, atan, triangle"),
    ],
)
def test_wrong_constants_are_refused(arguments, text):
    with pytest.raises(ConfigError, match=text):
        Cuba((2,), **arguments)
