"""The recurrent layers of DelRec and ConvDelRec in their published order of operations, in torch with autograd.

They are written from the papers' equations.  In every step the spikes are multiplied by the kernel over lags, the recurrent
weights are applied once per lag, and the results are added to a ring buffer of future inputs::

    I(t + tau) += W . (h(tau) * s(t)),   tau = 1..L
    h_j(tau) = max(0, S - |tau - (1 + d_j)|) / S^2,   S = 1 + sigma

The neuron is the same as Myelin's (``myelin.train.kernels.numba_loops``): CUBA in integer multiples of 1/4096, reset to 0, with
a straight-through gradient of truncation.  The only difference is that it neither wraps nor saturates; no state here reaches
these limits.

Source: Queant et al. 2025, arXiv 2509.24852 (DelRec); Zebendo et al. 2026, arXiv 2604.15997 (ConvDelRec).  The order of
operations and the layout (batch, neurons, lags) of the buffer follow the code named in both papers.  That code has one more
lag, 0, at which no spike arrives.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from myelin.hw_configs.fixed_point import STATE_SCALE


class PublishedLayer(nn.Module):
    """Recurrent neurons with delays: all lags in one batched product (or convolution), added to the ring buffer.

    Args:
        weight: (N, N), or (1, 1, taps) for a convolution over the neuron axis.
        delay: (N,) axonal delays in steps; the last spread spike arrives within ``lags`` steps.
        lags: L, the length of the kernel and of the ring buffer.
        sigma: spread of the triangle.
        threshold, current_decay, voltage_decay, width: as ``myelin.train.neurons.Cuba``'s, with its arctangent surrogate;
            decays are multiples of 1/16, so that float32 holds every product of a state exactly.
    """

    def __init__(
        self,
        weight: Tensor,
        delay: Tensor,
        *,
        lags: int,
        sigma: float,
        threshold: float,
        current_decay: float,
        voltage_decay: float,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        assert delay.max() + 1 + sigma <= lags, f"spikes arrive after up to {delay.max() + 1 + sigma} steps, of {lags}"
        assert all(decay * 16 == int(decay * 16) for decay in (current_decay, voltage_decay))
        self.weight, self.delay = nn.Parameter(weight.clone()), nn.Parameter(delay.clone())
        self.lags, self.sigma, self.width = lags, sigma, width
        self.threshold = threshold * STATE_SCALE
        self.keep_u, self.keep_v = 1 - current_decay, 1 - voltage_decay

    def kernel(self) -> Tensor:
        """The kernel h over lags, (N, L)."""
        half = 1 + self.sigma
        lags = torch.arange(1, self.lags + 1, dtype=self.delay.dtype, device=self.delay.device)
        return torch.relu(half - (lags - 1 - self.delay[:, None]).abs()) / half**2

    def neuron(self, x: Tensor, u: Tensor, v: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Spikes and states (B, N) after one step, states in 1/4096."""
        u = _Whole.apply(u * self.keep_u) + _Whole.apply(x * STATE_SCALE)
        v = _Whole.apply(v * self.keep_v) + u
        s = _Spike.apply(v, self.threshold, self.width)
        return s, u, v * (1 - s.detach())

    def recur(self, spikes: Tensor) -> Tensor:
        """The recurrent weights applied to every lag of (B, N, L)."""
        if self.weight.dim() == 2:
            return torch.matmul(self.weight, spikes)
        taps = self.weight.shape[2]
        return conv2d(spikes.unsqueeze(1), self.weight.unsqueeze(3), padding=(taps // 2, 0)).squeeze(1)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes (T, B, N) driven by ``x`` (T, B, N) and by themselves."""
        steps, batch, neurons = x.shape
        kernel = self.kernel()
        future = x.new_zeros(batch, neurons, self.lags)
        u = v = x.new_zeros(batch, neurons)
        now, spikes = 0, []
        for t in range(steps):
            s, u, v = self.neuron(x[t] + future[:, :, now], u, v)
            arriving = self.recur(s.unsqueeze(2) * kernel)  # (B, N, L)
            future[:, :, now] = 0
            now = (now + 1) % self.lags
            ahead = self.lags - now
            future[:, :, now:].add_(arriving[:, :, :ahead])
            if now:
                future[:, :, :now].add_(arriving[:, :, ahead:])
            spikes.append(s)
        return torch.stack(spikes)


class RearrangedLayer(PublishedLayer):
    """The same order for a dense matrix, rearranged by Myelin's authors for the highest speed in torch.

    It has one large product for all lags and samples, with lags outermost, and a ring of tensors instead of one tensor that is
    changed in place.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Spikes (T, B, N) driven by ``x`` (T, B, N) and by themselves."""
        kernel = self.kernel().t().unsqueeze(1).contiguous()  # (L, 1, N)
        u = v = x.new_zeros(x.shape[1:])
        future: list[Tensor | None] = [None] * self.lags
        spikes = []
        for t in range(len(x)):
            now = future[t % self.lags]
            s, u, v = self.neuron(x[t] if now is None else x[t] + now, u, v)
            future[t % self.lags] = None
            for lag, arriving in enumerate((s * kernel @ self.weight.t()).unbind(0), 1):
                place = (t + lag) % self.lags
                before = future[place]
                future[place] = arriving if before is None else before + arriving
            spikes.append(s)
        return torch.stack(spikes)


class _Whole(torch.autograd.Function):
    """Truncation toward zero with a straight-through gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return torch.trunc(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad


class _Spike(torch.autograd.Function):
    """1 above the threshold; backward the arctangent's derivative (Fang et al. 2021)."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, threshold: float, width: float) -> Tensor:
        ctx.save_for_backward(v)
        ctx.threshold, ctx.width = threshold, width
        return (v > threshold).to(v.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (v,) = ctx.saved_tensors
        y = (v / ctx.threshold - 1) * (math.pi / ctx.width)
        return grad / (1 + y * y) * (1 / (ctx.threshold * ctx.width)), None, None
