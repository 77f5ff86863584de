"""The grid of a network's weights, and the power of two that brings a layer's weights onto the grid of training.

Training has one grid for all layers: multiples of 2^(9 - b) / 64 in -4..4, for b bits.  Other integer networks have a scale for
every layer.  Weights and threshold of a layer times the same power of two give the same spikes, except for the truncation of
states to 1/4096.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from myelin.convert.floats.neuron import FloatArray
from myelin.hw_configs.fixed_point import WEIGHT_BITS, WEIGHT_SCALE
from myelin.hw_configs.weight_grid import grid_unit, mantissa_range, on_grid

#: Exponents that are tried.
_EXPONENTS = range(-12, 13)
#: Thresholds of training, see ``myelin.train.neurons.Cuba``.
_THRESHOLDS = (1 / WEIGHT_SCALE, 64.0)


def bits_of(weights: Sequence[FloatArray]) -> int:
    """Bits that hold the weights of every connection exactly, each with its own power of two; 8 if more would be needed."""
    return max((_bits(weight) for weight in weights), default=WEIGHT_BITS)


def _bits(weight: FloatArray) -> int:
    for bits in range(2, WEIGHT_BITS):
        for exponent in _EXPONENTS:
            scaled = np.ldexp(weight, exponent) * WEIGHT_SCALE
            if np.array_equal(on_grid(scaled, bits), scaled):
                return bits
    return WEIGHT_BITS


def best_exponent(weights: Sequence[FloatArray], threshold: float | None, bits: int) -> int:
    """The exponent s at which rounding 2^s times the weights to ``bits`` bits changes them least; ties: nearest to 0."""

    def loss(exponent: int) -> float:
        total = 0.0
        for weight in weights:
            scaled = np.ldexp(weight, exponent) * WEIGHT_SCALE
            total += float(np.square(np.ldexp(on_grid(scaled, bits) - scaled, -exponent)).sum())
        return total

    allowed = [exponent for exponent in _EXPONENTS if threshold is None or _fits(np.ldexp(threshold, exponent))]
    return min(allowed or [0], key=lambda exponent: (loss(exponent), abs(exponent), exponent))


def _fits(threshold: float) -> bool:
    return _THRESHOLDS[0] <= threshold < _THRESHOLDS[1]


def rounded_weights(weights: Sequence[FloatArray], bits: int) -> tuple[int, int, int]:
    """Numbers of weights that the forward pass clips to the grid of ``bits`` bits, that it rounds, and of all."""
    low, high = (bound * grid_unit(bits) / WEIGHT_SCALE for bound in mantissa_range(bits))
    half = grid_unit(bits) / WEIGHT_SCALE / 2
    clipped = sum(int(((weight > high + half) | (weight < low - half)).sum()) for weight in weights)
    moved = sum(int((on_grid(weight * WEIGHT_SCALE, bits) != weight * WEIGHT_SCALE).sum()) for weight in weights)
    return clipped, moved - clipped, sum(weight.size for weight in weights)
