"""Random sigma-delta networks of training blocks, with whole delays and learnt-looking biases, and values that enter them."""

from __future__ import annotations

import numpy as np
import torch

from myelin import nn

STEPS = 24


def random_module(seed):
    """A module, the shape of its input, and values (batch, *shape, steps) in SLAYER's units."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    image = rng.random() < 0.6
    shape = tuple(int(n) for n in rng.integers(2, 7, 3)) if image else (int(rng.integers(2, 14)),)
    blocks = [
        nn.Delta(shape, threshold=_threshold(rng), cumulative_error=bool(rng.random() < 0.3), bias=int(rng.integers(-3, 4)))
    ]
    before = shape
    for _ in range(int(rng.integers(1, 4))):
        blocks.append(_block(rng, before))
        before = tuple(blocks[-1].shape)
    if rng.random() < 0.3:
        blocks.append(nn.Flatten())
    if rng.random() < 0.7:
        blocks.append(nn.Readout(before, 3, neuron=nn.Sigma(3)))
    module = torch.nn.Sequential(*blocks)
    for part in module.modules():
        if isinstance(part, nn.AxonalDelay):
            part.set(hard=True)
        elif isinstance(part, nn.SigmaDelta) and part.bias is not None:
            part.bias.data.normal_(0, 0.2)
    steps = torch.randn(2, *shape, STEPS) * (torch.rand(2, *shape, STEPS) < 0.5) * 0.2
    return module, shape, torch.cumsum(steps, -1)


def _threshold(rng):
    return float(rng.integers(0, 12)) / 64


def _neuron(rng, shape):
    activation = str(rng.choice(["relu", "relu", "unit"]))
    options = {"cumulative_error": bool(rng.random() < 0.3), "bias": bool(rng.random() < 0.5)}
    return nn.SigmaDelta(shape, threshold=_threshold(rng), activation=activation, **options)


def _block(rng, before):
    delay = {"delay": True, "max_delay": 12} if rng.random() < 0.7 else {}
    kind = rng.random()
    if len(before) == 3 and kind < 0.5:
        kernel = tuple(int(rng.integers(1, size + 1)) for size in before[1:])
        options = {"stride": int(rng.integers(1, 3)), "padding": 1}
        plain = nn.Conv(before[0], 3, kernel, input_shape=before, **options)
        return nn.Conv(
            before[0], 3, kernel, input_shape=before, neuron=_neuron(rng, tuple(plain.shape)), gain=1.0, **options, **delay
        )
    if len(before) == 3 and kind < 0.6 and min(before[1:]) > 1:
        return nn.Pool(
            2, input_shape=before, weight=0.25, neuron=_neuron(rng, (before[0], before[1] // 2, before[2] // 2)), **delay
        )
    return nn.Dense(before, 9, neuron=_neuron(rng, 9), gain=1.0, **delay)
