"""Learnable axonal delays: spread by a triangle while they are learnt, rounded before training ends.

A spike of neuron j at step t arrives at ``t + 1 + d_j``.  While training, it is spread over the steps around that one::

    h_j(tau) = max(0, s - |tau - (1 + d_j)|) / s^2,   s = 1 + sigma,   tau >= 1

At sigma = 0 that is linear interpolation between two steps.  Hard delays use the single tap ``tau = 1 + round(d_j)``; the
gradient then is the central difference ``(G[tau + 1] - G[tau - 1]) / 2`` of what arrives (straight-through), one-sided at 0.

Source: DelRec (Queant et al. 2025, arXiv 2509.24852 family) for the triangle and its schedule.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hw_configs.errors import ConfigError, MyelinError
from train.kernels import delay_backward, delay_forward, delay_gradient
from train.layout import array


@dataclass(frozen=True)
class Taps:
    """Where spikes arrive: neuron n's after ``first[n] + k`` steps with ``weights[n, k]``; ``slopes`` is d(weights)/d(delay).

    ``first``, ``slope_first``: (N,) int64 lags of the first columns; ``weights`` (N, K), ``slopes`` (N, L): float32.
    """

    first: np.ndarray
    weights: np.ndarray
    slope_first: np.ndarray
    slopes: np.ndarray

    @classmethod
    def triangle(cls, delay: np.ndarray, sigma: float) -> Taps:
        """Taps of the triangle of half-width 1 + sigma around lag 1 + delay; lags below 1 are cut off."""
        half = 1.0 + sigma
        centre = 1.0 + delay.astype(np.float64)[:, None]
        first = np.maximum(np.floor(centre - half).astype(np.int64) + 1, 1)
        lags = first + np.arange(math.ceil(2 * half))
        height = half - np.abs(lags - centre)
        inside = height > 0
        weights, slopes = np.where(inside, height, 0) / half**2, np.where(inside, np.sign(lags - centre), 0) / half**2
        return cls(first[:, 0], weights.astype(np.float32), first[:, 0], slopes.astype(np.float32))

    @classmethod
    def single(cls, steps: np.ndarray) -> Taps:
        """One tap at lag 1 + steps, with the central difference as slope; one-sided at 0, since nothing arrives at lag 0."""
        slopes = np.where(steps[:, None] > 0, [-0.5, 0.0, 0.5], [0.0, -1.0, 1.0])
        return cls(steps + 1, np.ones((steps.size, 1), np.float32), steps, slopes.astype(np.float32))

    def repeat(self, times: int) -> Taps:
        """The same taps for each of ``times`` neurons per entry."""
        return Taps(*(np.repeat(getattr(self, item.name), times, axis=0) for item in fields(self)))


class AxonalDelay(nn.Module):
    """Learnable axonal delays of a population; one for each neuron, or for each channel.

    Args:
        size: number of delays.
        max_delay: longest delay in steps, the target's limit; delays are clamped to 0..max_delay after every step.
        low, high: delays start uniformly within low..high steps.
        learn: False keeps the delays as drawn, rounded (a control).
        grid: whole delays are multiples of this many steps.

    Attributes:
        delay: (size,) parameter in steps.
        sigma: buffer, spread of the triangle in steps.
        hard: buffer, whether delays are rounded in the forward pass.

    Raises:
        ConfigError: the range does not lie within 0..max_delay.
    """

    delay: Tensor
    sigma: Tensor
    hard: Tensor

    def __init__(
        self, size: int, *, max_delay: int, low: float = 0.0, high: float = 0.0, learn: bool = True, grid: int = 1
    ) -> None:
        super().__init__()
        if not 0 <= low <= high <= max_delay:
            raise ConfigError(f"delays start in {low}..{high} steps; a range within 0..{max_delay} is allowed")
        if max_delay % grid:
            raise ConfigError(f"the longest delay is {max_delay} steps; a multiple of the grid of {grid} steps is allowed")
        self.max_delay, self.grid, self.learn = max_delay, grid, learn
        self.delay = nn.Parameter(low + (high - low) * torch.rand(size), requires_grad=learn)
        self.register_buffer("sigma", torch.zeros(()))
        self.register_buffer("hard", torch.zeros((), dtype=torch.bool))
        if not learn:
            self.snap()

    @property
    def shape(self) -> torch.Size:
        """Shape of the delays, as in lava-dl's ``slayer.axon.Delay``."""
        return self.delay.shape

    def clamp(self) -> None:
        """Keep delays within 0..max_delay; called after every optimiser step."""
        with torch.no_grad():
            self.delay.clamp_(0, self.max_delay)

    def set(self, *, hard: bool, sigma: float = 0.0) -> None:
        """Round the delays in the forward pass, or spread them by a triangle of half-width 1 + sigma."""
        self.hard.fill_(hard)
        self.sigma.fill_(0.0 if hard else sigma)

    def whole_steps(self) -> np.ndarray:
        """(size,) int64: the delays that are exported, on the nearest point of the grid (ties to its even multiples)."""
        return np.minimum(self.grid * np.rint(array(self.delay) / self.grid).astype(np.int64), self.max_delay)

    def snap(self) -> None:
        """Set the delays themselves to ``whole_steps``."""
        with torch.no_grad():
            self.delay.copy_(torch.from_numpy(self.whole_steps()))

    def taps(self, neurons: int) -> Taps:
        """Taps of a population of ``neurons``; each delay serves neurons / size neighbours (a channel)."""
        if not torch.isfinite(self.delay).all():
            raise MyelinError("a delay is NaN or infinite: training diverged; lower train.learning_rate or train.delay_rate")
        if bool(self.hard):
            taps = Taps.single(self.whole_steps())
        else:
            taps = Taps.triangle(array(self.delay), float(self.sigma))
        return taps.repeat(neurons // self.delay.numel())

    def forward(self, spikes: Tensor) -> Tensor:
        """Spikes (T, B, N) as they arrive, 1 + delay steps later."""
        return _DelayFunction.apply(spikes, self.delay, self)

    def sum_gradients(self, per_sample: np.ndarray) -> Tensor:
        """dL/d(delay) from gradients per sample and neuron, (B, N)."""
        return torch.from_numpy(per_sample.sum(axis=0).reshape(self.delay.numel(), -1).sum(axis=1).astype(np.float32))


class _DelayFunction(torch.autograd.Function):
    """Spread spikes (T, B, N) over the taps of ``module``."""

    @staticmethod
    def forward(ctx: Any, spikes: Tensor, delay: Tensor, module: AxonalDelay) -> Tensor:
        source = array(spikes)
        arriving, taps = np.zeros_like(source), module.taps(source.shape[2])
        ones = np.ones(source.shape[1:], np.float32)
        delay_forward(source, ones, taps.first, taps.weights, arriving)
        ctx.module, ctx.taps, ctx.spikes, ctx.mask = module, taps, source, ones
        return torch.from_numpy(arriving)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        taps, spikes = ctx.taps, ctx.spikes
        grad_arriving, grad_spikes = array(grad), np.empty_like(spikes)
        delay_backward(grad_arriving, taps.first, taps.weights, grad_spikes)
        grad_delay = None
        if ctx.needs_input_grad[1]:
            per_sample = delay_gradient(spikes, ctx.mask, grad_arriving, taps.slope_first, taps.slopes)
            grad_delay = ctx.module.sum_gradients(per_sample)
        return torch.from_numpy(grad_spikes), grad_delay, None


def shift_one_step(spikes: Tensor) -> Tensor:
    """(T, B, N) one step later: the latency of every connection, SLAYER's ``delay_shift``."""
    return torch.cat((torch.zeros_like(spikes[:1]), spikes[:-1]))
