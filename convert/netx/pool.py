"""SLAYER's pooling as a convolution within each channel."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import NetworkError

Pair = tuple[int, int]


def pool_kernel(
    weight: npt.NDArray[Any], channels: int, size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> tuple[npt.NDArray[Any], Pair]:
    """Kernel (channels, 1, height, width) and padding of the convolution with a group for each channel that equals a pool.

    SLAYER appends ``size % kernel`` rows and columns of zeros, stacks the channels vertically and slides one kernel over all of
    them.  Zeros at one end alone are as many leading zeros in the kernel, and padding at both ends.

    Args:
        weight: the kernel that all channels share, (1, 1, height, width).
        channels, size: the population that is pooled: channels, and (height, width).
        stride, padding, dilation: (vertical, horizontal).

    Raises:
        NetworkError: the kernel reads rows of neighbouring channels, or is dilated and does not divide the size.

    Source: lava-dl ``slayer/synapse/layer.py`` (Pool).
    """
    extra = [length % kernel for length, kernel in zip(size, weight.shape[2:], strict=True)]
    rows, extent = size[0] + extra[0], dilation[0] * (weight.shape[2] - 1) + 1
    if channels > 1 and (rows % stride[0] or extent > stride[0] or padding[0]):
        raise NetworkError(
            f"its windows of {extent} rows every {stride[0]}, with padding {padding[0]}, do not divide the {rows} rows of a "
            "channel, and SLAYER then pools over neighbouring channels; a stride that divides the rows, a kernel no taller "
            "than the stride, and no vertical padding are allowed"
        )
    if any(more and gap > 1 for more, gap in zip(extra, dilation, strict=True)):
        raise NetworkError(
            f"it has dilation {dilation} and a kernel that does not divide the {list(size)} places; dilation 1 can be read"
        )
    kernel = np.pad(np.repeat(weight, channels, axis=0), ((0, 0), (0, 0), (extra[0], 0), (extra[1], 0)))
    return kernel, (padding[0] + extra[0], padding[1] + extra[1])
