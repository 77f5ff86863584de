"""Dense layer: every input is connected to every neuron."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from myelin.train.layers.block import Block, Synapse
from myelin.train.neurons import Cuba


class DenseSynapse(Synapse):
    """``z[t] = W x[t]``; a population of channels is flattened in (C, H, W) order.

    Args:
        inputs, neurons: number of inputs and of neurons.
        gain: weights start normal with standard deviation ``gain / sqrt(inputs)``.
    """

    def __init__(self, inputs: int, neurons: int, *, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(neurons, inputs) * (gain / math.sqrt(inputs)))
        self.shape = torch.Size((neurons,))

    def steps(self, x: Tensor) -> Tensor:
        """Input of the neurons (T, B, N) from spikes (T, B, N_in)."""
        return torch.nn.functional.linear(x, self.effective_weight())


class Dense(Block):
    """Dense synapse, CUBA neurons, optional learnable axonal delays; arguments of ``DenseSynapse``, ``Cuba`` and ``Block``."""

    def __init__(self, inputs: int, neurons: int, *, neuron: dict[str, Any], gain: float = 1.0, **parts: Any) -> None:
        super().__init__(DenseSynapse(inputs, neurons, gain=gain), Cuba((neurons,), **neuron), **parts)
