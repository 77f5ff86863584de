"""Pooling layer: neurons that sum the spikes of a window of one channel."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import WEIGHT_SCALE
from myelin.train.delay import AxonalDelay
from myelin.train.layers.arguments import Extent, GivenNeuron, delay_of, extent, neuron_of, spatial_shape
from myelin.train.layers.block import Block
from myelin.train.layers.conv import ConvSynapse

#: Constants of pooling neurons where they are given none: a neuron spikes in a step in which its window has a spike.
_ANY_SPIKE = {"threshold": 0.5, "current_decay": 1.0, "voltage_decay": 1.0}


class PoolSynapse(ConvSynapse):
    """``z[t] = weight sum x[t]`` over a window of each channel: a depthwise convolution of constant, equal weights.

    It has all attributes of ``ConvSynapse``, so what reads a convolution reads it too; ``groups`` is the number of channels.
    ``weight`` is a buffer (channels, 1, kh, kw), not a parameter.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        kernel: tuple[int, int],
        *,
        stride: tuple[int, int],
        padding: tuple[int, int],
        dilation: tuple[int, int],
        weight: float,
    ) -> None:
        super().__init__(
            input_shape, input_shape[0], kernel,
            stride=stride, padding=padding, dilation=dilation, groups=input_shape[0], gain=0.0,
        )  # fmt: skip
        shape = self.weight.shape
        del self.weight
        self.register_buffer("weight", torch.full(shape, float(weight)))


class Pool(Block):
    """Sum pooling and CUBA neurons, with optional learnable axonal delays, one per channel: SLAYER's ``Pool``.

    Each neuron reads a window of one channel with equal, constant weights, so spikes come out.  As in torch, rows and columns
    at the end that fill no window are left out (SLAYER pads them).  Input (B, C, H, W, T), output (B, C, H', W', T).

    Args:
        kernel: (vertical, horizontal), or one number; on a single row, one number is the width.
        input_shape: (channels, height, width), or (N,) for a single row.
        stride: given like ``kernel``; None: the kernel.
        padding, dilation: as in ``torch.nn.Conv2d``, given like ``kernel``.
        weight: of every input, in SLAYER's units; it must lie on the weight grid.
        neuron: a population, or the constants of ``Cuba`` by name; they can also be given as keywords of the block.  Where
            nothing is given, a neuron spikes in every step in which its window has a spike.
        delay, max_delay: see ``Conv``.
        dropout, quantise: see ``Block``.
        constants: keywords of ``Cuba``.

    Raises:
        ConfigError: a size or an argument is wrong, the window does not fit, or ``weight`` is not on the grid.

    Source: lava-dl ``slayer/synapse/layer.py``, ``Pool``.
    """

    def __init__(
        self,
        kernel: Extent,
        *,
        input_shape: tuple[int, ...],
        stride: Extent | None = None,
        padding: Extent = 0,
        dilation: Extent = 1,
        weight: float = 1.0,
        neuron: GivenNeuron = None,
        delay: bool | AxonalDelay | None = False,
        max_delay: int | None = None,
        dropout: float = 0.0,
        quantise: bool = True,
        **constants: Any,
    ) -> None:
        chw = spatial_shape("Pool", input_shape)
        size, spread = (extent("Pool", name, value, chw[1]) for name, value in (("kernel", kernel), ("dilation", dilation)))
        step = size if stride is None else extent("Pool", "stride", stride, chw[1])
        synapse = PoolSynapse(
            chw, size, stride=step, padding=extent("Pool", "padding", padding, chw[1], 0), dilation=spread, weight=weight
        )
        own = neuron_of("Pool", tuple(synapse.shape), neuron, constants, **_ANY_SPIKE)
        if own.shape != synapse.shape:
            raise ConfigError(f"Pool: neuron has shape {tuple(own.shape)}; a population of {tuple(synapse.shape)} is needed")
        given: Tensor = synapse.weight
        if quantise and not torch.equal(own.quantise(given), given):
            near = float(own.quantise(given[:1, :1, :1, :1]))
            raise ConfigError(
                f"Pool: weight is {weight} ({weight * WEIGHT_SCALE:g} / {WEIGHT_SCALE}), not on the weight grid; {near:g} is"
            )
        delays = delay_of("Pool", delay, chw[0], max_delay)
        super().__init__(synapse, own, delay=delays, dropout=dropout, quantise=quantise)
