"""Shapes of populations, (neurons,) or (channels, height, width): rules shared by training and conversion."""

from __future__ import annotations

import math
from typing import Literal

from myelin.hw_configs.errors import NetworkError

Shape = tuple[int, ...]
Pair = tuple[int, int]
#: Axis of time in an array of samples: 1 for (batch, steps, ...), -1 for (batch, ..., steps) as in lava-dl's blocks.
TimeAxis = Literal[1, -1]


def as_chw(shape: Shape) -> tuple[int, int, int]:
    """``shape`` as (channels, height, width); (N,) becomes (1, 1, N).  Raises NetworkError for other lengths."""
    if len(shape) == 3:
        return (shape[0], shape[1], shape[2])
    if len(shape) == 1:
        return (1, 1, shape[0])
    raise NetworkError(f"a population has shape {shape}; (neurons,) or (channels, height, width) is allowed")


def cut_into_channels(neurons: int, channels: int) -> Shape:
    """Shape (channels, 1, neurons / channels) of a row cut into channels; (neurons,) for a single channel."""
    return (neurons,) if channels == 1 else (channels, 1, neurons // channels)


def time_axes(shape: Shape, step_shape: Shape) -> list[TimeAxis]:
    """Which of the axes 1 and -1 of samples of ``shape`` can be time, where a step has ``step_shape`` or is flattened."""
    forms = {tuple(step_shape), (math.prod(step_shape),)}
    rests: tuple[tuple[TimeAxis, Shape], ...] = ((1, shape[2:]), (-1, shape[1:-1]))
    return [axis for axis, rest in rests if rest in forms]


def half_kernel(kernel: Pair) -> Pair:
    """Zero padding of training at each edge: half a kernel, so an odd kernel with stride 1 keeps the shape."""
    return kernel[0] // 2, kernel[1] // 2


def convolved(space: Pair, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0), dilation: Pair = (1, 1)) -> Pair:
    """Size (height, width) after a convolution of ``space`` (height, width); below 1 if the kernel does not fit.

    ``size' = floor( (size + 2 padding - dilation (kernel - 1) - 1) / stride ) + 1``, on each axis.
    """
    sizes = [
        (space[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1 for axis in range(2)
    ]
    return sizes[0], sizes[1]
