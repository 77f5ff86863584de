"""Readout: a dense synapse to neurons that integrate without spiking, or to spiking neurons."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import ConfigError
from myelin.train.delay import AxonalDelay
from myelin.train.layers.arguments import GivenNeuron, count, delay_of, input_size, neuron_of, real
from myelin.train.layers.block import Block, Synapse, scale_weights
from myelin.train.layers.dense import DenseSynapse
from myelin.train.layers.norm import BatchNorm, norm_of, normalised

#: Constants of a readout where it is given none: integrators without a current, with a slow leak.
_INTEGRATOR = {"current_decay": 1.0, "voltage_decay": 0.05}


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
        self.positions = positions
        self.weight = nn.Parameter(
            torch.randn(neurons, channels) * (real("Readout", "gain", gain) / math.sqrt(channels * positions))
        )
        self.shape = torch.Size((neurons,))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels * positions,)."""
        return (self.weight.shape[1] * self.positions,)

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.weight.shape[1]} channels x {self.positions} -> {self.weight.shape[0]}"

    def steps(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Input of the neurons (T, B, N) from spikes (T, B, channels * positions)."""
        weight = self.effective_weight() if weight is None else weight
        return torch.nn.functional.linear(x.unflatten(2, (self.weight.shape[1], -1)).sum(dim=3), weight)


class Readout(Block):
    """One neuron per class: a leaky integrator with ``out[t] = v[t - 1]`` (``spiking=False``), or a spiking neuron.

    An integrator that exceeds the 24 bit of a state is reset, as on the chip, see ``myelin.train.neurons.Cuba``.

    Args:
        inputs: size of the previous population; its axes are flattened.
        classes: number of classes, or of outputs.
        spiking: whether the output is spikes instead of voltages; None: as the neuron given, else voltages.
        positions: number of consecutive inputs that share a weight, see ``PooledSynapse``; 1: no sharing.
        neuron: a population, or the constants of ``Cuba`` by name; they can also be given as keywords of the block.  Where
            nothing is given, current decay is 1 and voltage decay 0.05.
        delay, max_delay, gain: see ``Dense``.
        dropout, quantise: see ``Block``.
        constants: keywords of ``Cuba``.

    Raises:
        ConfigError: a size or an argument is wrong.
    """

    def __init__(
        self,
        inputs: int | tuple[int, ...],
        classes: int,
        *,
        spiking: bool | None = None,
        positions: int = 1,
        neuron: GivenNeuron = None,
        delay: bool | AxonalDelay | None = False,
        max_delay: int | None = None,
        norm: str | BatchNorm | None = None,
        gain: float = 1.0,
        dropout: float = 0.0,
        quantise: bool = True,
        **constants: Any,
    ) -> None:
        size, shape = input_size("Readout", inputs), (count("Readout", "classes", classes),)
        synapse = readout_synapse(size, classes, count("Readout", "positions", positions), gain)
        own = neuron_of("Readout", shape, neuron, constants, spiking=bool(spiking), **_INTEGRATOR, **normalised(norm))
        if spiking is not None and own.spiking != spiking:
            raise ConfigError(f"Readout: spiking is {spiking} and the neuron given says {own.spiking}; give one of both")
        scale_weights(synapse, own)
        delays = delay_of("Readout", delay, classes, max_delay)
        own_norm = norm_of("Readout", norm, synapse, own)
        super().__init__(synapse, own, delay=delays, norm=own_norm, dropout=dropout, quantise=quantise)


def readout_synapse(inputs: int, classes: int, positions: int, gain: float) -> DenseSynapse | PooledSynapse:
    """The connection of a readout: dense, or pooled over ``positions``; ConfigError unless they divide ``inputs``."""
    if inputs % positions:
        raise ConfigError(f"Readout: positions is {positions}; a divisor of the {inputs} inputs is allowed")
    if positions == 1:
        return DenseSynapse(inputs, classes, gain=gain)
    return PooledSynapse(inputs // positions, positions, classes, gain=gain)
