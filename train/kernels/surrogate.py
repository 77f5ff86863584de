"""Surrogate derivatives of the spike, as functions of the voltage.

With x = (v - threshold) / threshold, the derivative ds/dv used in the backward pass is ``scale / threshold * g(x)``:

==========  =============================================  ==========================================================
name        g(x)                                           source
==========  =============================================  ==========================================================
slayer      exp(-|x| / width) / (2 width)                  Shrestha & Orchard 2018; lava-dl ``slayer/spike/spike.py``
atan        1 / (width (1 + (pi x / width)^2))             Fang et al. 2021, arctangent
triangle    max(0, 1 - |x| / width) / width                Bellec et al. 2018, piecewise linear
==========  =============================================  ==========================================================

Each integrates to one over x, so ``width`` alone sets how far from the threshold a neuron still learns.
"""

from __future__ import annotations

import math

from numba import njit

#: Name of each surrogate and the code the compiled loops branch on.
SURROGATES = {"slayer": 0, "atan": 1, "triangle": 2}


@njit(inline="always")
def surrogate(code: int, x: float, width: float) -> float:
    """g(x) of the table above."""
    if code == 0:
        return math.exp(-abs(x) / width) / (2.0 * width)
    if code == 1:
        y = math.pi * x / width
        return 1.0 / (width * (1.0 + y * y))
    return max(0.0, 1.0 - abs(x) / width) / width
