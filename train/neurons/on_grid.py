"""Values on the chip's grids in the forward pass, with straight-through gradients: zero where a value is clipped, else one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from myelin.hw_configs.fixed_point import BIAS_MANT_MAX, STATE_SCALE, WEIGHT_SCALE
from myelin.hw_configs.weight_grid import grid_unit, mantissa_range
from myelin.train.kernels.late_checks import require_finite


def rounded(steps: Tensor) -> Tensor:
    """The nearest integers, ties to even; the gradient passes straight through."""
    return steps + (torch.round(steps) - steps).detach()


def weight_on_grid(weight: Tensor, bits: int, unit: int | None = None) -> Tensor:
    """``myelin.hw_configs.weight_grid.on_grid`` over 64, in SLAYER's units."""
    unit = grid_unit(bits) if unit is None else unit
    grid: Tensor = _OnGrid.apply(weight, WEIGHT_SCALE / unit, *mantissa_range(bits))
    return grid


class _OnGrid(torch.autograd.Function):
    """``round(clamp(scale x, low, high)) / scale`` with the gradient of the clamp alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float, low: int, high: int) -> Tensor:
        steps = x * scale
        ctx.save_for_backward((steps >= low) & (steps <= high))
        return steps.clamp_(low, high).round_().mul_(1 / scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (inside,) = ctx.saved_tensors
        return grad * inside, None, None, None


def bias_on_grid(bias: Tensor, exponent: int) -> Tensor:
    """``bias`` in SLAYER's units as ``mantissa << exponent`` over 4096, with a mantissa in -4095..4095.

    That is the chip's 13 bit without the smallest integer, which Loihi 1 does not have.
    """
    unit = (1 << exponent) / STATE_SCALE
    return rounded((bias / unit).clamp(-BIAS_MANT_MAX, BIAS_MANT_MAX)) * unit


def largest_bias(exponent: int) -> float:
    """The largest bias of ``exponent``, of either sign, in SLAYER's units."""
    return BIAS_MANT_MAX * (1 << exponent) / STATE_SCALE


def state_on_grid(value: Tensor) -> Tensor:
    """``value`` in SLAYER's units as an integer number of the states' units, 1/4096."""
    return rounded(value * STATE_SCALE) / STATE_SCALE


def threshold_on_grid(value: Tensor, most: int) -> Tensor:
    """``value`` in SLAYER's units as a multiple of 1/64, from 1/64 to ``most`` of them; raises MyelinError if it is NaN."""
    require_finite(value, "a threshold")
    return rounded((value * WEIGHT_SCALE).clamp(1, most)) / WEIGHT_SCALE
