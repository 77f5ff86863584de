"""Torch's operations against the compiled loops: the same spikes where weights are whole, the same gradients everywhere."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from myelin.train.config.config import Config, DataConfig, LayerConfig
from myelin.train.delay import AxonalDelay
from myelin.train.kernels import devices, torch_loops
from myelin.train.kernels import dispatch as loops
from myelin.train.kernels import numba_loops as kernels
from myelin.train.kernels.delays.kernel import DelayKernel
from myelin.train.kernels.types import Recurrent, Trace
from myelin.train.layers import Recurrence
from myelin.train.model import build_model
from myelin.train.neurons import Cuba

STEPS, BATCH = 30, 5
SHAPES = {"none": (6,), "dense": (6,), "conv": (2, 1, 4), "plane": (2, 3, 2)}


def kernel_of(neurons: int, sigma: float, hard: bool) -> DelayKernel:
    delay = torch.rand(neurons) * 6
    return DelayKernel.single(delay.round().long().numpy()) if hard else DelayKernel.triangle(delay.numpy(), sigma)


def layer(kind: str, sigma: float, hard: bool, surrogate: str):
    """Constants and recurrence of a small layer, and its input."""
    torch.manual_seed(3)
    shape = SHAPES[kind]
    neuron = Cuba(shape, current_decay=0.5, voltage_decay=0.2, learn_decays=True, surrogate=surrogate, width=1.2, scale=0.8)
    recurrent = None
    if kind != "none":
        weight = torch.randn({"dense": (6, 6), "conv": (2, 2, 1, 3), "plane": (2, 2, 3, 3)}[kind])
        mask = (torch.rand(BATCH, neuron.neurons) > 0.3) * 2.0
        recurrent = Recurrent((weight * 16).round() / 32, tuple(shape[1:]), mask, kernel_of(neuron.neurons, sigma, hard))
    x = torch.randint(-10, 40, (STEPS, BATCH, neuron.neurons)) / 32
    return x, neuron.constants(), recurrent


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize(("sigma", "hard"), [(0.0, True), (3.3, False)])
@pytest.mark.parametrize("surrogate", kernels.SURROGATES)
def test_equal_the_compiled_loops(kind, sigma, hard, surrogate):
    x, neurons, recurrent = layer(kind, sigma, hard, surrogate)
    trace = loops.forward(x, neurons, recurrent)
    found = Trace(*torch_loops.layer_forward(x, neurons, recurrent))
    assert 0.05 < trace.spikes.mean() < 0.9
    for name in ("spikes", "voltage", "arriving", "current"):
        own, theirs = getattr(trace, name), getattr(found, name)
        assert (own is None) == (theirs is None)
        if own is not None:
            torch.testing.assert_close(theirs, own, rtol=0, atol=0 if hard else 1e-6)
    grad = torch.randn_like(x)
    expected = loops.backward(grad, trace, neurons, recurrent, learn_delay=recurrent is not None)
    got = torch_loops.layer_backward(grad, trace, neurons, recurrent, learn_delay=recurrent is not None)
    for values, name in zip(got, ("x", "decay", "delay"), strict=True):
        torch.testing.assert_close(values, getattr(expected, name), rtol=1e-4, atol=1e-5)
    assert expected.decay.abs().sum() > 0 and (recurrent is None or expected.delay.abs().sum() > 0)


@pytest.mark.parametrize("kind", ["dense", "conv"])
@pytest.mark.parametrize(("sigma", "hard"), [(0.0, True), (3.3, False)])
def test_chunks_of_any_size_equal_those_of_one_sample(kind, sigma, hard, monkeypatch):
    """Eleven samples are more than one vector of them and do not fill two; the last chunk has three."""
    x, neurons, recurrent = layer(kind, sigma, hard, "atan")
    x, mask = x.repeat(1, 5, 1) + torch.randint(0, 2, (1, 25, 1)) / 32, recurrent.mask.repeat(5, 1)
    recurrent, grad = replace(recurrent, mask=mask), torch.randn_like(x)
    found = []
    for chunk in (1, 11):
        monkeypatch.setattr(loops, "_chunk", lambda *sizes, chunk=chunk: chunk)
        trace = loops.forward(x, neurons, recurrent)
        found.append((trace, loops.backward(grad, trace, neurons, recurrent, learn_delay=True)))
    (one, expected), (many, got) = found
    assert torch.equal(one.spikes, many.spikes) and torch.equal(one.arriving, many.arriving)
    for name in ("x", "weight", "decay", "delay"):
        torch.testing.assert_close(getattr(got, name), getattr(expected, name), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("sigma", "hard"), [(0.0, True), (0.0, False), (4.5, False)])
def test_delays_equal_the_compiled_loops(sigma, hard):
    torch.manual_seed(0)
    kernel, spikes, grad = kernel_of(5, sigma, hard), (torch.rand(STEPS, 3, 5) < 0.3).float(), torch.randn(STEPS, 3, 5)
    torch.testing.assert_close(
        torch_loops.delay_forward(spikes, kernel), loops.delay_forward(spikes, kernel), rtol=0, atol=1e-6
    )
    pairs = zip(*(module.delay_backward(grad, spikes, kernel, learn=True) for module in (torch_loops, loops)), strict=True)
    for got, expected in pairs:
        torch.testing.assert_close(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device is there")
@pytest.mark.parametrize("shape", [(8, 8), (2, 2, 3)])
def test_a_cuda_device_gives_the_spikes_and_gradients_of_the_cpu(shape):
    results = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        neuron = Cuba((8,), current_decay=0.5, voltage_decay=0.2, learn_decays=True)
        recurrence = Recurrence(torch.round(torch.randn(shape) * 16) / 32, AxonalDelay(8, max_delay=9, high=9))
        recurrence.delay.hard.fill_(True)
        x = (torch.randint(-10, 40, (STEPS, BATCH, 8)) / 32).to(device).requires_grad_()
        neuron, recurrence = neuron.to(device), recurrence.to(device)
        spikes = recurrence(x, neuron)
        (spikes * torch.arange(STEPS, device=device)[:, None, None]).sum().backward()
        grads = [p.grad for p in (x, *recurrence.parameters(), *neuron.parameters())]
        results.append([spikes.detach().cpu(), *(grad.cpu() for grad in grads)])
    assert torch.equal(results[0][0], results[1][0])
    for on_cpu, on_cuda in zip(*results, strict=True):
        torch.testing.assert_close(on_cuda, on_cpu, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("recurrent", ["dense", "conv"])
def test_a_whole_network_is_the_same_without_compiled_loops(recurrent, monkeypatch):
    """As on a device that has none: every step of a model's gradient by torch's operations."""
    gradients = []
    for compiled in (True, False):
        if not compiled:
            monkeypatch.setattr(devices, "HOST", set())
        torch.manual_seed(0)
        layers = (LayerConfig(neurons=8, recurrent=recurrent, delay_per="neuron"),)
        model = build_model(Config(data=DataConfig(channels=6, steps=STEPS), layers=layers), 3)
        model.set_delays(hard=True)
        x = (torch.rand(4, 6, STEPS) < 0.5).float() * 3
        output = model(x)
        found = torch.autograd.grad(output.square().sum(), [p for p in model.parameters() if p.requires_grad])
        gradients.append([output.detach(), *found])
    assert torch.equal(gradients[0][0], gradients[1][0]) and gradients[0][0].abs().sum() > 0
    for got, expected in zip(gradients[1], gradients[0], strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-4)
