"""Convolutional layer over two spatial axes, or over one if the height is 1."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.shapes import convolved
from myelin.train.delay import AxonalDelay
from myelin.train.layers.arguments import (
    Extent,
    GivenNeuron,
    count,
    delay_of,
    extent,
    neuron_of,
    real,
    spatial_shape,
)
from myelin.train.layers.block import Block, Synapse, scale_weights
from myelin.train.layers.norm import BatchNorm, norm_of, normalised
from myelin.train.layers.recurrence import Recurrence


class ConvSynapse(Synapse):
    """2-D cross-correlation of a (C, H, W) population in every time step, zero padded.

    Args:
        input_shape: (channels, height, width); N neurons in a row are (1, 1, N).
        channels: output channels.
        kernel, stride, padding, dilation: (vertical, horizontal).
        groups: number of blocks of channels; channels are connected only within a block.
        gain: weights start normal with standard deviation ``gain / sqrt(fan-in)``.

    Raises:
        ConfigError: the kernel does not fit the input, or ``groups`` does not divide the channels.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        channels: int,
        kernel: tuple[int, int],
        *,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        dilation: tuple[int, int] = (1, 1),
        groups: int = 1,
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        size = convolved((input_shape[1], input_shape[2]), kernel, stride, padding, dilation)
        if min(size) < 1:
            raise ConfigError(f"a kernel of {kernel} with padding {padding} does not fit an input of shape {input_shape}")
        if groups < 1 or input_shape[0] % groups or channels % groups:
            raise ConfigError(
                f"groups is {groups}; a divisor of the {input_shape[0]} input and the {channels} output channels is allowed"
            )
        sources = input_shape[0] // groups
        fan_in = sources * kernel[0] * kernel[1]
        self.weight = nn.Parameter(torch.randn(channels, sources, *kernel) * (real("Conv", "gain", gain) / math.sqrt(fan_in)))
        self._input_shape, self.stride, self.padding, self.dilation, self.groups = (
            input_shape,
            stride,
            padding,
            dilation,
            groups,
        )
        self.shape = torch.Size((channels, *size))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, height, width)."""
        return self._input_shape

    def extra_repr(self) -> str:
        """Kernel and how it moves, without what is as in torch's defaults."""
        parts = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
        changed = [f"{name}={getattr(self, name)}" for name, usual in parts.items() if getattr(self, name) != usual]
        return ", ".join((f"kernel={tuple(self.weight.shape[2:])}", *changed))

    def steps(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """Input of the neurons (T, B, N), channels first, from spikes (T, B, N_in)."""
        images = x.flatten(0, 1).unflatten(1, self._input_shape)
        weight = self.effective_weight() if weight is None else weight
        z = torch.nn.functional.conv2d(images, weight, None, self.stride, self.padding, self.dilation, self.groups)
        return z.reshape(*x.shape[:2], -1)


class Conv(Block):
    """Convolutional synapse, CUBA neurons and optional learnable axonal delays, one per channel.

    Input (B, in_channels, H, W, T), or (B, N, T) for a single row; output (B, out_channels, H', W', T).

    Args:
        in_channels, out_channels: number of channels.
        kernel: (vertical, horizontal), or one number; on a single row, one number is the width.
        input_shape: (in_channels, height, width), or (N,) for a single row.
        stride, padding, dilation: as in ``torch.nn.Conv2d``, given like ``kernel``.
        groups: as in ``torch.nn.Conv2d``.
        neuron: a population, or the constants of ``Cuba`` by name; they can also be given as keywords of the block.
        delay: whether every channel has a learnable delay, or the ``AxonalDelay`` itself (one per channel or per neuron).
        max_delay: longest delay in steps; None: the limit of Loihi 2.
        recurrence: connection of the population to itself, see ``Recurrence.over``.
        gain: weights start normal with standard deviation ``gain / sqrt(fan-in)``, in units of the threshold.
        dropout, quantise: see ``Block``.
        constants: keywords of ``Cuba``.

    Raises:
        ConfigError: a size or an argument is wrong, or the kernel does not fit the input.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Extent,
        *,
        input_shape: tuple[int, ...],
        stride: Extent = 1,
        padding: Extent = 0,
        dilation: Extent = 1,
        groups: int = 1,
        neuron: GivenNeuron = None,
        delay: bool | AxonalDelay | None = False,
        max_delay: int | None = None,
        recurrence: Recurrence | None = None,
        norm: str | BatchNorm | None = None,
        gain: float = 2.0,
        dropout: float = 0.0,
        quantise: bool = True,
        **constants: Any,
    ) -> None:
        sources, channels = (
            count("Conv", name, n) for name, n in (("in_channels", in_channels), ("out_channels", out_channels))
        )
        chw = spatial_shape("Conv", input_shape, sources)
        size, step, spread = (
            extent("Conv", name, value, chw[1])
            for name, value in (("kernel", kernel), ("stride", stride), ("dilation", dilation))
        )
        synapse = ConvSynapse(
            chw, channels, size,
            stride=step, padding=extent("Conv", "padding", padding, chw[1], 0), dilation=spread, groups=groups,
            gain=gain,
        )  # fmt: skip
        own = neuron_of("Conv", tuple(synapse.shape), neuron, constants, **normalised(norm))
        if own.shape != synapse.shape:
            raise ConfigError(f"Conv: neuron has shape {tuple(own.shape)}; a population of {tuple(synapse.shape)} is needed")
        scale_weights(synapse, own)
        delays = delay_of("Conv", delay, channels, max_delay)
        own_norm = norm_of("Conv", norm, synapse, own)
        super().__init__(synapse, own, recurrence=recurrence, delay=delays, norm=own_norm, dropout=dropout, quantise=quantise)
