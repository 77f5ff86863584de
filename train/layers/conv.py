"""Convolutional layer over two spatial axes, or over one if the height is 1."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.shapes import convolved
from myelin.train.layers.block import Block, Synapse
from myelin.train.neurons import Cuba


class ConvSynapse(Synapse):
    """2-D cross-correlation of a (C, H, W) population in every time step, zero padded.

    Args:
        input_shape: (channels, height, width); N neurons in a row are (1, 1, N).
        channels: output channels.
        kernel, stride, padding: (vertical, horizontal).
        gain: weights start normal with standard deviation ``gain / sqrt(fan-in)``.

    Raises:
        ConfigError: the kernel does not fit the input.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        channels: int,
        kernel: tuple[int, int],
        *,
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        gain: float = 1.0,
    ) -> None:
        super().__init__()
        size = convolved((input_shape[1], input_shape[2]), kernel, stride, padding)
        if min(size) < 1:
            raise ConfigError(f"a kernel of {kernel} with padding {padding} does not fit an input of shape {input_shape}")
        fan_in = input_shape[0] * kernel[0] * kernel[1]
        self.weight = nn.Parameter(torch.randn(channels, input_shape[0], *kernel) * (gain / math.sqrt(fan_in)))
        self.input_shape, self.stride, self.padding = input_shape, stride, padding
        self.shape = torch.Size((channels, *size))

    def steps(self, x: Tensor) -> Tensor:
        """Input of the neurons (T, B, N), channels first, from spikes (T, B, N_in)."""
        images = x.flatten(0, 1).unflatten(1, self.input_shape)
        z = torch.nn.functional.conv2d(images, self.effective_weight(), stride=self.stride, padding=self.padding)
        return z.reshape(*x.shape[:2], -1)


class Conv(Block):
    """Convolutional synapse, CUBA neurons and optional learnable axonal delays, one per channel.

    Takes the arguments of ``ConvSynapse``, ``Cuba`` and ``Block``.
    """

    def __init__(
        self,
        input_shape: tuple[int, int, int],
        channels: int,
        kernel: tuple[int, int],
        *,
        neuron: dict[str, Any],
        stride: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
        gain: float = 1.0,
        **parts: Any,
    ) -> None:
        synapse = ConvSynapse(input_shape, channels, kernel, stride=stride, padding=padding, gain=gain)
        super().__init__(synapse, Cuba(tuple(synapse.shape), **neuron), **parts)
