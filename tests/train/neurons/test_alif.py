"""ALIF neurons in training: gradients against a plain reference, the torch loops against the compiled ones, checks by name."""

from __future__ import annotations

import math

import pytest
import torch

from myelin import nn
from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.train.delay import AxonalDelay
from myelin.train.kernels import dispatch, torch_loops
from myelin.train.kernels.types import Recurrent
from myelin.train.layers import Recurrence
from myelin.train.neurons import Alif

pytestmark = pytest.mark.training
STEPS, BATCH, SIZE = 30, 4, 6


class _Spike(torch.autograd.Function):
    """Heaviside of ``y``, at 0 too, with the derivative of an arctangent in units of ``threshold``."""

    @staticmethod
    def forward(ctx, y, threshold):
        ctx.save_for_backward(y)
        ctx.threshold = threshold
        return (y >= 0).to(y.dtype)

    @staticmethod
    def backward(ctx, grad):
        (y,) = ctx.saved_tensors
        return grad / (1 + (math.pi * y / ctx.threshold) ** 2) / ctx.threshold, None


def whole(value):
    return value + (torch.trunc(value * 4096) / 4096 - value).detach()


def plain(x, decays, bias, step, threshold, weight=None, delay=None):
    """Spikes (T, B, N) in double precision, for autograd; the jump of the refractory state is a constant."""
    keep = [1 - (decay + (decay.round() - decay).detach()) / 4096 for decay in decays]
    i = v = above = r = torch.zeros(x.shape[1:], dtype=x.dtype)
    out = []
    for t in range(len(x)):
        total = x[t]
        if weight is not None:
            late = [t - 1 - int(d) for d in delay]
            arriving = [out[at][:, n] if at >= 0 else torch.zeros(len(i), dtype=x.dtype) for n, at in enumerate(late)]
            total = total + torch.stack(arriving, 1) @ weight.T
        i = whole(i * keep[0]) + whole(total)
        v = whole(v * keep[1]) + i + bias
        above, r = whole(above * keep[2]), whole(r * keep[3])
        s = _Spike.apply(v - r - above - threshold, threshold)
        r, above = r + (2 * (above + threshold) * s).detach(), above + step * s
        out.append(s)
    return torch.stack(out)


def made(**changes):
    constants = {"threshold_step": 0.5, "threshold_decay": 0.05, "refractory_decay": 0.3, "current_decay": 0.4}
    learnt = {"learn_decays": True, "per_neuron": True, "spread": 0.2, "learn_threshold_step": True, "bias": True}
    neuron = Alif((SIZE,), **{**constants, **learnt, **changes})
    if neuron.bias is not None:
        neuron.bias.data = torch.linspace(-0.05, 0.05, SIZE)
    return neuron


@pytest.mark.parametrize("recurrent", [False, True])
def test_gradients_equal_those_of_a_plain_reference(recurrent):
    torch.manual_seed(0)
    neuron, weight, delay = made(), None, None
    x = ((torch.randn(STEPS, BATCH, SIZE) * 32).round() / 64).requires_grad_()
    if recurrent:
        connection = Recurrence((torch.randn(SIZE, SIZE) * 30).round() / 64, AxonalDelay(SIZE, max_delay=5, learn=False))
        connection.delay.set(hard=True)
        delay = connection.delay.rounded_steps()
        weight = connection.weight.detach().double().requires_grad_()
        out = connection(x, neuron)
    else:
        out = neuron.steps(x)
    pull = torch.randn(out.shape)
    (out * pull).sum().backward()
    other = x.detach().double().requires_grad_()
    decays = [decay.detach().double().requires_grad_() for decay in neuron.decays]
    bias = neuron.effective_bias().detach().double().requires_grad_()
    step = torch.tensor(neuron.threshold_step, dtype=torch.float64, requires_grad=True)
    wanted = plain(other, decays, bias, step, neuron.threshold, weight, delay)
    (wanted * pull).sum().backward()
    assert torch.equal(out.detach(), wanted.float()) and 0.05 < out.mean() < 0.5
    pairs = [(x, other), (neuron.bias, bias), (neuron.learnt_threshold_step, step), *zip(neuron.decays, decays, strict=True)]
    if weight is not None:
        pairs.append((connection.weight, weight))
    for number, (found, expected) in enumerate(pairs):
        scale = float(expected.grad.abs().max())
        assert scale > 0
        torch.testing.assert_close(found.grad.double(), expected.grad, rtol=0, atol=2e-5 * scale, msg=f"pair {number}")


