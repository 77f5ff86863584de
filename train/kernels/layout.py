"""Between SLAYER's layout, (batch, *population, steps), and the compiled loops', (steps, batch, neurons)."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from myelin.hw_configs.errors import DataError


def tbn(x: Tensor) -> Tensor:
    """(B, *shape, T) as (T, B, N); no copy where ``x`` came from ``nct``."""
    if x.dim() < 3:
        raise DataError(f"input has shape {tuple(x.shape)}; (batch, neurons, steps) or (batch, C, H, W, steps) is allowed")
    return x.flatten(1, -2).permute(2, 0, 1).contiguous()


def nct(x: Tensor, shape: tuple[int, ...]) -> Tensor:
    """(T, B, N) as (B, *shape, T), a view."""
    neurons = x.shape[2]
    if neurons != math.prod(shape):
        raise DataError(f"a population of {neurons} neurons cannot take the shape {tuple(shape)}")
    return x.permute(1, 2, 0).unflatten(1, tuple(shape))


def array(x: Tensor) -> np.ndarray:
    """A tensor as numpy, contiguous float32: a view where it is that already and on the CPU."""
    return x.detach().to("cpu", torch.float32).contiguous().numpy()
