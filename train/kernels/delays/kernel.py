"""The kernel of a delay: arrival times and weights of a delayed spike, as the few points that the compiled loops need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

#: Differences of a triangle's weights up to this value are rounding errors.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class DelayKernel:
    """Weights h(lag) and slopes d(h)/d(delay): a spike of neuron n at step t arrives at step t + lag with weight h(lag).

    Attributes:
        lags: (P, N) int64, lags of P points per neuron, at least 0; lag 0 never has a weight.
        weights: (P, N) float64.  With ``order`` 0, h at the points; with ``order`` 2, its second difference
            ``h(lag) - 2 h(lag - 1) + h(lag - 2)``, which for a triangle is zero except at its corners.
        slopes: (P, N) float64.  With ``order`` 0, d(h)/d(delay) at the points; with ``order`` 2, its first difference
            ``slope(lag) - slope(lag - 1)``.
        order: 0 or 2.
    """

    lags: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]
    slopes: npt.NDArray[np.float64]
    order: int

    @classmethod
    def triangle(cls, delay: npt.NDArray[np.floating], sigma: float) -> DelayKernel:
        """Kernel ``h(lag) = max(0, s - |lag - (1 + delay)|) / s^2``, s = 1 + sigma, for lags >= 1; delay (N,) in steps.

        Slopes are those inside the triangle, 0 at its top; those of a delay of 0 are one-sided, since it can only grow.  With
        sigma 0, a whole delay has none there; it has the slopes of ``single``.
        """
        half = 1.0 + sigma
        centre = 1.0 + delay.astype(np.float64)
        lags = np.arange(-1, math.ceil(centre.max(initial=0.0) + half) + 3)[
            :, None
        ]  # two lags before the first and two after the last
        height = np.where(lags >= 1, np.maximum(half - np.abs(lags - centre), 0.0), 0.0) / half**2
        side = np.where((lags == centre) & (centre == 1), -1.0, np.sign(lags - centre))
        slope = np.where(height > 0, side, 0.0) / half**2
        if sigma == 0:  # a whole delay is a kink, at which no slope would be left
            slope = np.where(delay == np.rint(delay), _central(lags, centre), slope)
        weights, slopes = np.diff(height, 2, axis=0), np.diff(slope, 1, axis=0)[1:]
        corner = (np.abs(weights) > _ROUNDING / half**2) | (np.abs(slopes) > _ROUNDING / half**2)
        number = corner.sum(axis=0)
        neuron, row = np.nonzero(corner.T)  # the corners of each neuron, from the first to the last
        place = np.arange(neuron.size) - np.repeat(np.cumsum(number) - number, number)
        shape = int(number.max(initial=1)), delay.size  # a neuron with fewer corners is filled up with points of weight 0
        points = cls(np.ones(shape, np.int64), np.zeros(shape), np.zeros(shape), order=2)
        points.lags[place, neuron] = row + 1
        points.weights[place, neuron], points.slopes[place, neuron] = weights[row, neuron], slopes[row, neuron]
        return points

    @classmethod
    def single(cls, steps: npt.NDArray[np.int64], *, learn: bool = True) -> DelayKernel:
        """Kernel with one tap at lag 1 + steps.

        With ``learn``, slopes are central differences; at a delay of 0 they are one-sided, since nothing arrives at lag 0.
        """
        if not learn:
            return cls(steps[None] + 1, np.ones((1, steps.size)), np.zeros((1, steps.size)), order=0)
        lags = steps + np.arange(3)[:, None]
        weights = np.repeat([[0.0], [1.0], [0.0]], steps.size, axis=1)
        slopes = _central(lags, steps + 1)
        return cls(lags, weights, slopes, order=0)

    @property
    def longest(self) -> int:
        """Longest lag of a point."""
        return int(self.lags.max(initial=0))

    def repeat(self, times: int) -> DelayKernel:
        """Kernel in which every entry is repeated for ``times`` neurons."""
        if times == 1:
            return self
        weights, slopes = (np.repeat(values, times, axis=1) for values in (self.weights, self.slopes))
        return DelayKernel(np.repeat(self.lags, times, axis=1), weights, slopes, self.order)

    def dense(self, values: npt.NDArray[np.float64], order: int) -> npt.NDArray[np.float64]:
        """Array (longest lag + 1, N) with ``values`` at the points, cumulatively summed ``order`` times along the lags."""
        result = np.zeros((self.longest + 1, self.lags.shape[1]))
        np.add.at(result, (self.lags, np.arange(self.lags.shape[1])), values)
        for _ in range(order):
            result = np.cumsum(result, axis=0)
        return result

    @property
    def dense_weights(self) -> npt.NDArray[np.float64]:
        """h at every lag from 0 on, (longest lag + 1, N)."""
        return self.dense(self.weights, self.order)

    @property
    def dense_slopes(self) -> npt.NDArray[np.float64]:
        """d(h)/d(delay) at every lag from 0 on, (longest lag + 1, N)."""
        return self.dense(self.slopes, self.order // 2)


def _central(lags: npt.NDArray[Any], centre: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Slopes (P, N) of single taps at the lags ``centre``: central differences; one-sided at lag 1, the first arrival."""
    away = lags - centre
    return np.where(centre > 1, 0.5 * (away == 1) - 0.5 * (away == -1), 1.0 * (away == 1) - 1.0 * (away == 0))
