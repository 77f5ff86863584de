"""SLAYER's transposed convolutions, ConvT and Unpool, as dense matrices: the chip has no such connection."""

from __future__ import annotations

import numpy as np

from myelin.convert.floats.neuron import FloatArray
from myelin.hw_configs.errors import NetworkError

Pair = tuple[int, int]
#: Weights of the largest matrix that is unrolled.
_MOST_WEIGHTS = 1 << 24


def unrolled(
    weight: FloatArray, shape: tuple[int, int, int], stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> tuple[FloatArray, tuple[int, int, int]]:
    """Matrix (out, in) of a transposed convolution of an image of ``shape``, both in C order, and the shape it reaches.

    Each input (c, y, x) adds ``weight[c, o, i, j]`` to the output (o, y stride - padding + i dilation, and so for x).

    Args:
        weight: (in channels, out channels / groups, height, width), as torch has it.
        shape: (channels, height, width) of the input.
        stride, padding, dilation: (vertical, horizontal).
        groups: as in torch.

    Raises:
        NetworkError: the channels do not fit, nothing is reached, or the matrix is too large.
    """
    channels, height, width = shape
    if weight.shape[0] != channels or channels % groups:
        raise NetworkError(f"its weights expect {weight.shape[0]} channels, what reaches it has shape {shape}")
    size = [
        (n - 1) * s - 2 * p + d * (k - 1) + 1
        for n, s, p, d, k in zip((height, width), stride, padding, dilation, weight.shape[2:], strict=True)
    ]
    outs, inputs = weight.shape[1] * groups, channels * height * width
    if min(size) < 1:
        raise NetworkError(f"it maps an image of {shape} to {size[0]} x {size[1]} places; at least 1 x 1 is allowed")
    if inputs * outs * size[0] * size[1] > _MOST_WEIGHTS:
        raise NetworkError(
            f"as a matrix, which the chip needs in its place, it has {inputs} x {outs * size[0] * size[1]} weights; at most "
            f"{_MOST_WEIGHTS} are unrolled: use smaller images, or a Conv block"
        )
    matrix = np.zeros((groups, outs // groups, size[0], size[1], channels // groups, height, width))
    grouped = weight.reshape(groups, channels // groups, *weight.shape[1:]).transpose(0, 2, 1, 3, 4)  # (g, out, in, i, j)
    for y, x in np.ndindex(height, width):
        for i, j in np.ndindex(*weight.shape[2:]):
            row, column = y * stride[0] - padding[0] + i * dilation[0], x * stride[1] - padding[1] + j * dilation[1]
            if 0 <= row < size[0] and 0 <= column < size[1]:
                matrix[:, :, row, column, :, y, x] += grouped[:, :, :, i, j]
    full = np.zeros((groups, outs // groups, size[0], size[1], groups, channels // groups, height, width))
    for group in range(groups):  # inputs of a group reach outputs of the same group only
        full[group, :, :, :, group] = matrix[group]
    return full.reshape(outs * size[0] * size[1], inputs), (outs, size[0], size[1])


def unpooled(
    weight: FloatArray, shape: tuple[int, int, int], stride: Pair, padding: Pair, dilation: Pair
) -> tuple[FloatArray, tuple[int, int, int]]:
    """As ``unrolled`` for SLAYER's Unpool, which spreads one image of all channels, one below the other.

    Args:
        weight: (1, 1, height, width).
        shape, stride, padding, dilation: see ``unrolled``.

    Raises:
        NetworkError: the rows reached do not divide among the channels, or see ``unrolled``.

    Source: lava-dl ``slayer/synapse/layer.py`` (Unpool).
    """
    channels, height, width = shape
    matrix, (_, rows, columns) = unrolled(weight, (1, channels * height, width), stride, padding, dilation, 1)
    if rows % channels:
        raise NetworkError(f"it spreads {channels} channels over {rows} rows, which lava-dl cannot divide among the channels")
    return matrix, (channels, rows // channels, columns)
