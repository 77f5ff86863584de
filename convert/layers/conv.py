"""Integer convolution over two spatial axes; a one-dimensional convolution has height 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, check_range, frozen_int
from myelin.convert.layers.dense import Dense
from myelin.convert.layers.synapse import Counts, Synapse
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import CONV_SUM_BITS, WEIGHT_MAX, WEIGHT_MIN
from myelin.hw_configs.shapes import as_chw as as_chw
from myelin.hw_configs.shapes import convolved


@dataclass(frozen=True, eq=False)
class Conv(Synapse):
    """Convolution (cross-correlation, as in PyTorch) of a (C, H, W) population, zero padded.

    ``a[o, y, x] = sum_{c, i, j} W[o, c, i, j] s[c, y*stride + i*dilation - padding, x*stride + j*dilation - padding]``, wrapped
    to 24 bit signed.  Lava's fixed-point convolution has no weight exponent, so there is none here.

    Attributes:
        weight: W, (out channels, in channels / groups, kernel height, kernel width), -256..255.
        stride, padding, dilation: (vertical, horizontal).
        groups: number of blocks of channels; channels are connected only within a block.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.

    Source: lava-nc ``proc/conv/models.py`` and ``utils.py``.
    """

    KIND: ClassVar[str] = "conv"
    SPATIAL: ClassVar[bool] = True
    SUM_BITS: ClassVar[int | None] = CONV_SUM_BITS

    weight: IntArray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        weight = frozen_int("weight", self.weight)
        if weight.ndim != 4 or 0 in weight.shape:
            raise NetworkError(f"conv weight has shape {weight.shape}; (out, in / groups, height, width) is allowed")
        check_range("weight", weight, WEIGHT_MIN, WEIGHT_MAX)
        object.__setattr__(self, "weight", weight)
        for name, low in (("stride", 1), ("padding", 0), ("dilation", 1)):
            pair = tuple(int(value) for value in getattr(self, name))
            if len(pair) != 2 or min(pair) < low:
                raise NetworkError(f"conv {name} is {pair}; two whole numbers of at least {low} are allowed")
            object.__setattr__(self, name, pair)
        if self.groups < 1 or weight.shape[0] % self.groups:
            raise NetworkError(f"conv groups is {self.groups}; a divisor of the {weight.shape[0]} output channels is allowed")

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape (C, H, W) of the target neurons for a source of ``input_shape``; NetworkError if it does not fit."""
        channels, *space = as_chw(input_shape)
        if channels != self.weight.shape[1] * self.groups:
            raise NetworkError(
                f"conv weight expects {self.weight.shape[1] * self.groups} channels, the layer before has shape {input_shape}"
            )
        size = convolved(
            (space[0], space[1]), (self.weight.shape[2], self.weight.shape[3]), self.stride, self.padding, self.dilation
        )
        if min(size) < 1:
            raise NetworkError(f"conv kernel {self.weight.shape[2:]} does not fit the layer before, of shape {input_shape}")
        return (self.weight.shape[0], *size)

    def absolute_input_sum(self) -> int:
        """The largest sum of |W| over one neuron's inputs: an upper bound on every product with spikes of 0 or 1."""
        return int(np.abs(self.weight).astype(np.int64).sum(axis=(1, 2, 3)).max(initial=0))

    def as_dense(self, input_shape: Shape) -> Dense:
        """The convolution unrolled to a matrix whose sums do not wrap.

        Raises:
            NetworkError: the convolution does not fit ``input_shape``, or has odd weights that a dense synapse cannot hold.
        """
        listed = unroll(self, input_shape)
        matrix = np.zeros(listed.shape, np.int32)
        matrix[listed.target, listed.source] = listed.weight
        return Dense(matrix)

    def check_recurrent(self, shape: Shape) -> None:
        """Raise NetworkError unless the kernel keeps ``shape``; a row of N neurons counts as 1 channel of 1 x N."""
        source, target = as_chw(shape), self.output_shape(as_chw(shape))
        if target != source:
            raise NetworkError(f"recurrent {self.kind} maps shape {shape} to {target}; the same shape is allowed")

    def row(self, input_shape: Shape, neuron: int) -> tuple[IntArray, IntArray | None]:
        """See ``Synapse.row``; does not unroll the whole kernel."""
        _, height, width = chw = as_chw(input_shape)
        out, y, x = np.unravel_index(neuron, self.output_shape(chw))
        depth = chw[0] // self.groups
        first = int(out) // (self.weight.shape[0] // self.groups) * depth
        weight = np.zeros(chw, np.int32)
        for i, j in np.ndindex(*self.weight.shape[2:]):
            row = int(y) * self.stride[0] + i * self.dilation[0] - self.padding[0]
            column = int(x) * self.stride[1] + j * self.dilation[1] - self.padding[1]
            if 0 <= row < height and 0 <= column < width:
                weight[first : first + depth, row, column] = self.weight[out, :, i, j]
        return weight.reshape(-1), None

    def fan_out(self, input_shape: Shape) -> Counts:
        """See ``Synapse.fan_out``; sources at the borders have fewer targets."""
        channels, *space = chw = as_chw(input_shape)
        there = np.count_nonzero(self.weight.reshape(self.groups, -1, *self.weight.shape[1:]), axis=1)
        there = there.reshape(channels, *self.weight.shape[2:])  # (in channels, kernel height, kernel width)
        count = np.zeros(chw, np.int64)
        for tap, places in self._tap_places(self.output_shape(chw)):
            inside = [place[(place >= 0) & (place < size)] for place, size in zip(places, space)]
            count[np.ix_(np.arange(channels), *inside)] += there[:, *tap][:, None, None]
        return count.reshape(-1)

    def fan_in(self, input_shape: Shape, places: bool = False) -> Counts:
        """See ``Synapse.fan_in``."""
        _, *space = chw = as_chw(input_shape)
        shape = self.output_shape(chw)
        there = np.count_nonzero(self.weight, axis=1)  # (out channels, kernel height, kernel width)
        there = there > 0 if places else there
        count = np.zeros(shape, np.int64)
        for tap, at in self._tap_places(shape):
            inside = [(place >= 0) & (place < size) for place, size in zip(at, space)]
            count += there[:, *tap][:, None, None] * np.logical_and.outer(*inside)
        return count.reshape(-1)

    def _tap_places(self, output_shape: Shape) -> Iterator[tuple[tuple[int, ...], list[npt.NDArray[np.intp]]]]:
        """Yield each tap of the kernel with the rows and columns it reads for outputs of ``output_shape``."""
        for tap in np.ndindex(*self.weight.shape[2:]):
            yield (
                tap,
                [
                    np.arange(output_shape[1 + axis]) * self.stride[axis] + tap[axis] * self.dilation[axis] - self.padding[axis]
                    for axis in range(2)
                ],
            )


