"""Dropout of whole spike trains."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def keep_mask(shape: Sequence[int], probability: float) -> Tensor:
    """Mask of ``shape`` (batch, neurons): 0 with ``probability``, else ``1 / (1 - probability)``.

    One draw serves all steps of a sequence, so that a dropped neuron is silent rather than noisy (Gal & Ghahramani 2016).
    """
    return (torch.rand(*shape) >= probability).to(torch.float32) / (1.0 - probability)
