"""Triton's kernels against the compiled loops: the same spikes in every step, the same gradients.

They run on a GPU where one is there, and in Triton's interpreter elsewhere, where an operation takes a
tenth of a millisecond.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from kernels_here import DEVICE

from myelin.train.kernels import dispatch as loops
from myelin.train.kernels import triton_loops
from myelin.train.kernels.delays.kernel import DelayKernel
from myelin.train.kernels.types import Recurrent, Trace
from myelin.train.neurons import Cuba


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Blocks of 16 neurons, so that few neurons are several blocks."""
    monkeypatch.setattr(triton_loops, "COLUMNS", 16)
    monkeypatch.setattr(triton_loops, "_DEPTH", 16)
    monkeypatch.setattr(triton_loops, "_BLOCK", 16)


def delays(size, phase, longest=3):
    """Kernel of ``size`` delays; the values of a spread one are multiples of 1/64, so that all sums are exact."""
    delay = (torch.rand(size) * longest * 4).round() / 4
    delay[0] = longest
    if phase == "spread":
        return DelayKernel.triangle(delay.numpy(), 3.0)
    return DelayKernel.single(delay.round().long().numpy(), learn=phase == "rounded")


def layer(shape, weight, phase="rounded", *, steps=6, batch=3, longest=3, per_channel=False, **constants):
    """Input, constants and recurrence (None if ``weight`` is) of a layer; ``weight``: the shape of the recurrent weights."""
    torch.manual_seed(3)
    constants = {"current_decay": 0.5, "voltage_decay": 0.2, "learn_decays": True, "width": 1.2, "scale": 0.8, **constants}
    neuron = Cuba(shape, **constants)
    if neuron.bias is not None:
        torch.nn.init.uniform_(neuron.bias, -0.3, 0.3)
    x = torch.randint(-10, 40, (steps, batch, neuron.neurons)) / 32
    if weight is None:
        return x, neuron.constants(), None
    kernel = delays(shape[0], phase, longest).repeat(neuron.neurons // shape[0]) if per_channel else None
    kernel = delays(neuron.neurons, phase, longest) if kernel is None else kernel
    mask = (torch.rand(batch, neuron.neurons) > 0.3) * 2.0
    extent = tuple(shape[1:]) or (1, neuron.neurons)
    return x, neuron.constants(), Recurrent((torch.randn(weight) * 16).round() / 32, extent, mask, kernel)


def on_device(recurrent):
    """``recurrent`` with its tensors on the device of the kernels."""
    if recurrent is None:
        return None
    return replace(recurrent, weight=recurrent.weight.to(DEVICE), mask=recurrent.mask.to(DEVICE))


def compare(x, neurons, recurrent, *, learn=True):
    """Check that spikes are equal in every step and gradients to float rounding; returns the compiled loops' results."""
    trace, there = loops.forward(x, neurons, recurrent), on_device(recurrent)
    found = Trace(*triton_loops.layer_forward(x.to(DEVICE), neurons, there))
    for name in Trace._fields:
        own, theirs = getattr(trace, name), getattr(found, name)
        assert (own is None) == (theirs is None), name
        assert own is None or torch.equal(theirs.cpu(), own), name
    grad = torch.randn_like(x)
    learn = learn and recurrent is not None
    expected = loops.backward(grad, trace, neurons, recurrent, learn_delay=learn)
    got = triton_loops.layer_backward(grad.to(DEVICE), found, neurons, there, learn_delay=learn)
    for values, name in zip(got, ("x", "decay", "delay"), strict=True):
        torch.testing.assert_close(values.cpu(), getattr(expected, name), rtol=1e-5, atol=2e-6, msg=f"gradient of {name}")
    return trace, expected


@pytest.mark.parametrize("phase", ["rounded", "spread", "not learnt"])
@pytest.mark.parametrize(
    ("shape", "weight", "surrogate"),
    [((20,), (20, 20), "slayer"), ((2, 1, 9), (2, 2, 1, 3), "triangle"), ((1, 3, 2), (1, 1, 3, 3), "atan")],
    ids=["dense", "conv", "plane"],
)
def test_a_recurrence_equals_the_compiled_loops(shape, weight, surrogate, phase):
    trace, gradients = compare(*layer(shape, weight, phase, surrogate=surrogate), learn=phase != "not learnt")
    assert 0.1 < trace.spikes.mean() < 0.9 and trace.arriving.abs().sum() > 0
    assert gradients.decay.abs().sum() > 0 and (phase == "not learnt") == (gradients.delay.abs().sum() == 0)


@pytest.mark.parametrize(("batch", "size", "steps"), [(1, 1, 1), (16, 16, 2), (17, 3, 3), (2, 33, 2)])
def test_sizes_that_fill_no_block(batch, size, steps):
    compare(*layer((size,), (size, size), batch=batch, steps=steps))
    compare(*layer((size,), None, batch=batch, steps=steps))


def test_many_taps_and_the_other_surrogates():
    compare(*layer((1, 1, 7), (1, 1, 1, 5), steps=4, surrogate="slayer"))
    for surrogate in ("slayer", "triangle"):
        compare(*layer((5,), None, steps=5, surrogate=surrogate))


@pytest.mark.parametrize("phase", ["rounded", "spread"])
def test_delays_at_their_limit(phase):
    x, neurons, recurrent = layer((3,), (3, 3), phase, steps=16, batch=1, longest=12)
    assert recurrent.delay_kernel.lags.max() >= 13
    compare(x, neurons, recurrent)


def test_a_delay_for_each_channel():
    compare(*layer((3, 1, 4), (3, 3, 1, 3), per_channel=True))


@pytest.mark.parametrize("weight", [None, (4, 4)])
@pytest.mark.parametrize(
    "constants", [{"bias": True}, {"learn_decays": False}, {"per_neuron": True, "spread": 0.5}, {"spiking": False}]
)
def test_constants(weight, constants):
    if weight is not None and constants == {"spiking": False}:
        return  # such neurons send nothing back
    trace, _ = compare(*layer((4,), weight, steps=6, **constants))
    assert trace.spikes.sum() > 0 or "spiking" in constants


def test_states_wrap_and_saturate():
    """Inputs of 1500 a step: the current wraps at 2048, and the voltage of a readout stops there."""
    x, neurons, _ = layer((4,), None, steps=8, current_decay=0.1, voltage_decay=0.0, spiking=False)
    trace, _ = compare(x.sign() * 1500, replace(neurons, threshold=3000.0), None)
    assert trace.voltage.max() == (2**23 - 1) / 4096 and (trace.current.diff(dim=0).abs() > 2048).any()


@pytest.mark.parametrize("phase", ["rounded", "spread"])
def test_nothing_is_read_that_was_left_in_memory(phase, monkeypatch):
    """Memory that torch hands out holds NaN here, and -1 in integers; so the kernels can also be run twice, as by a tuner."""
    empty = torch.empty

    def dirty(*size, **options):
        found = empty(*size, **options)
        return found.fill_(-1 if found.dtype == torch.int32 else torch.nan)

    x, neurons, recurrent = layer((18,), (18, 18), phase, batch=2, steps=3)
    monkeypatch.setattr(torch, "empty", dirty)
    monkeypatch.setattr(torch, "empty_like", lambda like: dirty(like.shape, dtype=like.dtype, device=like.device))
    compare(x, neurons, recurrent)


def test_any_strides():
    x, neurons, recurrent = layer((5,), (5, 5), steps=4)
    recurrent = replace(recurrent, weight=recurrent.weight.t(), mask=recurrent.mask.t().contiguous().t())
    compare(x.permute(1, 2, 0).contiguous().permute(2, 0, 1), neurons, recurrent)


@pytest.mark.parametrize("phase", ["rounded", "spread", "not learnt"])
@pytest.mark.parametrize(("batch", "steps"), [(3, 9), (7, 1)])
def test_delays_equal_the_compiled_loops(phase, batch, steps):
    torch.manual_seed(0)
    kernel, spikes, grad = delays(5, phase), (torch.rand(steps, batch, 5) < 0.4).float(), torch.randn(steps, batch, 5)
    assert torch.equal(triton_loops.delay_forward(spikes.to(DEVICE), kernel).cpu(), loops.delay_forward(spikes, kernel))
    learn = phase != "not learnt"
    got = triton_loops.delay_backward(grad.to(DEVICE), spikes.to(DEVICE), kernel, learn=learn)
    for values, expected in zip(got, loops.delay_backward(grad, spikes, kernel, learn=learn), strict=True):
        torch.testing.assert_close(values.cpu(), expected, rtol=1e-5, atol=2e-6)


def test_delays_at_their_limit_without_recurrence():
    kernel = DelayKernel.single(np.array([62, 0, 61]))
    spikes = (torch.rand(66, 1, 3) < 0.5).float()
    assert torch.equal(triton_loops.delay_forward(spikes.to(DEVICE), kernel).cpu(), loops.delay_forward(spikes, kernel))
