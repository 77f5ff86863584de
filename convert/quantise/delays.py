"""Fractional delays to whole steps by what they do to the spikes: the best of nearest, floor, and nearest with single flips."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.floats.network import FloatArray
from myelin.convert.quantise.scalar import whole

#: Delays whose sensitivity is measured at most, those nearest to half a step first: each takes a run of the layer.
MOST_FLIPS = 64
#: Fractions nearer to a whole step than this are no question.
_CLEAR = 0.05


class Delays(NamedTuple):
    """Whole delays, what they cost, and how they came about: "whole" (as given), "nearest", "floor" or "flipped"."""

    delay_steps: IntArray
    error: float
    method: str
    flips: int = 0


def round_delays(delay_steps: FloatArray, error: Callable[[IntArray], float], most_flips: int = MOST_FLIPS) -> Delays:
    """Whole numbers of steps for ``delay_steps`` with a small ``error``.

    Nearest and floor are tried as they are.  From the better of them, each delay is put to its other neighbour alone, which
    measures its sensitivity: the change of the error.  Then, the one that gains most first, each flip that would lower the
    error is made, and kept where it still does with those kept before.

    Args:
        delay_steps: any shape; not changed.
        error: of whole delays of that shape.
        most_flips: how many sensitivities to measure.
    """
    best = Delays(whole(delay_steps), np.inf, "nearest")
    best = best._replace(error=error(best.delay_steps))
    if np.array_equal(best.delay_steps, delay_steps):
        return best._replace(method="whole")
    floor = np.floor(delay_steps).astype(np.int32)
    floored = Delays(floor, error(floor), "floor")
    if floored.error < best.error:
        best = floored
    fraction = (delay_steps - floor).reshape(-1)
    order = np.argsort(np.abs(fraction - 0.5), kind="stable")
    asked = [int(place) for place in order[:most_flips] if _CLEAR <= fraction[place] <= 1 - _CLEAR]
    gains = {place: best.error - error(_flipped(best.delay_steps, floor, place)) for place in asked}
    for place in sorted((place for place in asked if gains[place] > 0), key=lambda place: -gains[place]):
        trial = _flipped(best.delay_steps, floor, place)
        got = error(trial)
        if got < best.error:
            best = Delays(trial, got, "flipped", best.flips + 1)
    return best


def _flipped(delays: IntArray, floor: IntArray, place: int) -> IntArray:
    """``delays`` with the one at ``place`` on the other side of its fraction."""
    result = delays.copy()
    result.reshape(-1)[place] = 2 * floor.reshape(-1)[place] + 1 - delays.reshape(-1)[place]
    return result
