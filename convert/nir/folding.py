"""Folds the linear nodes between two populations, pooling and scaling, into one connection.

The result is a convolution where the two nodes together are one, and else the matrix of their product; both are exact.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense
from myelin.convert.layers.conv import unroll
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.shapes import convolved

#: Upper bound on the weights of a connection that is no convolution.
_MAX_WEIGHTS = 1 << 26


def pool(kind: str, shape: Shape, kernel: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> FloatConv:
    """A SumPool2d or AvgPool2d (which counts the padding) of ``shape`` as a convolution of each channel with itself."""
    if len(shape) != 3:
        raise NetworkError(f"what reaches it has shape {shape}; channels with their axes are expected")
    if min(kernel) < 1 or kernel[0] * kernel[1] > 1 << 20:
        raise NetworkError(f"kernel_size is {kernel}; two whole numbers of at least 1 are allowed")
    weight = np.ones((shape[0], 1, *kernel)) / (kernel[0] * kernel[1] if kind == "AvgPool2d" else 1)
    return FloatConv(weight, stride, padding, (1, 1), shape[0])


def chained(
    first: FloatConv | FloatDense, second: FloatConv | FloatDense, shape: Shape, between: Shape, after: Shape
) -> FloatConv | FloatDense:
    """The connection that does ``first`` and then ``second``.

    Args:
        first, second: connections; one of them is a pool, or both are.
        shape, between, after: shapes of the source, of what is between the two, and of the target.

    Raises:
        NetworkError: the product is no convolution, and has too many weights for a matrix.
    """
    from scipy.sparse import issparse

    if isinstance(first, FloatConv) and isinstance(second, FloatConv):
        found = _one_convolution(first, second, shape, between, after)
        if found is not None:
            return found
    _check_size(int(np.prod(after)), int(np.prod(shape)))
    left, right = matrix(second, between), matrix(first, shape)
    product = left @ right if issparse(left) else (right.T @ left.T).T
    return FloatDense(product.toarray() if issparse(product) else np.asarray(product))


def matrix(synapse: FloatConv | FloatDense, shape: Shape) -> Any:
    """The connection from ``shape`` as a matrix (targets, sources), sparse for a convolution."""
    from scipy.sparse import csr_array  # loaded to fold, not when files are read

    if isinstance(synapse, FloatDense):
        return synapse.weight
    listed = unroll(synapse, shape)
    return csr_array((listed.weight, (listed.target, listed.source)), shape=listed.shape)


def scaled(synapse: FloatConv | FloatDense, shape: Shape, target: Shape, scale: FloatArray) -> FloatConv | FloatDense:
    """``synapse`` with its output, of shape ``target``, multiplied by ``scale``."""
    if scale.ndim == 0:
        return _with_weight(synapse, synapse.weight * scale)
    if isinstance(synapse, FloatConv):
        if np.array_equal(scale, np.broadcast_to(scale[:, :1, :1], scale.shape)):
            return _with_weight(synapse, synapse.weight * scale[:, :1, :1, None])
        _check_size(int(np.prod(target)), int(np.prod(shape)))
        synapse = FloatDense(matrix(synapse, shape).toarray())
    return _with_weight(synapse, synapse.weight * scale.reshape(-1, 1))


def scaling(shape: Shape, scale: FloatArray) -> FloatConv | FloatDense:
    """A Scale of a population as a connection of each neuron with itself."""
    if len(shape) == 3:
        each = FloatConv(np.ones((shape[0], 1, 1, 1)), groups=shape[0])
        return scaled(each, shape, shape, scale)
    size = int(np.prod(shape))
    _check_size(size, size)
    return FloatDense(np.diag(np.broadcast_to(scale, shape).reshape(-1)))


def applied(synapse: FloatConv | FloatDense, values: FloatArray, shape: Shape, target: Shape) -> FloatArray:
    """``synapse`` of the constant ``values`` of shape ``shape``; 0 if they are 0."""
    if not values.any():
        return np.zeros(())
    return np.asarray(matrix(synapse, shape) @ np.broadcast_to(values, shape).reshape(-1)).reshape(target)


def _with_weight(synapse: FloatConv | FloatDense, weight: FloatArray) -> FloatConv | FloatDense:
    if isinstance(synapse, FloatDense):
        return FloatDense(weight)
    return FloatConv(weight, synapse.stride, synapse.padding, synapse.dilation, synapse.groups)


def _check_size(targets: int, sources: int) -> None:
    if targets * sources > _MAX_WEIGHTS:
        raise NetworkError(
            f"it does not fold into one convolution, and as a matrix it has {targets} x {sources} weights; at most "
            f"{_MAX_WEIGHTS} are supported"
        )


def _one_convolution(first: FloatConv, second: FloatConv, shape: Shape, between: Shape, after: Shape) -> FloatConv | None:
    """One convolution equal to both, None if there is none: then borders differ, or neither works on each channel alone."""
    outer = _is_each_channel(second, between)
    if not outer and not _is_each_channel(first, shape):
        return None
    a, b = (np.array(pair) for pair in (first.weight.shape[2:], second.weight.shape[2:]))
    step, inner, reach = (np.array(pair) for pair in (first.stride, first.dilation, second.dilation))
    size = tuple((reach * step * (b - 1) + inner * (a - 1) + 1).tolist())
    stride = tuple((step * second.stride).tolist())
    padding = tuple((step * second.padding + first.padding).tolist())
    if convolved((shape[1], shape[2]), size, stride, padding) != tuple(after[1:]):
        return None
    if not all(_zero_outside(first, second, shape, between, after, axis) for axis in range(2)):
        return None
    kept = first if outer else second  # the one that may mix channels
    each = (second if outer else first).weight[:, 0]  # (channels, height, width)
    weight = np.zeros((*kept.weight.shape[:2], *size))
    for i in np.ndindex(*b):
        for j in np.ndindex(*a):
            y, x = (reach * step * i + inner * j).tolist()
            if outer:
                weight[:, :, y, x] += each[:, i[0], i[1], None] * first.weight[:, :, j[0], j[1]]
            else:
                weight[:, :, y, x] += _of_group(each[:, j[0], j[1]], second) * second.weight[:, :, i[0], i[1]]
    return FloatConv(weight, stride, padding, (1, 1), kept.groups)


def _is_each_channel(conv: FloatConv, shape: Shape) -> bool:
    return conv.groups == shape[0] == conv.weight.shape[0]


def _of_group(values: FloatArray, conv: FloatConv) -> FloatArray:
    """Values of the input channels (channels,) for each output channel: (out channels, in channels / groups)."""
    return np.repeat(values.reshape(conv.groups, -1), conv.weight.shape[0] // conv.groups, axis=0)


def _zero_outside(first: FloatConv, second: FloatConv, shape: Shape, between: Shape, after: Shape, axis: int) -> bool:
    """Whether ``first`` would be 0 at each place outside its output that ``second`` reads as padding."""
    reach = first.dilation[axis] * (first.weight.shape[2 + axis] - 1)
    taps = second.dilation[axis] * (second.weight.shape[2 + axis] - 1)
    lowest = -second.padding[axis]
    highest = (after[1 + axis] - 1) * second.stride[axis] + taps - second.padding[axis]
    before = lowest >= 0 or -first.stride[axis] + reach - first.padding[axis] < 0
    behind = highest < between[1 + axis] or between[1 + axis] * first.stride[axis] - first.padding[axis] >= shape[1 + axis]
    return before and behind
