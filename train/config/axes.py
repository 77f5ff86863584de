"""Sizes and steps of kernels, given as one number or as a pair for two axes."""

from __future__ import annotations

from collections.abc import Sequence

#: One number for every axis that there is, or (vertical, horizontal).
Extent = int | tuple[int, ...]


def is_extent(value: Extent, odd: bool = False) -> bool:
    """Whether ``value`` is a number of at least 1, or a pair of such; with ``odd``, only of odd ones."""
    pair = (value, value) if isinstance(value, int) else value
    return len(pair) == 2 and all(size >= 1 and (not odd or size % 2 == 1) for size in pair)


def on_axes(value: int | Sequence[int], height: int) -> tuple[int, int]:
    """(vertical, horizontal) of ``value`` on a population of this height; a number k on a single row means 1 x k.

    Raises:
        ValueError: ``value`` is a list of another length than 2.
    """
    if isinstance(value, int):
        return (1 if height == 1 else value), value
    vertical, horizontal = value
    return vertical, horizontal
