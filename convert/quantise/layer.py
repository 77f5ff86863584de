"""Quantise one float layer to a target's grid by given choices.

A layer has one real scale a, which changes no spike, and each of its connections a step 2^e::

    W = m 2^e,  m = clip(rint(a w / 2^e)) in -2^(b-1)..2^(b-1) - 1,   threshold = rint(a f threshold),   bias = rint(64 a bias)

b is the number of the target's weight bits.  A dense connection stores e as its weight exponent.  A convolution has no weight
exponent; it stores 2^e in its weights, whose range -256..255 allows e up to 9 - b.  Clipping m adds an error to one weight but
allows finer steps for the others.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer
from myelin.convert.layers import Conv, DelayedRecurrent, Dense
from myelin.convert.network import Layer
from myelin.convert.quantise.scalar import whole
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import (
    STATE_MAX,
    STATE_SHIFT,
    THRESHOLD_MAX,
    WEIGHT_BITS,
)
from myelin.hw_configs.target import Target
from myelin.hw_configs.weight_grid import grid_unit, mantissa_range

#: Largest weight exponent if the target's is not public: that of Loihi 1.
_EXPONENT_MAX = 7
#: Share of the 24 bits that the states of the float network may use; other samples than those seen may reach larger states.
_HEADROOM = 0.25


@dataclass(frozen=True)
class Grid:
    """Limits of the integers.

    Attributes:
        weight_bits: bits of a signed weight, 2..8.
        exponent_max: largest weight exponent of a dense connection.
        threshold_max: largest mantissa of a threshold.
    """

    weight_bits: int = WEIGHT_BITS
    exponent_max: int = _EXPONENT_MAX
    threshold_max: int = THRESHOLD_MAX

    def __post_init__(self) -> None:
        if not 2 <= self.weight_bits <= WEIGHT_BITS:
            raise NetworkError(f"weight_bits is {self.weight_bits}; 2..{WEIGHT_BITS} is allowed")

    @classmethod
    def of(cls, target: Target) -> Grid:
        """The limits of ``target``; limits that are not public are those of Lava's arithmetic."""
        bits = WEIGHT_BITS if target.weight_bits is None else min(target.weight_bits, WEIGHT_BITS)
        exponent = _EXPONENT_MAX if target.weight_exp_max is None else max(0, min(target.weight_exp_max, _EXPONENT_MAX))
        return cls(bits, exponent, THRESHOLD_MAX if target.threshold_max is None else target.threshold_max)

    @property
    def low(self) -> int:
        """Smallest m."""
        return mantissa_range(self.weight_bits)[0]

    @property
    def high(self) -> int:
        """Largest m."""
        return mantissa_range(self.weight_bits)[1]

    def step_max(self, synapse: FloatDense | FloatConv) -> int:
        """Largest e."""
        return self.exponent_max if isinstance(synapse, FloatDense) else grid_unit(self.weight_bits).bit_length() - 1


@dataclass(frozen=True)
class QuantisationChoice:
    """The free parameters when a layer becomes integers; the module gives the equations.

    Attributes:
        scale: a.
        steps: e of the feed-forward connection, and of the recurrent one if there is one.
        threshold: f.
        bias: added to every bias, as a share of the threshold; only if the layer has a bias.
        compensated: whether the error of each feed-forward weight was spread over the weights rounded after it.
    """

    scale: float
    steps: tuple[int, ...]
    threshold: float = 1.0
    bias: float = 0.0
    compensated: bool = False


def largest_scale(layer: FloatLayer, grid: Grid, largest_state: float) -> float:
    """The largest a at which steps, threshold, bias and states (of magnitude ``largest_state``) fit their ranges."""
    limits = [_HEADROOM * STATE_MAX / (1 << STATE_SHIFT) / largest_state] if largest_state > 0 else []
    for synapse in layer.connections:
        top = _reach(synapse.weight, grid)
        if top > 0:
            limits.append(math.ldexp(1.0, grid.step_max(synapse)) / top)
    limits += layer.neuron.scale_limits(grid.threshold_max)
    return min(limits, default=1.0)


