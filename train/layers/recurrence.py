"""Recurrence with learnable axonal delays: a dense matrix (DelRec) or a convolution over the neuron axis (ConvDelRec).

``I_rec[t] = W . sum_tau h(tau) s[t - tau]`` with the delay's taps h of ``train.delay``: a spike reaches the layer 1 + delay
steps later.  The delay belongs to the presynaptic neuron and so commutes with W: spikes are spread first, one product a step
follows.

Source: DelRec (Queant et al. 2025, arXiv 2509.24852 family); ConvDelRec (Zebendo et al. 2026, arXiv 2604.15997).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from hw_configs.errors import ConfigError
from hw_configs.fixed_point import STATE_SCALE
from train.delay import AxonalDelay, Taps
from train.kernels import (
    delay_gradient,
    kernel_gradient,
    sequence_backward,
    sequence_forward,
    step_backward,
    step_forward,
)
from train.layers.dropout import keep_mask
from train.layout import array
from train.neurons import Cuba
from train.neurons.cuba import EMPTY


class Recurrence(nn.Module):
    """Connection of a population to itself.

    Args:
        weight: (N, N) for a dense matrix, (channels, channels, taps) for a convolution over the neurons of each channel,
            zero padded; taps odd.
        delay: axonal delays, one for each neuron or channel.
        dropout: probability that a neuron's recurrent output is dropped for a whole sequence while training.

    Raises:
        ConfigError: the weight has another shape, or an even number of taps.
    """

    def __init__(self, weight: Tensor, delay: AxonalDelay, *, dropout: float = 0.0) -> None:
        super().__init__()
        if weight.dim() not in (2, 3) or weight.shape[0] != weight.shape[1] or (weight.dim() == 3 and weight.shape[2] % 2 == 0):
            raise ConfigError(
                f"recurrent weight has shape {tuple(weight.shape)}; (N, N) or (channels, channels, odd taps) is allowed"
            )
        self.weight = nn.Parameter(weight)
        self.delay = delay
        self.dropout = dropout
        self.pre_hook_fx: Callable[[Tensor], Tensor] | None = None

    @property
    def kind(self) -> str:
        """``dense`` or ``conv``."""
        return "dense" if self.weight.dim() == 2 else "conv"

    def forward(self, x: Tensor, neuron: Cuba) -> Tensor:
        """Spikes (T, B, N) of ``neuron`` driven by ``x`` (T, B, N) and by itself."""
        weight = self.weight if self.pre_hook_fx is None else self.pre_hook_fx(self.weight)
        if self.training and self.dropout:
            mask = keep_mask(x.shape[1:], self.dropout)
        else:
            mask = torch.ones(x.shape[1:])
        function = _DenseRecurrence if self.kind == "dense" else _ConvRecurrence
        return function.apply(x, weight, self.delay.delay, neuron.current_decay, neuron.voltage_decay, self.delay, neuron, mask)


class _Run:
    """Arrays of one pass through a recurrent layer, (T, B, N) unless stated or empty, and what both kinds share."""

    def __init__(self, x: Tensor, delay: AxonalDelay, neuron: Cuba, mask: Tensor) -> None:
        self.x, self.mask = array(x), array(mask)  # mask: (B, N)
        self.delay, self.neuron = delay, neuron
        self.taps: Taps = delay.taps(self.x.shape[2])
        self.keep = neuron.keep()
        self.spikes, self.voltage = np.empty_like(self.x), np.empty_like(self.x)
        self.arriving = np.zeros_like(self.x)
        self.current = np.empty_like(self.x) if neuron.learn_decays else EMPTY
        self.grad_x, self.grad_arriving = EMPTY, EMPTY
        self.grad_decay = np.zeros((2, *self.x.shape[1:]))

    def start_backward(self) -> None:
        """Make room for gradients."""
        self.grad_x, self.grad_arriving = np.empty_like(self.x), np.zeros_like(self.x)

    def gradients(self, ctx: Any, grad_weight: Tensor) -> tuple[Tensor | None, ...]:
        """What ``backward`` returns, for the inputs of ``apply`` in order."""
        grad_delay = None
        if ctx.needs_input_grad[2]:
            taps = self.taps
            per_sample = delay_gradient(self.spikes, self.mask, self.grad_arriving, taps.slope_first, taps.slopes)
            grad_delay = self.delay.sum_gradients(per_sample)
        decays = self.neuron.sum_decay_gradients(self.grad_decay) if self.neuron.learn_decays else (None, None)
        return torch.from_numpy(self.grad_x), grad_weight, grad_delay, *decays, None, None, None


class _DenseRecurrence(torch.autograd.Function):
    """W dense: one product a step, forward and backward; the gradients of W and of the delays need no loop."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, d: Tensor, du: Tensor, dv: Tensor, delay: AxonalDelay, neuron: Cuba, mask: Tensor
    ) -> Tensor:
        run = _Run(x, delay, neuron, mask)
        steps, batch, neurons = run.x.shape
        u, v, total = np.zeros((batch, neurons)), np.zeros((batch, neurons)), torch.empty(batch, neurons)
        arriving, source, transposed = torch.from_numpy(run.arriving), torch.from_numpy(run.x), weight.detach().t()
        threshold = neuron.threshold_or_inf * STATE_SCALE
        for t in range(steps):
            torch.addmm(source[t], arriving[t], transposed, out=total)  # (B, N)
            step_forward(
                t, total.numpy(), run.mask, run.taps.first, run.taps.weights, u, v, *run.keep, threshold,
                run.spikes, run.arriving, run.voltage, run.current,
            )  # fmt: skip
        ctx.run, ctx.weight = run, weight.detach()
        return torch.from_numpy(run.spikes)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        run, weight, neuron = ctx.run, ctx.weight, ctx.run.neuron
        run.start_backward()
        steps, batch, neurons = run.x.shape
        grad_out, fade = array(grad), [keep.astype(np.float32) for keep in run.keep]
        grad_u, grad_v = np.zeros((batch, neurons), np.float32), np.zeros((batch, neurons), np.float32)
        grad_x, grad_arriving = torch.from_numpy(run.grad_x), torch.from_numpy(run.grad_arriving)
        for t in range(steps - 1, -1, -1):
            step_backward(
                t, grad_out, run.grad_arriving, run.mask, run.taps.first, run.taps.weights, *fade, neuron.threshold_or_inf,
                neuron.surrogate_code, run.voltage, run.spikes, run.current, grad_u, grad_v, run.grad_x, run.grad_decay,
            )  # fmt: skip
            torch.mm(grad_x[t], weight, out=grad_arriving[t])  # (B, N)
        return run.gradients(ctx, grad_x.flatten(0, 1).t() @ torch.from_numpy(run.arriving).flatten(0, 1))