@pytest.mark.parametrize("kind", ["none", "dense", "conv"])
def test_torch_loops_equal_the_compiled_ones(kind):
    torch.manual_seed(1)
    neuron, connection = made(), None
    x = (torch.randn(STEPS, BATCH, SIZE) * 40).round() / 64
    if kind != "none":
        weight = (torch.randn(*((SIZE, SIZE) if kind == "dense" else (1, 1, 1, 3))) * 20).round() / 64
        delays = AxonalDelay(SIZE, max_delay=4, high=4)
        delays.set(hard=True)
        connection = Recurrent(weight, (1, SIZE), torch.ones(BATCH, SIZE), delays.kernel(SIZE))
    constants = neuron.constants()
    traces = [dispatch.forward(x, constants, connection), dispatch.Trace(*torch_loops.layer_forward(x, constants, connection))]
    for name in ("spikes", "voltage", "arriving", "current", "kept"):
        one, two = (getattr(trace, name) for trace in traces)
        assert (one is None) == (two is None) == (name == "arriving" and kind == "none")
        if one is not None:
            torch.testing.assert_close(one, two, rtol=0, atol=0, msg=name)
    grad, learn = torch.randn(x.shape), connection is not None
    one = dispatch.backward(grad, traces[0], constants, connection, learn_delay=learn)
    two = torch_loops.layer_backward(grad, traces[0], constants, connection, learn_delay=learn)
    for found, expected in zip((one.x, one.decay, one.delay), two, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert one.decay.shape == (5, BATCH, SIZE) and bool((one.decay.abs().sum(dim=(1, 2)) > 0).all())


def test_without_learnt_constants_nothing_more_is_kept():
    neuron = made(learn_decays=False, learn_threshold_step=False)
    trace = dispatch.forward(torch.ones(3, 1, SIZE), neuron.constants())
    assert trace.current is None and trace.kept is None


def test_the_threshold_adapts_and_learns_in_a_block():
    torch.manual_seed(0)
    block = nn.Dense(3, SIZE, neuron=made(bias=False, learn_threshold_step=True))
    rates = []
    for step in (0.0, 4.0):
        block.neuron.threshold_step = step
        rates.append(float(block(torch.ones(2, 3, 200)).detach().mean()))
    assert rates[0] > 2 * rates[1] > 0
    optimizer = torch.optim.SGD(block.parameters(), 1.0)
    for _ in range(3):
        optimizer.zero_grad()
        block(torch.ones(2, 3, 50)).mean().neg().backward()  # more spikes: a smaller step
        optimizer.step()
    assert 0 <= block.neuron.threshold_step < 4 and float(block.neuron.threshold_step * 64).is_integer()
    block.neuron.learnt_threshold_step.data.fill_(-3.0)
    block.clamp()
    assert block.neuron.threshold_step == 0.0
    block.neuron.learnt_threshold_step.data.fill_(math.nan)
    with pytest.raises(MyelinError, match="a threshold_step is NaN or infinite: training diverged"):
        block(torch.ones(1, 3, 5))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"threshold_step": 0.3}, r"threshold_step is 0\.3; a multiple of 1/64 from 0 to below 64 is allowed"),
        ({"threshold_step": "1"}, "threshold_step is '1'; a number is allowed"),
        ({"threshold_decay": 1.5}, r"threshold_decay is 1\.5; a fraction from 0 to 1 is allowed"),
        ({"refractory_decay_min": 5000}, r"refractory_decay stays in 5000\.\.4096; a range within 0\.\.4096 is allowed"),
        ({"spiking": False}, "spiking is False; Alif neurons spike, a readout of voltages has Cuba neurons"),
        ({"learn_threshold": True}, "learn_threshold is True; Alif neurons learn threshold_step"),
        ({"learn_threshold_step": 1}, "learn_threshold_step is 1; True or False is allowed"),
        ({"threshold": 0.3}, r"threshold is 0\.3; a multiple of 1/64"),
    ],
)
def test_wrong_constants_are_refused(wrong, told):
    with pytest.raises(ConfigError, match=told):
        Alif((SIZE,), **wrong)
