"""Sizes and strides of kernels, given as one number or as a pair for two axes."""

from __future__ import annotations

from collections.abc import Sequence

#: One number for all axes, or (vertical, horizontal).
Extent = int | tuple[int, ...]


def is_extent(value: Extent, odd: bool = False) -> bool:
    """Whether ``value`` is a number of at least 1 or a pair of them; with ``odd``, all must be odd."""
    pair = (value, value) if isinstance(value, int) else value
    return len(pair) == 2 and all(size >= 1 and (not odd or size % 2 == 1) for size in pair)


def on_axes(value: int | Sequence[int], height: int) -> tuple[int, int]:
    """Pair (vertical, horizontal) from ``value``, for a population of ``height`` rows; a number k on one row means 1 x k.

    Raises:
        ValueError: ``value`` is a list whose length is not 2.
    """
    if isinstance(value, int):
        return (1 if height == 1 else value), value
    vertical, horizontal = value
    return vertical, horizontal
