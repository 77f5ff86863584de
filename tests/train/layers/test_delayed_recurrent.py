"""The delayed recurrent layer against a plain loop: spikes equal, gradients equal autograd's."""

from __future__ import annotations

import gc
import math
import tracemalloc

import numpy as np
import pytest
import torch

from myelin.hw_configs.errors import ConfigError
from myelin.train.delay import AxonalDelay
from myelin.train.layers import DelayedRecurrent, Dense, Recurrence
from myelin.train.neurons import Cuba

STEPS, BATCH, NEURONS = 24, 3, 8


def banded(kernel: torch.Tensor, size: int) -> torch.Tensor:
    """The (C F, C F) matrix of a same-padded convolution (C, C, k) over F positions."""
    channels, _, taps = kernel.shape
    rows = []
    for o in range(channels):
        for f in range(size):
            row = torch.zeros(channels, size, dtype=kernel.dtype)
            for k in range(taps):
                if 0 <= f + k - taps // 2 < size:
                    row[:, f + k - taps // 2] = kernel[o, :, k]
            rows.append(row.flatten())
    return torch.stack(rows)


def as_matrix(kernel: torch.Tensor, shape: tuple[int, int, int]) -> torch.Tensor:
    """The matrix of a same-padded convolution (C, C, kh, kw) over a population (C, H, W), by torch's own convolution."""
    size = math.prod(shape)
    images = torch.eye(size, dtype=kernel.dtype).reshape(size, *shape)
    padding = (kernel.shape[2] // 2, kernel.shape[3] // 2)
    return torch.nn.functional.conv2d(images, kernel, padding=padding).reshape(size, size).t()


@pytest.mark.parametrize("kind", ["dense", "conv", "conv2", "plane"])
@pytest.mark.parametrize(("sigma", "hard"), [(0.0, False), (2.5, False), (0.0, True)])
def test_spikes_and_gradients_equal_a_plain_loop(reference, kind, sigma, hard):
    torch.manual_seed(1)
    neuron = Cuba(
        (2, 2, 2) if kind == "plane" else (NEURONS,),
        current_decay=0.5, voltage_decay=0.25, learn_decays=True, surrogate="triangle", width=1.5,
    )  # fmt: skip
    channels = 2 if kind == "conv2" else 1
    shape = {"dense": (NEURONS, NEURONS), "plane": (2, 2, 3, 3)}.get(kind, (channels, channels, 3))
    weight = torch.round(torch.randn(shape) * 12) / 32
    recurrence = Recurrence(weight, AxonalDelay(NEURONS, max_delay=62, low=0, high=6))
    recurrence.delay.sigma.fill_(sigma)
    recurrence.delay.hard.fill_(hard)
    x = (torch.randint(-10, 30, (STEPS, BATCH, NEURONS)) / 32).requires_grad_()
    mask = torch.ones(BATCH, NEURONS)
    loss_weights = torch.randn(STEPS, BATCH, NEURONS)
    spikes = recurrence(x, neuron)
    (spikes * loss_weights).sum().backward()

    x2, w2 = x.detach().double().requires_grad_(), weight.double().requires_grad_()
    d2 = recurrence.delay.delay.detach().double().requires_grad_()
    du, dv = (decay.detach().double().requires_grad_() for decay in (neuron.current_decay, neuron.voltage_decay))
    matrix = as_matrix(w2, (2, 2, 2)) if kind == "plane" else w2 if kind == "dense" else banded(w2, NEURONS // channels)
    expected, _ = reference.plain_layer(x2, du, dv, neuron, matrix, d2, sigma, hard, mask)
    assert 0.02 < expected.mean() < 0.8
    assert torch.equal(spikes.detach().double(), expected)
    (expected * loss_weights).sum().backward()
    for own, plain in ((x, x2), (recurrence.weight, w2), (recurrence.delay.delay, d2)):
        torch.testing.assert_close(own.grad.double(), plain.grad, rtol=1e-3, atol=1e-4)
    for own, plain in ((neuron.current_decay, du), (neuron.voltage_decay, dv)):
        torch.testing.assert_close(own.grad.double(), plain.grad, rtol=2e-2, atol=1e-4)


def test_dropped_neurons_feed_nothing_back():
    torch.manual_seed(0)
    neuron = Cuba((NEURONS,), current_decay=1.0, voltage_decay=1.0)
    recurrence = Recurrence(torch.full((NEURONS, NEURONS), 10.0), AxonalDelay(NEURONS, max_delay=4), dropout=0.999999)
    recurrence.delay.hard.fill_(True)
    x = torch.zeros(6, 2, NEURONS)
    x[0, :, 0] = 2.0
    assert recurrence.eval()(x, neuron).sum(dim=(1, 2)).tolist() == [2, 16, 16, 16, 16, 16]
    assert recurrence.train()(x, neuron).sum() == 2


def test_stands_in_one_sequential_with_lava_dl(slayer):
    torch.manual_seed(0)
    params = {"threshold": 1.0, "current_decay": 0.4, "voltage_decay": 0.1}
    own = DelayedRecurrent(
        12, 10, recurrent="conv", recurrent_delay=AxonalDelay(10, max_delay=5, high=5), current_decay=0.4, voltage_decay=0.1
    )
    own.recurrence.delay.hard.fill_(True)
    net = torch.nn.Sequential(
        slayer.block.cuba.Dense(params, 6, 12, weight_scale=3), own, slayer.block.cuba.Dense(params, 10, 4, weight_scale=3)
    )
    x = (torch.rand(2, 6, 40) < 0.4).float()
    y = net(x)
    assert y.shape == (2, 4, 40)
    y.sum().backward()
    assert own.synapse.weight.grad.abs().sum() > 0 and net[0].synapse.weight.grad.abs().sum() > 0
    assert own.shape == (10,) and own.neuron.device_params["vThMant"] == 64 and own.delay is None


def test_dense_block_equals_slayers(slayer):
    torch.manual_seed(0)
    theirs = slayer.block.cuba.Dense(
        {"threshold": 1.25, "current_decay": 0.3, "voltage_decay": 0.05}, 9, 7, weight_scale=2, delay=True
    )
    own = Dense(
        9, 7, neuron={"threshold": 1.25, "current_decay": 0.3, "voltage_decay": 0.05}, delay=AxonalDelay(7, max_delay=62)
    )
    x = torch.poisson(torch.full((4, 9, 50), 0.5))
    theirs(x)  # draws the delays at the first call
    delays = torch.tensor([0.0, 1, 2, 5, 9, 17, 30])
    theirs.delay.delay.data = delays.clone()
    with torch.no_grad():
        own.delay.delay.copy_(delays)
        own.delay.hard.fill_(True)
        own.synapse.weight.copy_(theirs.synapse.weight.reshape(7, 9))
    assert 0.02 < own(x).mean() < 0.8
    assert torch.equal(own(x), theirs(x))


def test_only_square_weights_and_odd_kernels():
    delay = AxonalDelay(4, max_delay=4)
    for shape in ((4, 3), (1, 1, 4), (2, 1, 3), (4,), (1, 1, 3, 2)):
        with pytest.raises(ConfigError, match="odd taps"):
            Recurrence(torch.zeros(shape), delay)


def test_orthogonal_start():
    block = DelayedRecurrent(3, 6, recurrent="dense", max_delay=4, recurrent_gain=0.5)
    weight = block.recurrence.weight.detach().numpy()
    np.testing.assert_allclose(weight @ weight.T, 0.25 * np.eye(6), atol=1e-6)


@pytest.mark.parametrize("recurrent", [True, False])
def test_a_step_leaves_nothing_behind(recurrent):
    """What the forward pass keeps is freed with the graph; numpy tells tracemalloc what it takes."""
    neuron = Cuba((NEURONS,))
    layer = Recurrence(torch.eye(NEURONS), AxonalDelay(NEURONS, max_delay=4)) if recurrent else None
    x = torch.rand(400, 8, NEURONS)
    held = []
    tracemalloc.start()
    for _ in range(4):
        source = x.clone().requires_grad_()
        spikes = neuron.steps(source) if layer is None else layer(source, neuron)
        spikes.sum().backward()
        del spikes, source
        gc.collect()
        held.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert held[-1] - held[0] < x.numel() * 4  # bytes of one array of spikes
