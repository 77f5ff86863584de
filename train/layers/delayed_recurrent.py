"""Recurrent layer with learnable recurrent axonal delays: DelRec with a dense matrix, ConvDelRec with a convolution.

Source: DelRec (Queant et al. 2025, arXiv 2509.24852 family); ConvDelRec (Zebendo et al. 2026, arXiv 2604.15997).
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from myelin.hw_configs.errors import ConfigError
from myelin.train.config.axes import Extent, on_axes
from myelin.train.delay import AxonalDelay
from myelin.train.layers.block import Block, Synapse
from myelin.train.layers.recurrence import Recurrence
from myelin.train.neurons import Neuron


class DelayedRecurrent(Block):
    """CUBA neurons with a feed-forward synapse and a delayed recurrence.

    ``s[t] = neuron( synapse(x)[t] + W . sum_tau h(tau) s[t - tau] )`` with the delay kernel h of ``myelin.train.delay``.

    Args:
        synapse: the connection from the previous layer.
        neuron: the population, (N,), or (C, H, W) for several channels.
        recurrent: ``dense``, an N x N matrix, or ``conv``, a kernel of ``taps`` weights shared by all neurons of a channel.
        taps: size of the kernel, odd: (vertical, horizontal), or one number for every axis of the population.
        recurrent_gain: scale of the initial recurrent weights: a matrix has orthogonal rows of norm ``recurrent_gain``, a
            kernel is normal with standard deviation ``recurrent_gain / sqrt(fan-in)``.
        recurrent_delay: delays of the recurrence, one per neuron or channel.
        recurrent_dropout: see ``Recurrence``.
        parts: further arguments of ``Block``.

    Raises:
        ConfigError: ``recurrent`` is unknown, or the kernel does not fit.
    """

    def __init__(
        self,
        synapse: Synapse,
        neuron: Neuron,
        *,
        recurrent: str,
        recurrent_delay: AxonalDelay,
        taps: Extent = 3,
        recurrent_gain: float = 1.0,
        recurrent_dropout: float = 0.0,
        **parts: Any,
    ) -> None:
        if recurrent == "dense":
            weight = nn.init.orthogonal_(torch.empty(neuron.neurons, neuron.neurons)) * recurrent_gain
        elif recurrent == "conv":
            channels, height = neuron.shape[:2] if len(neuron.shape) == 3 else (1, 1)
            tall, wide = on_axes(taps, height)
            if height == 1 and tall > 1:
                raise ConfigError(f"taps are {taps} on a single row of neurons; one number is allowed there")
            kernel = (wide,) if height == 1 else (tall, wide)
            weight = torch.randn(channels, channels, *kernel) * (recurrent_gain / math.sqrt(channels * tall * wide))
        else:
            raise ConfigError(f"recurrent is {recurrent!r}; dense or conv is allowed")
        super().__init__(synapse, neuron, recurrence=Recurrence(weight, recurrent_delay, dropout=recurrent_dropout), **parts)
