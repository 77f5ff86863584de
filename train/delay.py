"""Learnable axonal delays: spread by a triangle at first, rounded before training ends.

A spike of neuron j at step t arrives at ``t + 1 + d_j``.  In training it is spread over the steps around its arrival::

    h_j(tau) = max(0, s - |tau - (1 + d_j)|) / s^2,   s = 1 + sigma,   tau >= 1

At sigma = 0 this is linear interpolation between two steps.  Hard delays use the single tap ``tau = 1 + round(d_j)``.  Their
gradient (straight-through) is the central difference ``(G[tau + 1] - G[tau - 1]) / 2``, with G the gradient of the arriving
values; at a delay of 0 it is one-sided.  At sigma = 0 a whole delay is a kink of the interpolation and has the same gradient.
A delay of 0 can only grow, so its gradient is one-sided for every sigma.

Delays stay within 0..max_delay: the forward pass uses the nearest value in that range and writes it back, as ``clamp`` does.
A loop need not call it.

Source: DelRec (Queant et al. 2025, arXiv 2509.24852 family) for the triangle and its schedule.
"""

from __future__ import annotations

import math
from typing import Any

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from myelin.hw_configs.argument_checks import is_integer
from myelin.hw_configs.errors import ConfigError
from myelin.train.kernels import dispatch as loops
from myelin.train.kernels.compiled.eager import not_traced
from myelin.train.kernels.delays.device_kernel import DeviceKernel
from myelin.train.kernels.delays.kernel import DelayKernel
from myelin.train.kernels.devices import on_host
from myelin.train.kernels.late_checks import require_finite
from myelin.train.kernels.layout import array

#: Longest delay in steps that any delays may have; kernels hold a value for every step of it.
LONGEST = 1 << 16
_CURE = "lower the learning rate of delays (train.delay_rate), or all"


