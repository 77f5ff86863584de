"""Conversion between SLAYER's layout (batch, *population, steps) and that of the compiled loops (steps, batch, neurons)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from myelin.hw_configs.errors import DataError


def tbn(x: Tensor) -> Tensor:
    """``x`` (B, *shape, T) as (T, B, N); no copy if ``x`` came from ``nct``.  Raises DataError below three dimensions."""
    if x.dim() < 3:
        raise DataError(f"input has shape {tuple(x.shape)}; (batch, neurons, steps) or (batch, C, H, W, steps) is allowed")
    return x.flatten(1, -2).permute(2, 0, 1).contiguous()


def nct(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``x`` (T, B, N) as (B, *shape, T), a view; raises DataError if ``shape`` does not have N neurons."""
    neurons = x.shape[2]
    if neurons != math.prod(shape):
        raise DataError(f"a population of {neurons} neurons cannot take the shape {tuple(shape)}")
    return x.permute(1, 2, 0).unflatten(1, tuple(shape))


def array(x: Tensor) -> np.ndarray:
    """``x`` as a contiguous float32 numpy array; a view if it already is one on the CPU."""
    return x.detach().to("cpu", torch.float32).contiguous().numpy()
