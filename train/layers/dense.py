"""Dense layer: every input is connected to every neuron."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from myelin.train.delay import AxonalDelay
from myelin.train.layers.arguments import GivenNeuron, Size, delay_of, input_size, neuron_of, population, real
from myelin.train.layers.block import Block, Synapse, scale_weights
from myelin.train.layers.norm import BatchNorm, norm_of, normalised


class DenseSynapse(Synapse):
    """``z[t] = W x[t]``; a population of channels is flattened in (C, H, W) order.

    Args:
        inputs, neurons: number of inputs and of neurons.
        gain: weights start normal with standard deviation ``gain / sqrt(inputs)``.
    """

    def __init__(self, inputs: int, neurons: int, *, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(neurons, inputs) * (real("Dense", "gain", gain) / math.sqrt(inputs)))
        self.shape = torch.Size((neurons,))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(inputs,)."""
        return (self.weight.shape[1],)

    def extra_repr(self) -> str:
        """Sizes."""
        return f"{self.weight.shape[1]} -> {self.weight.shape[0]}"

    @property
    def in_loops(self) -> bool:
        """Whether the product is no more than that of ``effective_weight()``, which the loops over time can compute."""
        return type(self).steps is DenseSynapse.steps

    def steps(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Input of the neurons (T, B, N) from spikes (T, B, N_in)."""
        return torch.nn.functional.linear(x, self.effective_weight() if weight is None else weight)


class Dense(Block):
    """Dense synapse, CUBA neurons and optional learnable axonal delays, one per neuron: (B, ..., T) to (B, neurons, T).

    Args:
        inputs: size of the previous population; its axes are flattened.
        neurons: number of neurons, or their shape (channels, height, width).
        neuron: a population, or the constants of ``Cuba`` by name; they can also be given as keywords of the block.
        delay: whether every neuron has a learnable delay, or the ``AxonalDelay`` itself.
        max_delay: longest delay in steps; None: the limit of Loihi 2.
        norm: ``batch``: the input is normalised over batch and time, see ``BatchNorm``; the neurons then have a bias unless
            ``bias=False`` is given.  Or the ``BatchNorm`` itself.
        gain: weights start normal with standard deviation ``gain / sqrt(inputs)``, in units of the threshold.
        dropout, quantise: see ``Block``.
        constants: keywords of ``Cuba``.

    Raises:
        ConfigError: a size or an argument is wrong.
    """

    def __init__(
        self,
        inputs: int | tuple[int, ...],
        neurons: Size,
        *,
        neuron: GivenNeuron = None,
        delay: bool | AxonalDelay | None = False,
        max_delay: int | None = None,
        norm: str | BatchNorm | None = None,
        gain: float = 2.0,
        dropout: float = 0.0,
        quantise: bool = True,
        **constants: Any,
    ) -> None:
        shape, size = population("Dense", neurons), input_size("Dense", inputs)
        synapse = DenseSynapse(size, math.prod(shape), gain=gain)
        own = neuron_of("Dense", shape, neuron, constants, **normalised(norm))
        scale_weights(synapse, own)
        delays = delay_of("Dense", delay, own.neurons, max_delay)
        own_norm = norm_of("Dense", norm, synapse, own)
        super().__init__(synapse, own, delay=delays, norm=own_norm, dropout=dropout, quantise=quantise)