class AxonalDelay(nn.Module):
    """Learnable axonal delays of a population, one per neuron or per channel.

    Args:
        size: number of delays.
        max_delay: longest delay in steps, the target's limit; delays are kept within 0..max_delay.
        low, high: range of the uniform initial delays, in steps.
        learn: False: the delays keep their initial values, rounded (a control).
        grid: rounded delays are multiples of this many steps.

    Attributes:
        delay: (size,) parameter in steps.
        sigma: buffer, spread of the triangle in steps.
        hard: buffer, whether delays are rounded in the forward pass.
        frozen: whether ``freeze`` has stopped the learning.

    Raises:
        ConfigError: a size is wrong, low..high is not within 0..max_delay, or ``max_delay`` is not a multiple of ``grid``.
    """

    delay: Tensor
    sigma: Tensor
    hard: Tensor

    def __init__(
        self, size: int, *, max_delay: int, low: float = 0.0, high: float = 0.0, learn: bool = True, grid: int = 1
    ) -> None:
        super().__init__()
        for name, value, least in (("size", size, 1), ("max_delay", max_delay, 0), ("grid", grid, 1)):
            if not is_integer(value) or value < least:
                raise ConfigError(f"AxonalDelay: {name} is {value!r}; an integer of at least {least} is allowed")
        size, max_delay, grid = int(size), int(max_delay), int(grid)
        if max_delay > LONGEST:
            raise ConfigError(f"AxonalDelay: max_delay is {max_delay}; up to {LONGEST} steps are allowed")
        if not 0 <= low <= high <= max_delay:
            raise ConfigError(f"delays start in {low}..{high} steps; a range within 0..{max_delay} is allowed")
        if max_delay % grid:
            raise ConfigError(f"the longest delay is {max_delay} steps; a multiple of the grid of {grid} steps is allowed")
        self.max_delay, self.grid, self.learn, self.frozen = max_delay, grid, learn, False
        self._read: tuple[Any, tuple[bool, float]] | None = None
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
        """Clamp the delays to 0..max_delay, in place."""
        with torch.no_grad():
            self.delay.clamp_(0, self.max_delay)

    def set(self, *, hard: bool, sigma: float = 0.0) -> None:
        """Round the delays in the forward pass (``hard``), or spread them by a triangle of half-width 1 + sigma."""
        self.hard.fill_(hard)
        self.sigma.fill_(0.0 if hard else sigma)

    @property
    def learns(self) -> bool:
        """Whether the delays are learnt, now or before ``freeze`` stopped it."""
        return self.learn and (self.delay.requires_grad or self.frozen)

    def freeze(self, on: bool) -> None:
        """Stop the learning of the delays, or let it go on if ``freeze`` has stopped it.

        An optimiser that keeps old gradients cannot move frozen delays: their gradient is cleared.
        """
        if on and self.delay.requires_grad:
            self.frozen = True
            self.delay.requires_grad_(False)
            self.delay.grad = None
        elif not on and self.frozen:
            self.frozen = False
            self.delay.requires_grad_(True)

    def rounded_steps(self) -> np.ndarray:
        """Delays for export, (size,) int64 in steps: the nearest of the grid in 0..max_delay, ties to its even multiples."""
        return (self.grid * np.rint(array(self.delay) / self.grid).astype(np.int64)).clip(0, self.max_delay)

    def snap(self) -> None:
        """Set the delays to ``rounded_steps``, in place."""
        with torch.no_grad():
            self.delay.copy_(torch.from_numpy(self.rounded_steps()))

    def prune(self, keep: float) -> None:
        """Set all but the longest fraction ``keep`` of the delays to 0, in place; of equal ones the first are set to 0."""
        pruned = self.delay.numel() - round(keep * self.delay.numel())
        with torch.no_grad():
            self.delay[torch.argsort(self.delay, stable=True)[:pruned]] = 0

    def check(self, shape: tuple[int, ...], name: str = "delay") -> None:
        """Raise ConfigError unless these delays fit a population of ``shape``: one per neuron, per channel, or a single one.

        Args:
            shape: (N,), or (C, H, W).
            name: of these delays in messages.
        """
        neurons, own = math.prod(shape), self.delay.numel()
        if self.delay.dim() != 1 or own not in (neurons, shape[0] if len(shape) == 3 else neurons, 1):
            channels = f", {shape[0]} (one per channel)" if len(shape) == 3 else ""
            raise ConfigError(
                f"{name} has delays of shape {tuple(self.delay.shape)}, the population {shape} has {neurons} neurons; "
                f"{neurons} (one per neuron){channels} or 1 is allowed"
            )

    def kernel(self, neurons: int) -> DelayKernel | DeviceKernel:
        """Kernel for ``neurons`` neurons; neurons / size consecutive ones (a channel) share a delay.

        On a device other than the CPU it is computed there; a delay that is NaN or infinite is then reported a little later.

        Raises:
            ConfigError: the delays do not fit ``neurons``.
            MyelinError: a delay is NaN or infinite.
        """
        size = self.delay.numel()
        if size == 0 or neurons % size:
            raise ConfigError(f"AxonalDelay: {size} delays do not fit {neurons} neurons; give one per neuron or per channel")
        if not on_host(self.delay):
            return self._kernel_there().repeat(neurons // size)
        values = array(self.delay)
        require_finite(self.delay, "a delay", _CURE)
        if values.min() < 0 or values.max() > self.max_delay:
            values = values.clip(0, self.max_delay)
            # a projection onto the range, as by clamp() after the step; .data: a loss may hold the parameter already
            self.delay.data.clamp_(0, self.max_delay)
        if bool(self.hard):
            kernel = DelayKernel.single(self.rounded_steps(), learn=self.delay.requires_grad)
        else:
            kernel = DelayKernel.triangle(values, float(self.sigma))
        return kernel.repeat(neurons // size)

    def _kernel_there(self) -> DeviceKernel:
        """Kernel of the delays alone, computed on their device."""
        hard, sigma = self._phase()
        with torch.no_grad():
            require_finite(self.delay, "a delay", _CURE)
            self.delay.data.clamp_(0, self.max_delay)
            values = torch.nan_to_num(self.delay.data)  # a lag that is no number would be a place outside of memory
            if hard:
                steps = (self.grid * torch.round(values / self.grid)).clamp(0, self.max_delay)
                return DeviceKernel.single(steps, self.max_delay, learn=self.delay.requires_grad)
            return DeviceKernel.triangle(values, sigma, self.max_delay)

    def _phase(self) -> tuple[bool, float]:
        """``hard`` and ``sigma``, read from the device only when they have been written since, as once an epoch."""
        written = tuple((x.data_ptr(), x._version) for x in (self.hard, self.sigma))
        if self._read is None or self._read[0] != written:
            self._read = written, (bool(self.hard), float(self.sigma))
        return self._read[1]

    @not_traced
    def forward(self, spikes: Tensor, mask: Tensor | None = None, lead: int = 0) -> Tensor:
        """Delayed spikes (T - lead, B, N), which arrive 1 + delay steps later; ``mask`` and ``lead`` as in the kernels."""
        loops.check_values(spikes)
        return _DelayFunction.apply(spikes, self.delay, self, mask, lead)

    def extra_repr(self) -> str:
        """Number, range and state of the delays."""
        state = "rounded" if bool(self.hard) else f"sigma={float(self.sigma):.3g}"
        learnt = "frozen" if self.frozen else "learnt" if self.learns else "not learnt"
        grid = f", grid={self.grid}" if self.grid != 1 else ""
        values = array(self.delay)
        now = f"{values.min():.3g}..{values.max():.3g} steps" if values.size else "none"
        return f"{values.size} delays, now {now}, max_delay={self.max_delay}{grid}, {state}, {learnt}"

    def sum_gradients(self, per_sample: Tensor) -> Tensor:
        """dL/d(delay) (size,) from gradients per sample and neuron (B, N)."""
        return per_sample.sum(dim=0).unflatten(0, (self.delay.numel(), -1)).sum(dim=1).float()


class _DelayFunction(torch.autograd.Function):
    """Autograd function that delays spikes (T, B, N) with the kernel of ``module``."""

    @staticmethod
    def forward(ctx: Any, spikes: Tensor, delay: Tensor, module: AxonalDelay, mask: Tensor | None, lead: int) -> Tensor:
        ctx.module, ctx.kernel, ctx.lead = module, module.kernel(spikes.shape[2]), lead
        ctx.save_for_backward(spikes, mask)
        return loops.delay_forward(spikes, ctx.kernel, mask, lead)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (spikes, mask), learn = ctx.saved_tensors, ctx.needs_input_grad[1]
        grad_spikes, per_sample = loops.delay_backward(grad, spikes, ctx.kernel, mask, ctx.lead, learn=learn)
        return grad_spikes, ctx.module.sum_gradients(per_sample) if learn else None, None, None, None


def shift_one_step(spikes: Tensor, mask: Tensor | None = None, lead: int = 0) -> Tensor:
    """Spikes (T - lead, B, N) shifted by one step: the latency of every connection, SLAYER's ``delay_shift``.

    Args:
        spikes: (T, B, N).
        mask: (B, N) factor on the spikes of a neuron, or None.
        lead: number of steps to leave out at the start.
    """
    if on_host(spikes) and spikes.dtype == torch.float32 and spikes.dim() == 3:
        return _Shift.apply(spikes, mask, lead)
    sent = spikes if mask is None else spikes * mask
    return torch.cat((torch.zeros_like(sent[:1]), sent[:-1]))[lead:]


class _Shift(torch.autograd.Function):
    """Autograd function of ``shift_one_step`` on the CPU, in one pass."""

    @staticmethod
    def forward(ctx: Any, spikes: Tensor, mask: Tensor | None, lead: int) -> Tensor:
        ctx.mask, ctx.later, ctx.steps = mask, 1 - lead, spikes.shape[0]
        return loops.shifted(spikes, ctx.later, ctx.steps - lead, mask)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return loops.shifted(grad, -ctx.later, ctx.steps, ctx.mask), None, None
