"""What the loops over time take and give, whichever of them runs: constants, recurrence, trace and gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from myelin.train.kernels.delay_kernel import DelayKernel


@dataclass(frozen=True)
class Recurrent:
    """What a layer feeds back.

    Attributes:
        weight: (N, N), or (channels, channels, kh, kw) over a population (channels, *extent), odd kernels, zero padded.
        extent: (H, W) of a channel; of no matter to a matrix.
        mask: (B, N) factor on what each neuron feeds back.
        delay_kernel: of the recurrent delays.
    """

    weight: Tensor
    extent: tuple[int, int]
    mask: Tensor
    delay_kernel: DelayKernel

    @property
    def dense(self) -> bool:
        """Whether the weights are a matrix."""
        return self.weight.dim() == 2


@dataclass(frozen=True)
class Neurons:
    """Constants of a population.

    Attributes:
        keep: (N,) float64 each, (4096 - decay) / 4096 for current and voltage.
        threshold: in SLAYER's units, infinite where the neurons never spike.
        surrogate: code, width and scale, see ``myelin.train.kernels.numba_loops``.
        learn_decays: whether the gradients of the decays are wanted.
    """

    keep: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    threshold: float
    surrogate: tuple[int, float, float]
    learn_decays: bool


class Trace(NamedTuple):
    """What a forward pass leaves for the backward one, (T, B, N) float32 each.

    Attributes:
        spikes, voltage: the voltage is that before reset.
        arriving: spikes as they meet the recurrent weights; None without recurrence.
        current: None where the decays are not learnt.
    """

    spikes: Tensor
    voltage: Tensor
    arriving: Tensor | None
    current: Tensor | None


@dataclass(frozen=True)
class Gradients:
    """``x`` (T, B, N) and ``weight`` (of the recurrence, or None) float32; ``decay`` (2, B, N) and ``delay`` (B, N) float64,
    per sample and zero where unasked."""

    x: Tensor
    weight: Tensor | None
    decay: Tensor
    delay: Tensor
