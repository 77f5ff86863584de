"""A plain reference of the delayed recurrent CUBA layer: tensor operations in a loop, differentiated by autograd."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch


class _Spike(torch.autograd.Function):
    """Heaviside of v - threshold with the surrogate derivative, from the table in ``numba_loops.surrogate``."""

    @staticmethod
    def forward(ctx, v, threshold, name, width, scale):
        ctx.save_for_backward(v)
        ctx.rest = (float(threshold), name, width, scale)
        return (v > threshold).to(v.dtype)

    @staticmethod
    def backward(ctx, grad):
        (v,) = ctx.saved_tensors
        threshold, name, width, scale = ctx.rest
        x = (v - threshold) / threshold
        g = {
            "slayer": lambda: torch.exp(-x.abs() / width) / (2 * width),
            "atan": lambda: 1 / (width * (1 + (math.pi * x / width) ** 2)),
            "triangle": lambda: (1 - x.abs() / width).clamp(min=0) / width,
        }[name]()
        at_v = grad * scale / threshold * g
        return at_v, -at_v.sum() if ctx.needs_input_grad[1] else None, None, None, None


def _as_integers(value):
    """The integer arithmetic forward, the real one backward."""
    return value + (torch.trunc(value * 4096) / 4096 - value).detach()


def plain_layer(x, du, dv, neuron, weight=None, delay=None, sigma=0.0, hard=False, mask=None, bias=0.0, threshold=None):
    """Spikes and voltages (T, B, N) of a layer in double precision; ``weight`` dense (N, N) or None, ``delay`` (N,) steps.

    ``threshold``: a tensor to differentiate by; None: the neuron's.
    """
    threshold = neuron.threshold if threshold is None else threshold
    steps, batch, neurons = x.shape
    u = v = torch.zeros(batch, neurons, dtype=torch.float64)
    spikes, voltages = [], []
    lags = torch.arange(steps + 70, dtype=torch.float64)[:, None]
    if weight is not None:
        half = 1 + sigma
        if hard:  # value of the single tap, slope of the central difference
            whole = torch.round(delay).detach()
            tap = (lags == 1 + whole).double()
            central = ((lags == 2 + whole).double() - (lags == whole).double()) / 2
            forward = (lags == 2).double() - (lags == 1).double()
            slope = torch.where(whole > 0, central, forward)
            h = tap + slope * (delay - delay.detach())
        else:
            h = (half - (lags - (1 + delay)).abs()).clamp(min=0) / half**2 * (lags >= 1)
    for t in range(steps):
        total = x[t]
        if weight is not None:
            arriving = sum(
                (h[lag] * spikes[t - lag] * mask for lag in range(t + 1) if t - lag < len(spikes)),
                torch.zeros(batch, neurons, dtype=torch.float64),
            )
            total = total + arriving @ weight.t()
        u = _as_integers(u * (4096 - du) / 4096) + _as_integers(total)
        v = _as_integers(v * (4096 - dv) / 4096) + u + bias
        s = _Spike.apply(v, threshold, neuron.surrogate, neuron.width, neuron.scale_grad)
        spikes.append(s)
        voltages.append(v)
        v = v * (1 - s.detach())
    return torch.stack(spikes), torch.stack(voltages)


@pytest.fixture
def reference():
    """The plain layer as ``reference.plain_layer``."""
    return SimpleNamespace(plain_layer=plain_layer)


@pytest.fixture
def slayer():
    """lava-dl's slayer, or skip."""
    from myelin.lava_models import compat

    try:
        compat.prepare(slayer=True)
        import lava.lib.dl.slayer as module
    except Exception as error:
        pytest.skip(f"lava-dl is not installed ({error})")
    return module
