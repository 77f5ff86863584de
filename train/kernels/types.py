"""Arguments and results of the loops over time, in both implementations: constants, recurrence, trace and gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from torch import Tensor

from myelin.train.kernels.delay_kernel import DelayKernel


@dataclass(frozen=True)
class Recurrent:
    """The recurrence of a layer.

    Attributes:
        weight: (N, N), or (channels, channels, kh, kw) over a population (channels, *extent); kh and kw odd, zero padded.
        extent: (H, W) of a channel; not used with a matrix.
        mask: (B, N) factor on the recurrent output of each neuron.
        delay_kernel: kernel of the recurrent delays.
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
        keep: (4096 - decay) / 4096 for current and voltage, (N,) float64 each.
        threshold: in SLAYER's units; above it a neuron is reset.
        surrogate: code, width and scale, see ``myelin.train.kernels.numba_loops``.
        learn_decays: whether to compute the gradients of the decays.
        spiking: whether the output is spikes; otherwise it is voltages, and no surrogate derivative is needed.
        bias: integers of 1/4096 that are added to the voltage in every step, (N,) float64; None: no bias.
    """

    keep: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
    threshold: float
    surrogate: tuple[int, float, float]
    learn_decays: bool
    spiking: bool = True
    bias: npt.NDArray[np.float64] | None = None


class Trace(NamedTuple):
    """Results of a forward pass that the backward pass needs, (T, B, N) float32 each.

    Attributes:
        spikes: 0 or 1; of neurons that never spike, the resets.
        voltage: voltage before reset.
        arriving: delayed spikes, as they arrive at the recurrent weights; None without recurrence.
        current: None if the decays are not learnt.
    """

    spikes: Tensor
    voltage: Tensor
    arriving: Tensor | None
    current: Tensor | None


@dataclass(frozen=True)
class Gradients:
    """Gradients of the loss.

    Attributes:
        x: dL/dx (T, B, N) float32.
        weight: dL/dW of the recurrent weights, float32; None without recurrence.
        decay: dL/d(decay) of current and voltage per sample, (2, B, N) float64; zero if not asked for.
        delay: dL/d(delay) per sample, (B, N) float64; zero if not asked for.
    """

    x: Tensor
    weight: Tensor | None
    decay: Tensor
    delay: Tensor
