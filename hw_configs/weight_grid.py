"""The grid of signed weights: even integers in -256..254 for SLAYER's 8 bits, multiples of 2^(9 - b) for fewer bits b.

Training uses the same grid in torch (``myelin.train.neurons.cuba``); a test compares the two.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.fixed_point import WEIGHT_BITS


def grid_unit(bits: int) -> int:
    """Distance between neighbouring weights, such that ``bits`` bits fill -256..255."""
    return 1 << (WEIGHT_BITS + 1 - bits)


def mantissa_range(bits: int) -> tuple[int, int]:
    """Smallest and largest integer of b = ``bits`` bits, sign included: -2^(b - 1), 2^(b - 1) - 1."""
    half = 1 << (bits - 1)
    return -half, half - 1


def on_grid(weight: npt.ArrayLike, bits: int, unit: int | None = None) -> npt.NDArray[np.int32]:
    """The nearest weights on the grid, ``unit clip( rint(W / unit), -2^(b - 1), 2^(b - 1) - 1 )``; ties to even multiples.

    Args:
        weight: W, in units of the integer weights; may be fractional.
        bits: b.
        unit: distance between neighbouring weights, a power of two; None: ``grid_unit(bits)``.
    """
    step = grid_unit(bits) if unit is None else unit
    values = np.asarray(weight)
    return step * np.rint(np.clip(values * (1 / step), *mantissa_range(bits))).astype(np.int32)