class _ConvRecurrence(torch.autograd.Function):
    """W a convolution over the neuron axis: the whole sequence is one compiled loop."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, d: Tensor, du: Tensor, dv: Tensor, delay: AxonalDelay, neuron: Cuba, mask: Tensor
    ) -> Tensor:
        run = _Run(x, delay, neuron, mask)
        ctx.run, ctx.kernel = run, array(weight)
        sequence_forward(
            run.x, ctx.kernel, run.mask, run.taps.first, run.taps.weights, *run.keep, neuron.threshold_or_inf * STATE_SCALE,
            run.spikes, run.arriving, run.voltage, run.current,
        )  # fmt: skip
        return torch.from_numpy(run.spikes)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        run, kernel, neuron = ctx.run, ctx.kernel, ctx.run.neuron
        run.start_backward()
        sequence_backward(
            array(grad), kernel, run.mask, run.taps.first, run.taps.weights, *run.keep, neuron.threshold_or_inf,
            neuron.surrogate_code, run.voltage, run.spikes, run.current, run.grad_x, run.grad_arriving, run.grad_decay,
        )  # fmt: skip
        grad_kernel = kernel_gradient(run.grad_x, run.arriving, kernel.shape[0], kernel.shape[2]).sum(axis=0)
        return run.gradients(ctx, torch.from_numpy(grad_kernel.astype(np.float32)))
