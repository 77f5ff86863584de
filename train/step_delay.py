"""The step of latency that a connection on the chip has, as a module of its own."""

from __future__ import annotations

import myelin.train.needs_torch  # noqa: F401

import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import DataError


class StepDelay(nn.Module):
    """(B, *population, T), one step later: ``y[t] = x[t - 1]``, and 0 at the first step.

    As the first part of a module it stands for the step of latency of the first connection.  On the chip, neurons run from the
    first step of all on, one step before the first input reaches them, and in lava-dl they begin with that input.  This matters
    where they have a bias, as from lava-dl's batch norms: behind a ``StepDelay`` both begin together.
    """

    def forward(self, x: Tensor) -> Tensor:
        """``x`` one step later."""
        if not isinstance(x, Tensor) or x.dim() < 3:
            got = f"has shape {tuple(x.shape)}" if isinstance(x, Tensor) else f"is a {type(x).__name__}"
            raise DataError(f"StepDelay: input {got}; a tensor of shape (batch, *population, steps) is needed")
        return torch.nn.functional.pad(x[..., :-1], (1, 0))
