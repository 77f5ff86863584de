"""Readout: a dense synapse to neurons that integrate without spiking, or to spiking neurons."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from myelin.train.layers.block import Block, Synapse
from myelin.train.layers.dense import DenseSynapse
from myelin.train.neurons import Cuba


class PooledSynapse(Synapse):
    """Average pooling over the positions of each channel, then a dense connection: ``z[t] = W sum_p x_p[t]``.

    Pooling is linear, so its factor ``1 / positions`` is part of W, and only W is quantised.  On the chip this is a dense
    connection whose weights repeat over the positions.

    Args:
        channels, positions: of the previous population (channels, height, width); positions = height * width.
        neurons: size of the target population.
        gain: weights start normal with standard deviation ``gain / sqrt(channels * positions)``, the fan-in of a neuron.

    Source: Lin, Chen, Yan 2014, Network in Network, arXiv 1312.4400, for global average pooling.
    """

    def __init__(self, channels: int, positions: int, neurons: int, *, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(neurons, channels) * (gain / math.sqrt(channels * positions)))
        self.shape = torch.Size((neurons,))

    def steps(self, x: Tensor) -> Tensor:
        """Input of the neurons (T, B, N) from spikes (T, B, channels * positions)."""
        return torch.nn.functional.linear(x.unflatten(2, (self.weight.shape[1], -1)).sum(dim=3), self.effective_weight())


class Readout(Block):
    """One neuron per class: a leaky integrator with ``out[t] = v[t - 1]`` (``spiking=False``), or a spiking neuron.

    Args:
        inputs: size of the previous layer.
        classes: number of classes.
        neuron: arguments of ``Cuba``.
        gain: see ``DenseSynapse``.
        positions: number of consecutive inputs that share a weight, see ``PooledSynapse``; 1: no sharing.
        parts: further arguments of ``Block``.
    """

    def __init__(
        self, inputs: int, classes: int, *, neuron: dict[str, Any], gain: float = 1.0, positions: int = 1, **parts: Any
    ) -> None:
        synapse: Synapse
        if positions == 1:
            synapse = DenseSynapse(inputs, classes, gain=gain)
        else:
            synapse = PooledSynapse(inputs // positions, positions, classes, gain=gain)
        super().__init__(synapse, Cuba((classes,), **neuron), **parts)