class Kernel(Protocol):
    """The attributes of a convolution, with weights of any type, that ``unroll`` needs."""

    @property
    def weight(self) -> npt.NDArray[Any]:
        """The weights (out channels, in channels / groups, kernel height, kernel width)."""

    @property
    def stride(self) -> tuple[int, int]:
        """Stride (vertical, horizontal)."""

    @property
    def padding(self) -> tuple[int, int]:
        """Rows and columns of zeros on each side (vertical, horizontal)."""

    @property
    def dilation(self) -> tuple[int, int]:
        """Distance between the kernel's taps (vertical, horizontal)."""

    @property
    def groups(self) -> int:
        """Number of blocks of channels."""

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape (C, H, W) of the target neurons for a source of ``input_shape``."""


class Synapses(NamedTuple):
    """A convolution as a list of synapses.

    Attributes:
        weight: the weight of each synapse.
        target, source: its target and source neuron, flat indices in the C order of (C, H, W).
        shape: (targets, sources), the shape of the same connection as a matrix.
    """

    weight: npt.NDArray[Any]
    target: npt.NDArray[np.intp]
    source: npt.NDArray[np.intp]
    shape: tuple[int, int]


def unroll(synapse: Kernel, input_shape: Shape) -> Synapses:
    """All synapses with nonzero weight of the convolution from ``input_shape``; no two share source and target."""
    channels, height, width = as_chw(input_shape)
    out_channels, out_height, out_width = synapse.output_shape(input_shape)
    group_in, group_out = channels // synapse.groups, out_channels // synapse.groups
    weights, targets, sources = [], [], []
    for i, j in np.ndindex(*synapse.weight.shape[2:]):
        y = np.arange(out_height)[:, None] * synapse.stride[0] + i * synapse.dilation[0] - synapse.padding[0]
        x = np.arange(out_width)[None, :] * synapse.stride[1] + j * synapse.dilation[1] - synapse.padding[1]
        out_y, out_x = np.nonzero((y >= 0) & (y < height) & (x >= 0) & (x < width))
        position = y[out_y, 0] * width + x[0, out_x]
        out, inner = (index.reshape(-1, 1) for index in np.indices((out_channels, group_in)))
        shape = (out.size, position.size)
        weights.append(np.broadcast_to(synapse.weight[out, inner, i, j], shape).ravel())
        targets.append(np.broadcast_to(out * out_height * out_width + out_y * out_width + out_x, shape).ravel())
        channel = out // group_out * group_in + inner
        sources.append(np.broadcast_to(channel * height * width + position, shape).ravel())
    weight, target, source = (np.concatenate(parts) for parts in (weights, targets, sources))
    kept = weight != 0
    size = (out_channels * out_height * out_width, channels * height * width)
    return Synapses(weight[kept], target[kept], source[kept], size)
