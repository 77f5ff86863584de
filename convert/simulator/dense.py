"""The dense engine: connections as matrix products over many samples at once, in floats that are exact for the integers.

A sum of products of integers is exact in float32 (float64) in any order of addition, if no partial sum can reach 2^24 (2^53).
No partial sum exceeds ``largest |x| * max_i sum_j |W_ij|``.  The engine computes this upper bound from the network's weights
and the largest input value that occurs, and then chooses the precision.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.layers import Conv, Synapse
from myelin.convert.layers.conv import as_chw
from myelin.convert.simulator.loops import add_product, arriving
from myelin.convert.simulator.plan import C_ORDER, Order, ordered_axons, ordered_matrix
from myelin.hw_configs.errors import NetworkError

#: Number of rows of a product above which BLAS gets no faster.  Blocks of about this many steps keep intermediate arrays small.
_BLOCK_ROWS = 1024

Floats = npt.NDArray[Any]


@dataclass(frozen=True)
class Tap:
    """Synapses whose delay depends only on their source.

    Attributes:
        delay: (sources,) in steps.
        weight: (sources, targets) without exponent, or for a convolution (groups, in/groups * height * width, out/groups).
        absolute_sum: the largest sum of |weight| over one target's inputs.
        floats: the weights by float type, filled on demand.
    """

    delay: npt.NDArray[np.int32]
    weight: IntArray
    absolute_sum: int
    floats: dict[str, Floats] = field(default_factory=dict, compare=False)

    def matrix(self, largest: int) -> Floats:
        """The weights in the narrowest float type that is exact for inputs of up to ``largest``."""
        precision = exact_float(largest * self.absolute_sum)
        if precision not in self.floats:
            self.floats[precision] = self.weight.astype(precision)
        return self.floats[precision]


@dataclass(frozen=True)
class Products:
    """A connection as matrix products: ``a[t] = sum over taps of sh( x delayed by the tap @ its weights )``.

    Attributes:
        taps: one tap if all synapses of a source have the same delay and the shift may act on the sum; else one per delay.
        exponent: exponent of the weights; sh(y) = y << exponent, or y >> -exponent, which floors.
        targets: the number of target neurons.
        conv: the convolution; None for a matrix.
        shape: the source shape (C, H, W) of the convolution.
        read_last, write_last: whether sources and targets are in the order (height, width, channels).
    """

    taps: tuple[Tap, ...]
    exponent: int
    targets: int
    conv: Conv | None = None
    shape: tuple[int, int, int] = (1, 1, 1)
    read_last: bool = False
    write_last: bool = False

    def currents(self, spikes: npt.NDArray[Any], largest: int) -> npt.NDArray[np.int32]:
        """Synaptic input (batch, steps, targets) for ``spikes`` (batch, steps, sources) of magnitudes up to ``largest``."""
        batch, steps, sources = spikes.shape
        current = np.zeros((batch, steps, self.targets), np.int32)
        block = max(1, _BLOCK_ROWS // max(1, steps))
        for tap in self.taps:
            matrix = tap.matrix(largest)
            for start in range(0, batch, block):
                part = spikes[start : start + block]
                shifted = np.empty(part.shape, matrix.dtype)
                for t in range(steps):
                    arriving(part, tap.delay, t, shifted[:, t])
                product = self._product(shifted.reshape(-1, sources), matrix)
                add_product(product, self.exponent, current[start : start + block].reshape(-1, self.targets))
        return current

    def add_at(self, spikes: npt.NDArray[Any], t: int, largest: int, current: npt.NDArray[np.int32]) -> None:
        """Add the input at step t to ``current`` (batch, targets); ``spikes`` (batch, steps, sources) are known up to t - 1."""
        for tap in self.taps:
            matrix = tap.matrix(largest)
            sent = np.empty((len(spikes), spikes.shape[2]), matrix.dtype)
            arriving(spikes, tap.delay, t, sent)
            add_product(self._product(sent, matrix), self.exponent, current)

    def _product(self, x: Floats, matrix: Floats) -> Floats:
        """The product (rows, targets) of ``x`` (rows, sources) and the matrix, or the convolution."""
        return x @ matrix if self.conv is None else self._convolve(x, matrix)

    def _convolve(self, x: Floats, matrix: Floats) -> Floats:
        """Convolution (rows, targets) of ``x`` (rows, channels * height * width) as a product of its patches."""
        assert self.conv is not None
        conv = self.conv
        (down, right), (top, left), (sparse_y, sparse_x) = conv.stride, conv.padding, conv.dilation
        height, width = conv.weight.shape[2:]
        channels, rows_in, columns_in = self.shape
        image = x.reshape(-1, rows_in, columns_in, channels).transpose(0, 3, 1, 2) if self.read_last else x
        image = np.pad(image.reshape(-1, *self.shape), ((0, 0), (0, 0), (top, top), (left, left)))
        windows = sliding_window_view(image, (height - 1) * sparse_y + 1, axis=2)
        windows = sliding_window_view(windows, (width - 1) * sparse_x + 1, axis=3)
        windows = windows[:, :, ::down, ::right, ::sparse_y, ::sparse_x]  # (rows, channels, y, x, kernel y, kernel x)
        rows, _, out_height, out_width = windows.shape[:4]
        depth = self.shape[0] // conv.groups
        results = []
        for group in range(conv.groups):
            patches = windows[:, group * depth : (group + 1) * depth].transpose(0, 2, 3, 1, 4, 5)
            patches = patches.reshape(rows * out_height * out_width, depth * height * width)
            results.append((patches @ matrix[group]).reshape(rows, out_height * out_width, -1))
        result = np.concatenate(results, axis=2)  # (rows, places, channels)
        return (result if self.write_last else result.transpose(0, 2, 1)).reshape(rows, self.targets)


def products(synapse: Synapse, shape: Shape, axonal: IntArray, order: Order = C_ORDER) -> Products:
    """``synapse`` as products, for a source population of ``shape`` with delays of ``axonal`` steps."""
    axon = ordered_axons(shape, axonal, order)
    if isinstance(synapse, Conv):
        chw = as_chw(shape)
        targets = int(np.prod(synapse.output_shape(chw)))
        grouped = synapse.weight.reshape(synapse.groups, synapse.weight.shape[0] // synapse.groups, -1).transpose(0, 2, 1)
        tap = Tap(axon, grouped, synapse.absolute_input_sum())
        return Products((tap,), 0, targets, synapse, chw, order.source is not None, order.target is not None)
    weight = ordered_matrix(synapse.weight.T, order)
    if synapse.delay_steps is None and (synapse.weight_exp >= 0 or np.all(axon == axon[:1])):
        return Products((_tap(axon, weight),), synapse.weight_exp, weight.shape[1])
    delay = axon[:, None] if synapse.delay_steps is None else axon[:, None] + ordered_matrix(synapse.delay_steps.T, order)
    taps = [_tap(np.full(axon.shape, k, np.int32), np.where(delay == k, weight, 0)) for k in np.unique(delay)]
    return Products(tuple(taps), synapse.weight_exp, weight.shape[1])


def exact_float(bound: int) -> str:
    """The narrowest float type that is exact for sums of integers whose partial sums have magnitudes up to ``bound``.

    Raises:
        NetworkError: no float type is exact.
    """
    if bound < 1 << 24:
        return "float32"
    if bound < 1 << 53:
        return "float64"
    raise NetworkError(
        f"sums of up to {bound} are not exact in float64, which holds whole numbers up to {(1 << 53) - 1}: use engine='events'"
    )


def _tap(delay: npt.NDArray[np.int32], weight: IntArray) -> Tap:
    return Tap(delay, np.ascontiguousarray(weight), int(np.abs(weight.astype(np.int64)).sum(axis=0).max(initial=0)))
