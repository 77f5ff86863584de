"""Round fractional delays to whole steps by their effect on the spikes: nearest, floor, or the better one with flips."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.floats.network import FloatArray
from myelin.convert.quantise.scalar import whole

#: Upper limit on the delays whose sensitivity is measured, those nearest to half a step first; each takes a run of the layer.
MOST_FLIPS = 64
#: A delay nearer to a whole step than this is not flipped.
_CLEAR = 0.05


class Delays(NamedTuple):
    """Delays in whole steps, their error, and the method: "whole" (as given), "nearest", "floor" or "flipped"."""

    delay_steps: IntArray
    error: float
    method: str
    flips: int = 0


def round_delays(delay_steps: FloatArray, error: Callable[[IntArray], float], most_flips: int = MOST_FLIPS) -> Delays:
    """Round ``delay_steps`` to whole steps with a small ``error``.

    Nearest and floor are tried first.  From the better one, each delay alone is flipped to its other neighbour; the change of
    the error is its sensitivity.  Flips that lower the error are then made in order, the largest gain first.  A flip is kept if
    it still lowers the error together with the flips kept before.

    Args:
        delay_steps: any shape; not changed.
        error: maps whole delays of that shape to their error.
        most_flips: the largest number of sensitivities to measure.
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
    """``delays`` with the one at ``place`` rounded the other way."""
    result = delays.copy()
    result.reshape(-1)[place] = 2 * floor.reshape(-1)[place] + 1 - delays.reshape(-1)[place]
    return result
