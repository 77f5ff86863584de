"""Batch normalisation of a block's feed-forward input, in the form that a chip computes: folded into weights and bias.

With x = W s[t] the input of a neuron (a channel of a convolution) from the weights as they are trained, m and q its mean and
variance over batch and time, g a trained scale, d the neuron's current decay as a fraction (at least 1/4096) and b its bias::

    a  = g / sqrt(q + eps)
    W' = grid( a W ),          b' = grid( b - a m / d )
    u[t] = (1 - d) u[t-1] + W' s[t] + recurrence,      v[t] = keep_v v[t-1] + u[t] + b'

The forward pass of training computes exactly this, with the rounding of both grids (straight-through), and evaluation and
export do with the running m and q: so the integers equal the evaluation in every value.  Gradients flow through m and q, as in
``torch.nn.BatchNorm1d``; d in them is a constant.

**Where the shift acts.**  Normalisation subtracts a m from the input of every step.  Through the current that would add up to
``-a m / d`` on the voltage, but only after a transient: ``-a m (1 + keep_u + keep_u^2 + ...)``.  A chip has no constant input
to the current; it has a constant on the voltage.  So the settled value is used from the first step on, which is the exact
normalisation of the settled current.  With d = 1, both are the same.

**What is normalised.**  The feed-forward input alone, as in DelRec: a recurrent input depends on the spikes that it makes, so
its statistics over a sequence would let later steps change earlier ones.

Source: Ioffe & Szegedy 2015, arXiv 1502.03167; folding before quantisation: Jacob et al. 2018, arXiv 1712.05877; the scale in
units of the threshold: Zheng et al. 2021 (tdBN), arXiv 2011.05280.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from myelin.hw_configs.argument_checks import is_number
from myelin.hw_configs.errors import ConfigError
from myelin.train.config.layers import NORM_EPS

if TYPE_CHECKING:
    from myelin.train.layers.block import Synapse
    from myelin.train.neurons import Neuron

#: Whether running statistics follow the batches of forward passes in training.
_follow = True


@contextlib.contextmanager
def statistics_held() -> Iterator[None]:
    """Within this context, forward passes leave running statistics as they are; ``BatchNorm.last`` has those of the batch."""
    global _follow
    before, _follow = _follow, False
    try:
        yield
    finally:
        _follow = before


class BatchNorm(nn.Module):
    """Batch normalisation of ``size`` inputs, one for each neuron or channel; see the module's equations.

    Args:
        size: number of inputs, the first axis of the block's weights.
        scale: initial g, in SLAYER's units; the neurons' threshold in the blocks of ``myelin.nn``.
        momentum: share of a batch in the running statistics.
        eps: added to the variance.

    Attributes:
        weight: (size,) parameter g.
        running_mean, running_var: (size,) buffers, with which evaluation and export fold.
        frozen: whether training folds with the running statistics too, and no batch changes them.
        last: (2, size) mean and unbiased variance of the last batch in training; None before it, or while frozen.

    Raises:
        ConfigError: a number is outside its range.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, size: int, *, scale: float = 1.0, momentum: float = 0.1, eps: float = NORM_EPS) -> None:
        super().__init__()
        for name, value, allowed in (
            ("scale", scale, "more than 0"), ("momentum", momentum, "more than 0, up to 1"), ("eps", eps, "more than 0"),
        ):  # fmt: skip
            if not is_number(value) or not 0 < value < (1 + 1e-12 if name == "momentum" else math.inf):
                raise ConfigError(f"BatchNorm: {name} is {value!r}; {allowed} is allowed")
        self.momentum, self.eps = float(momentum), float(eps)
        self.frozen = False
        self.last: Tensor | None = None
        self.weight = nn.Parameter(torch.full((size,), float(scale)))
        self.register_buffer("running_mean", torch.zeros(size))
        self.register_buffer("running_var", torch.ones(size))

    @property
    def size(self) -> int:
        """Number of inputs."""
        return self.weight.numel()

    @property
    def needs_batch(self) -> bool:
        """Whether the forward pass folds with the statistics of its batch."""
        return self.training and not self.frozen

    def freeze(self, on: bool) -> None:
        """Keep the running statistics as they are and fold with them in training too, or let them follow again.

        Training then sees the very integers that are evaluated and exported, as is best for the last epochs.
        """
        self.frozen = on
        if on:
            self.last = None

    def fold(self, x: Tensor | None) -> tuple[Tensor, Tensor]:
        """Factor a on the weights, and input -a m of every step, (size,) each.

        Args:
            x: input (T, B, N) from unrounded weights, whose statistics are taken; None: the running ones.
        """
        mean, variance = (self.running_mean, self.running_var) if x is None else self._statistics(x)
        scale = self.weight / torch.sqrt(variance + self.eps)
        return scale, -(scale * mean)

    def _statistics(self, x: Tensor) -> tuple[Tensor, Tensor]:
        values = x.unflatten(2, (self.size, -1))  # (T, B, size, positions)
        variance, mean = torch.var_mean(values, dim=(0, 1, 3), correction=0)
        count = values.numel() // self.size
        self.last = torch.stack((mean.detach(), variance.detach() * (count / max(count - 1, 1))))
        if _follow:
            self.follow(self.last)
        return mean, variance

    def follow(self, statistics: Tensor) -> None:
        """Move the running statistics towards ``statistics`` (2, size): the mean and unbiased variance of a batch."""
        with torch.no_grad():
            for running, new in zip((self.running_mean, self.running_var), statistics, strict=True):
                running.lerp_(new, self.momentum)

    def extra_repr(self) -> str:
        """Size and state."""
        return f"{self.size}, eps={self.eps:g}, momentum={self.momentum:g}" + (", frozen" if self.frozen else "")


def normalised(norm: str | BatchNorm | None) -> dict[str, Any]:
    """Constants of the neurons in a block with this ``norm``, where the caller says nothing: a bias, the norm's other half."""
    return {} if norm is None else {"bias": True}


def norm_of(block: str, norm: str | BatchNorm | None, synapse: Synapse, neuron: Neuron) -> BatchNorm | None:
    """The normalisation as a block was given it: ``batch``, a ``BatchNorm``, or None; raises ConfigError."""
    if not isinstance(norm, str):
        return norm  # the block checks it
    if norm != "batch":
        raise ConfigError(f"{block}: norm is {norm!r}; 'batch', a myelin.nn.BatchNorm or None is allowed")
    return BatchNorm(synapse.weight.shape[0], scale=neuron.weight_unit)
