"""Values on the chip's grids in the forward pass, with straight-through gradients: zero where a value is clipped, else one."""

from __future__ import annotations

import torch
from torch import Tensor

from myelin.hw_configs.fixed_point import BIAS_MANT_MAX, BIAS_MANT_MIN, STATE_SCALE, WEIGHT_SCALE
from myelin.hw_configs.weight_grid import grid_unit, mantissa_range


def rounded(steps: Tensor) -> Tensor:
    """The nearest integers, ties to even; the gradient passes straight through."""
    return steps + (torch.round(steps) - steps).detach()


def weight_on_grid(weight: Tensor, bits: int, unit: int | None = None) -> Tensor:
    """``myelin.hw_configs.weight_grid.on_grid`` over 64, in SLAYER's units."""
    unit = grid_unit(bits) if unit is None else unit
    return rounded((weight * (WEIGHT_SCALE / unit)).clamp(*mantissa_range(bits))) * (unit / WEIGHT_SCALE)


def bias_on_grid(bias: Tensor, exponent: int) -> Tensor:
    """``bias`` in SLAYER's units as ``mantissa << exponent`` over 4096, the mantissa of 13 bit and sign."""
    unit = (1 << exponent) / STATE_SCALE
    return rounded((bias / unit).clamp(BIAS_MANT_MIN, BIAS_MANT_MAX)) * unit


def bias_range(exponent: int) -> tuple[float, float]:
    """Smallest and largest bias of ``exponent``, in SLAYER's units."""
    return tuple(mantissa * (1 << exponent) / STATE_SCALE for mantissa in (BIAS_MANT_MIN, BIAS_MANT_MAX))  # type: ignore[return-value]


def state_on_grid(value: Tensor) -> Tensor:
    """``value`` in SLAYER's units as an integer number of the states' units, 1/4096."""
    return rounded(value * STATE_SCALE) / STATE_SCALE