def steps_of(layer: FloatLayer, grid: Grid, scale: float, clipped: int = 0) -> tuple[int, ...]:
    """For each connection the smallest e at which no weight is clipped, minus ``clipped``.

    With ``clipped`` > 0, weights up to 2^clipped times the range are clipped.
    """
    steps = []
    for synapse in layer.connections:
        top = _reach(synapse.weight, grid)
        needed = math.ceil(math.log2(scale * top) - 1e-9) if top > 0 else 0
        steps.append(max(0, min(needed - clipped, grid.step_max(synapse))))
    return tuple(steps)


def _reach(weight: FloatArray, grid: Grid) -> float:
    """The step that the extreme weight needs if a is 1."""
    return max(float(weight.max(initial=0)) / (grid.high + 0.49), -float(weight.min(initial=0)) / (0.49 - grid.low))


def quantised_layer(layer: FloatLayer, grid: Grid, choice: QuantisationChoice, gram: FloatArray | None = None) -> Layer:
    """``layer`` in integers by ``choice``, without its own axonal delay; other delays are rounded to the nearest step.

    Args:
        layer: floats; not changed.
        grid: limits of the target.
        choice: scale, steps, threshold, bias and compensation.
        gram: (in, in) second moments of the input of dense feed-forward weights, for ``choice.compensated``.

    Raises:
        NetworkError: a constant does not fit its field.
    """
    steps = iter(choice.steps)
    synapse = _synapse(layer.real_synapse, grid, choice.scale, next(steps), gram if choice.compensated else None)
    recurrent = None
    if layer.recurrent is not None:
        own = _synapse(layer.recurrent.synapse, grid, choice.scale, next(steps), None)
        recurrent = DelayedRecurrent(own, whole(layer.recurrent.delay_steps))
    neuron = layer.neuron.calibrated(choice.scale, choice.threshold, choice.bias)
    return Layer(layer.shape, synapse, neuron, np.zeros((), np.int32), recurrent, layer.output)


def _synapse(synapse: FloatDense | FloatConv, grid: Grid, scale: float, step: int, gram: FloatArray | None) -> Dense | Conv:
    wanted = synapse.weight * (scale / (1 << step))
    if gram is None or isinstance(synapse, FloatConv):
        mantissa = whole(np.clip(wanted, grid.low, grid.high))
    else:
        mantissa = compensated(wanted, gram, grid.low, grid.high)
    if isinstance(synapse, FloatConv):
        return synapse.quantised(mantissa << step)
    return Dense(mantissa, step, None if synapse.delay_steps is None else whole(synapse.delay_steps))


def compensated(weight: FloatArray, gram: FloatArray, low: int, high: int, damping: float = 0.01) -> IntArray:
    """Integers M in low..high near ``weight`` (out, in) with a small ``sum (W - M) G (W - M)^T`` over outputs.

    Weights are rounded source by source, the largest moment first.  The rounding error of each is spread over the sources after
    it by the inverse of G, so that the sum over all sources changes little.

    Args:
        weight: W.
        gram: G = E[x x^T], (in, in).
        damping: added to the diagonal of G, as a share of its mean.

    Source: Frantar et al. 2023, GPTQ, arXiv 2210.17323, after Hassibi, Stork 1993 (optimal brain surgeon).
    """
    order = np.argsort(-np.diag(gram), kind="stable")
    moments = gram[np.ix_(order, order)]
    mean = float(np.mean(np.diag(moments)))
    moments = moments + np.eye(len(order)) * (damping * mean if mean > 0 else 1.0)
    spread = np.linalg.cholesky(np.linalg.inv(moments)).T  # upper; row j spreads source j's error over later sources
    left = weight[:, order].copy()
    result: npt.NDArray[np.int32] = np.empty(weight.shape, np.int32)
    for j, source in enumerate(order):
        result[:, source] = whole(np.clip(left[:, j], low, high))
        error = (left[:, j] - result[:, source]) / spread[j, j]
        left[:, j + 1 :] -= error[:, None] * spread[j, j + 1 :]
    return result
