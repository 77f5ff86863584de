"""Inner hair cell: a transmitter-pool model from membrane velocity to the firing probability of an auditory nerve fibre.

With velocity x(t), step dt, free transmitter q (the cell has up to 1), cleft content c and reprocessing store w:

    k = G max(x + A, 0) / (x + A + B)                   permeability, 1/s (0 if x + A <= 0)
    q += dt (Y max(1 - q, 0) - k q + X w)
    c += dt (k q - (L + R) c)
    w += dt (R c - X w)                                 each from the values before the step, clipped at 0
    p  = H c dt                                         probability of a spike in this step, after the update

Rates Y, G, L, R, X, H in 1/s; A and B in units of the velocity. The initial state is the resting state for x = 0.

Source: Meddis 1986, J. Acoust. Soc. Am. 79(3) 702, and 1988, 83(3) 1056; constants of Cramer et al. 2020, arXiv 1910.07407.
"""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401

REPLENISH = 5.05  # Y
RELEASE = 2000.0  # G
LOSS = 2500.0  # L
REUPTAKE = 6580.0  # R
REPROCESS = 66.3  # X
OFFSET = 5.0  # A
HALF_RELEASE = 300.0  # B
FIRING = 50000.0  # H


@numba.njit(cache=True, nogil=True)
def firing_probability(velocity: npt.NDArray[np.float64], rate_hz: float) -> npt.NDArray[np.float64]:
    """Probability of a spike of one nerve fibre per step, (channels, samples), from ``velocity`` of the same shape."""
    dt = 1.0 / rate_hz
    permeability = RELEASE * OFFSET / (OFFSET + HALF_RELEASE)
    cleft_rest = REPLENISH * permeability / (LOSS * permeability + REPLENISH * (LOSS + REUPTAKE))
    free_rest = cleft_rest * (LOSS + REUPTAKE) / permeability
    store_rest = cleft_rest * REUPTAKE / REPROCESS
    result = np.empty_like(velocity)
    for channel in range(velocity.shape[0]):
        free, cleft, store = free_rest, cleft_rest, store_rest
        for t in range(velocity.shape[1]):
            drive = velocity[channel, t] + OFFSET
            eject = 0.0
            if drive > 0.0:
                eject = dt * RELEASE * drive / (drive + HALF_RELEASE) * free
            replenish = dt * REPLENISH * max(1.0 - free, 0.0)
            reprocess = dt * REPROCESS * store
            reuptake = dt * REUPTAKE * cleft
            lost = dt * LOSS * cleft
            free = max(free + replenish - eject + reprocess, 0.0)
            cleft = max(cleft + eject - reuptake - lost, 0.0)
            store = max(store + reuptake - reprocess, 0.0)
            result[channel, t] = FIRING * dt * cleft
    return result
