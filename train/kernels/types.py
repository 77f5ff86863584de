"""Arguments and results of the loops over time, in both implementations: constants, recurrence, trace and gradients."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from torch import Tensor

from myelin.hw_configs.fixed_point import STATE_SCALE
from myelin.train.kernels import numba_loops
from myelin.train.kernels.delays.device_kernel import DeviceKernel
from myelin.train.kernels.delays.kernel import DelayKernel
from myelin.train.kernels.torch_steps import CubaSteps


@dataclass(frozen=True)
class Recurrent:
    """The recurrence of a layer.

    Attributes:
        weight: (N, N), or (channels, channels, kh, kw) over a population (channels, *extent); kh and kw odd, zero padded.
        extent: (H, W) of a channel; not used with a matrix.
        mask: (B, N) factor on the recurrent output of each neuron.
        delay_kernel: kernel of the recurrent delays; a ``DeviceKernel`` off the CPU.
    """

    weight: Tensor
    extent: tuple[int, int]
    mask: Tensor
    delay_kernel: DelayKernel | DeviceKernel

    @property
    def dense(self) -> bool:
        """Whether the weights are a matrix."""
        return self.weight.dim() == 2


@dataclass(frozen=True)
class Feed:
    """Dense weights that make the neurons' input of spikes, inside the loops.

    Attributes:
        weight: (N, K).
        lead: number of steps without input that the neurons run before the first spikes.
    """

    weight: Tensor
    lead: int = 0


class Fed(NamedTuple):
    """What the backward pass needs of a ``Feed``, and which gradients are asked for.

    Attributes:
        feed: as in the forward pass.
        source: the spikes (T, B, K).
        learn_source, learn_weight: whether to compute the gradients of spikes and of weights.
        keep_gradient: whether ``Gradients.x`` is needed, otherwise it is empty.
    """

    feed: Feed
    source: Tensor
    learn_source: bool
    learn_weight: bool
    keep_gradient: bool


class NotFinite(ArithmeticError):
    """A sum of the neurons' input is NaN or infinite."""


@dataclass(frozen=True)
class Neurons:
    """Constants of a population, and the loops that run it; here of CUBA neurons, and a subclass for each other kind.

    Off the CPU they may be tensors.

    Attributes:
        keep: (4096 - decay) / 4096 for every state, (N,) float64 each; here current and voltage.
        threshold: in SLAYER's units; above it a neuron is reset.
        surrogate: code, width and scale, see ``myelin.train.kernels.numba_loops``.
        learn_decays: whether to compute the gradients of the decays.
        spiking: whether the output is spikes; otherwise it is voltages, and no surrogate derivative is needed.
        bias: integers of 1/4096 that are added to the voltage in every step, (N,) float64; None: no bias.
    """

    keep: tuple[Any, ...]
    threshold: Any
    surrogate: tuple[int, float, float]
    learn_decays: bool
    spiking: bool = True
    bias: Any = None

    #: Number of constants whose gradient the loops sum, see ``Gradients.decay``.
    LEARNT: ClassVar[int] = 2
    #: Number of values besides the current that a backward pass with gradients of constants needs, see ``Trace.kept``.
    KEPT: ClassVar[int] = 0

    def loops(self) -> tuple[Any, Any]:
        """The compiled loops, forward and backward."""
        return numba_loops.layer_forward, numba_loops.layer_backward

    def steps(self, like: Tensor) -> Any:
        """The steps as torch operations for arrays as ``like`` (T, B, N), see ``torch_steps.CubaSteps``."""
        return CubaSteps(self, like)

    def forward_constants(self) -> tuple[Any, ...]:
        """``constants`` of the compiled loop forward."""
        return (*self.keep, np.zeros(0) if self.bias is None else self.bias, self.threshold * STATE_SCALE)

    def backward_constants(self) -> tuple[Any, ...]:
        """``constants`` of the compiled loop backward."""
        fade = (keep.astype(np.float32) for keep in self.keep)
        return (*fade, self.threshold if self.spiking else math.inf, *self.surrogate)


class Trace(NamedTuple):
    """Results of a forward pass that the backward pass needs, (T, B, N) float32 each.

    Attributes:
        spikes: 0 or 1; of neurons that never spike, the resets.
        voltage: voltage before reset.
        arriving: delayed spikes, as they arrive at the recurrent weights; None without recurrence.
        current: None if the decays are not learnt.
        kept: other values of these neurons, (K, T, B, N); None if there are none, or no decay is learnt.
    """

    spikes: Tensor
    voltage: Tensor
    arriving: Tensor | None
    current: Tensor | None
    kept: Tensor | None = None


@dataclass(frozen=True)
class Gradients:
    """Gradients of the loss.

    Attributes:
        x: dL/dx (T, B, N) float32, x being the summed input of the neurons.
        weight: dL/dW of the recurrent weights, float32; None without recurrence.
        decay: dL/d(decay) of every state per sample, and of further constants of these neurons, (constants, B, N) float64; zero
            if not asked for.
        delay: dL/d(delay) per sample, (B, N) float64; zero if not asked for.
        feed, source: dL/d(weights) and dL/d(spikes) of a ``Feed``; None if not asked for.
    """

    x: Tensor
    weight: Tensor | None
    decay: Tensor
    delay: Tensor
    feed: Tensor | None = None
    source: Tensor | None = None
