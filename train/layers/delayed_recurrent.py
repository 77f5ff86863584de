"""Recurrent layer with learnable recurrent axonal delays: DelRec with a dense matrix, ConvDelRec with a convolution.

Source: DelRec (Queant et al. 2025, arXiv 2509.24852 family); ConvDelRec (Zebendo et al. 2026, arXiv 2604.15997).
"""

from __future__ import annotations

import math
from typing import Any

from myelin.train.delay import AxonalDelay
from myelin.train.layers.arguments import Extent, GivenNeuron, Size, delay_of, input_size, neuron_of, population
from myelin.train.layers.block import Block, scale_weights
from myelin.train.layers.dense import DenseSynapse
from myelin.train.layers.norm import BatchNorm, norm_of, normalised
from myelin.train.layers.recurrence import Recurrence


class DelayedRecurrent(Block):
    """Dense synapse and CUBA neurons with a delayed recurrence: (B, ..., T) to (B, neurons, T).

    ``s[t] = neuron( synapse(x)[t] + W . sum_tau h(tau) s[t - tau] )`` with the delay kernel h of ``myelin.train.delay``.

    Args:
        inputs: size of the previous population; its axes are flattened.
        neurons: number of neurons, or their shape (channels, height, width).
        recurrent: ``dense``, a matrix, or ``conv``, a kernel shared by all neurons of a channel; see ``Recurrence.over``.
        channels: number of channels of one row each into which the neurons are cut.
        taps: size of the kernel, odd: (vertical, horizontal), or one number for every axis of the population.
        recurrent_delay: True: one learnable delay per neuron; False: delays of 0; or the ``AxonalDelay`` itself.
        delay: as ``recurrent_delay``, for the delays of the layer's output; False: none.
        max_delay: longest delay in steps, of both; None: the limit of Loihi 2.
        norm: see ``Dense``; the feed-forward input alone is normalised.
        neuron: a population, or the constants of ``Cuba`` by name; they can also be given as keywords of the block.
        gain, recurrent_gain: scale of the initial weights, in units of the threshold; see ``Dense`` and ``Recurrence.over``.
        recurrent_dropout: see ``Recurrence``.
        dropout, quantise: see ``Block``.
        constants: keywords of ``Cuba``.

    Raises:
        ConfigError: a size or an argument is wrong, ``recurrent`` is unknown, or the kernel does not fit.
    """

    def __init__(
        self,
        inputs: int | tuple[int, ...],
        neurons: Size,
        *,
        recurrent: str = "dense",
        channels: int = 1,
        taps: Extent = 3,
        recurrent_delay: bool | AxonalDelay = True,
        delay: bool | AxonalDelay | None = False,
        max_delay: int | None = None,
        norm: str | BatchNorm | None = None,
        neuron: GivenNeuron = None,
        gain: float = 2.0,
        recurrent_gain: float = 0.5,
        recurrent_dropout: float = 0.0,
        dropout: float = 0.0,
        quantise: bool = True,
        **constants: Any,
    ) -> None:
        name = "DelayedRecurrent"
        shape, size = population(name, neurons, channels), input_size(name, inputs)
        synapse = DenseSynapse(size, math.prod(shape), gain=gain)
        own = neuron_of(name, shape, neuron, constants, **normalised(norm))
        scale_weights(synapse, own)
        recurrence = Recurrence.over(
            tuple(own.shape),
            recurrent,
            taps=taps,
            delay=recurrent_delay,
            max_delay=max_delay,
            gain=recurrent_gain * own.weight_unit,
            dropout=recurrent_dropout,
        )
        delays = delay_of(name, delay, own.neurons, max_delay if delay else None)
        own_norm = norm_of(name, norm, synapse, own)
        super().__init__(synapse, own, recurrence=recurrence, delay=delays, norm=own_norm, dropout=dropout, quantise=quantise)
