"""The steps of CUBA neurons as torch operations; ``torch_loops`` runs them, and those of other neurons, over time.

The equations and their order are those of ``myelin.train.kernels.numba_loops``; states are in double precision.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX, STATE_SCALE
from myelin.train.kernels.numba_loops import SURROGATES

if TYPE_CHECKING:
    from myelin.train.kernels.types import Neurons, Trace

_NAMES = {code: name for name, code in SURROGATES.items()}


class CubaSteps:
    """CUBA neurons step by step, states forward and their gradients backward; other neurons have the same methods.

    Args:
        neurons: their constants.
        like: a tensor (T, B, N) on the device.
    """

    def __init__(self, neurons: Neurons, like: Tensor) -> None:
        self.neurons = neurons
        self.keep = [torch.as_tensor(keep, device=like.device) for keep in neurons.keep]
        self.fade = [keep.float() for keep in self.keep]
        self.bias = None if neurons.bias is None else torch.as_tensor(neurons.bias, device=like.device)
        self.u = self.v = torch.zeros(like.shape[1:], dtype=torch.float64, device=like.device)
        self.grad_u = self.grad_v = torch.zeros(like.shape[1:], device=like.device)
        self.grad_decay = torch.zeros(neurons.LEARNT, *like.shape[1:], dtype=torch.float64, device=like.device)

    def integrate(self, total: Tensor) -> None:
        """Update current and voltage from the summed input ``total`` (B, N), before any reset."""
        u = torch.trunc(self.u * self.keep[0]) + torch.trunc((STATE_SCALE * total).double())
        self.u = torch.where(u > CURRENT_WRAP, u - 2 * CURRENT_WRAP, torch.where(u <= -CURRENT_WRAP, u + 2 * CURRENT_WRAP, u))
        v = torch.trunc(self.v * self.keep[1]) + self.u
        self.v = (v if self.bias is None else v + self.bias).clamp(-STATE_MAX, STATE_MAX)

    def step(self, total: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes and the voltage before the reset, (B, N), for the summed input ``total``."""
        self.integrate(total)
        fired, voltage = self.v > self.neurons.threshold * STATE_SCALE, self.v / STATE_SCALE
        self.v = torch.where(fired, 0.0, self.v)
        return fired, voltage

    @property
    def current(self) -> Tensor:
        """The current after the step."""
        return self.u / STATE_SCALE

    def kept(self) -> list[Tensor]:
        """Other values of the step for ``Trace.kept``."""
        return []

    def back(self, direct: Tensor, t: int, trace: Trace) -> Tensor:
        """dL/dx of step ``t`` from ``direct`` (B, N): dL/dspikes, or dL/dvoltage of a readout."""
        spikes, voltage = trace.spikes[t], trace.voltage[t]
        if self.neurons.spiking:
            direct = direct * surrogate(voltage, self.neurons.threshold, self.neurons.surrogate)
        if trace.current is not None:
            self.grad_decay[0] -= self.grad_u * trace.current[t] / 4096
            self.grad_decay[1] -= self.grad_v * voltage * (1 - spikes) / 4096
        self.grad_v = direct + self.grad_v * self.fade[1] * (1 - spikes)
        self.grad_u = self.grad_u * self.fade[0] + self.grad_v
        return self.grad_u


def surrogate(voltage: Tensor, threshold: float, code_width_scale: tuple[int, float, float]) -> Tensor:
    """Surrogate ds/dv in the shape of ``voltage``; see the table in ``myelin.train.kernels.numba_loops``."""
    code, width, scale = code_width_scale
    x = voltage / threshold - 1
    shapes = {
        "slayer": lambda: torch.exp(-x.abs() / width) / 2,
        "atan": lambda: 1 / (1 + (math.pi * x / width) ** 2),
        "triangle": lambda: (1 - x.abs() / width).clamp(min=0),
    }
    return shapes[_NAMES[code]]() * (scale / (threshold * width))
