"""Shapes of populations: (neurons,), or (channels, height, width); the rules that training and conversion share."""

from __future__ import annotations

from myelin.hw_configs.errors import NetworkError

Shape = tuple[int, ...]
Pair = tuple[int, int]


def as_chw(shape: Shape) -> tuple[int, int, int]:
    """A population's shape as (channels, height, width): N neurons in a row are (1, 1, N)."""
    if len(shape) == 3:
        return (shape[0], shape[1], shape[2])
    if len(shape) == 1:
        return (1, 1, shape[0])
    raise NetworkError(f"a population has shape {shape}; (neurons,) or (channels, height, width) is allowed")


def cut_into_channels(neurons: int, channels: int) -> Shape:
    """Shape of ``neurons`` in a row that are cut into ``channels`` of one row each; one channel is no cut: (neurons,)."""
    return (neurons,) if channels == 1 else (channels, 1, neurons // channels)


def half_kernel(kernel: Pair) -> Pair:
    """The zeros at every edge with which training pads: half a kernel, so that an odd one with stride 1 keeps the shape."""
    return kernel[0] // 2, kernel[1] // 2


def convolved(space: Pair, kernel: Pair, stride: Pair = (1, 1), padding: Pair = (0, 0), dilation: Pair = (1, 1)) -> Pair:
    """(height, width) after a convolution of (height, width); below 1 where the kernel does not fit.

    ``size' = floor( (size + 2 padding - dilation (kernel - 1) - 1) / stride ) + 1``, on each axis.
    """
    sizes = [
        (space[axis] + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) // stride[axis] + 1 for axis in range(2)
    ]
    return sizes[0], sizes[1]
