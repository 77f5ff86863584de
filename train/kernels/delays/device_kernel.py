"""The kernel of a delay, computed on the device of the delays: the host needs no value of a delay and does not wait for one."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class DeviceKernel:
    """Weights h(lag) and slopes d(h)/d(delay) as in ``myelin.train.kernels.delays.kernel.DelayKernel``, but as tensors.

    The number of points P does not depend on the delays.  A neuron may have two points at the same lag, whose weights add.

    Attributes:
        lags: (P, N) int32.
        weights: (P, N) float64.
        slopes: (P, N) float64.
        order: 0 or 2.
        longest: upper bound on the lags.
    """

    lags: Tensor
    weights: Tensor
    slopes: Tensor
    order: int
    longest: int

    @classmethod
    def triangle(cls, delay: Tensor, sigma: float, max_delay: int) -> DeviceKernel:
        """As ``DelayKernel.triangle``, for delays (N,) in 0..``max_delay``: two points for each corner of the triangle.

        h is a sum of ramps from the corners 1 + delay - s, 1 + delay and 1 + delay + s on, which rise by 1, -2 and 1 a step,
        over s^2.  With b = ceil(x) - 1, the last lag before a corner x, the second difference of a ramp from x on is
        1 - (x - b) at b + 1 and x - b at b + 2.  The first ramp begins at lag 1 at the earliest: then b is 0, and x - b may be
        negative.
        """
        half = 1.0 + sigma
        centre = 1.0 + delay.double()
        corners = torch.stack((centre - half, centre, centre + half))  # (3, N)
        before = torch.ceil(corners) - 1
        before[0].clamp_(min=0)
        share = corners - before
        weights = torch.cat((1 - share, share))  # (6, N)
        weights[1::3] *= -2
        at_lag = (share == 1).double()  # whether the corner is a lag itself, where a ramp is still 0
        slopes = torch.zeros_like(weights)
        slopes[0], slopes[3] = at_lag[0] - 1, -at_lag[0]
        first = (delay == 0).double()  # such a delay can only grow: its slope at the top is one-sided
        slopes[1], slopes[4] = 2 - at_lag[1] - first, at_lag[1] + first
        slopes[2] = -1
        if sigma == 0:  # a whole delay is a kink: the slopes of ``single``
            slopes = torch.where(delay == torch.round(delay), _central(delay), slopes)
        lags = torch.cat((before + 1, before + 2)).int()
        return cls(lags, weights / half**2, slopes / half**2, 2, max_delay + math.ceil(half) + 2)

    @classmethod
    def single(cls, steps: Tensor, max_delay: int, *, learn: bool = True) -> DeviceKernel:
        """As ``DelayKernel.single``, for whole delays (N,) in 0..``max_delay``."""
        if not learn:
            lags = (steps[None] + 1).int()
            weights = torch.ones(lags.shape, dtype=torch.float64, device=lags.device)
            return cls(lags, weights, torch.zeros_like(weights), 0, max_delay + 1)
        lags = (steps + torch.arange(3, device=steps.device)[:, None]).int()
        weights, slopes = (torch.zeros(lags.shape, dtype=torch.float64, device=lags.device) for _ in range(2))
        first = (steps == 0).double()  # nothing arrives at lag 0
        weights[1] = 1
        slopes[0], slopes[1], slopes[2] = (first - 1) / 2, -first, (first + 1) / 2
        return cls(lags, weights, slopes, 0, max_delay + 2)

    def repeat(self, times: int) -> DeviceKernel:
        """Kernel in which every entry is repeated for ``times`` neurons."""
        if times == 1:
            return self
        lags, weights, slopes = (x.repeat_interleave(times, dim=1) for x in (self.lags, self.weights, self.slopes))
        return replace(self, lags=lags, weights=weights, slopes=slopes)


def _central(delay: Tensor) -> Tensor:
    """First differences (6, N) at the points of ``triangle`` of the slopes that ``single`` has for whole delays (N,)."""
    first = (delay == 0).double()  # points at lags 1 1 2 2 2 3, otherwise at d, d + 1, d + 2, d + 1, d + 2, d + 3
    nothing = torch.zeros_like(first)
    return torch.stack((-(first + 1) / 2, (1 - first) / 2, nothing, nothing, (3 * first + 1) / 2, -(first + 1) / 2))
