"""Bushy cell: 40 auditory nerve fibres converge on one leaky integrate-and-fire neuron per channel.

Each fibre fires in step t with probability p(t), and then is silent for TAU_REFRACTORY. With n(t) fibre spikes in step t:

    I(t) = I(t-1) exp(-dt / TAU_SYN) + n(t)
    V(t) = min(1, V(t-1) exp(-dt / TAU_MEM) + I(t) W / 40 dt)
    a spike at t if V(t) >= 1; then V is 0 for TAU_REFRACTORY, while I continues

Times in seconds, W in 1/s. A spike is recorded when the next step resets the cell, so the last step of a sound has no spike.

Source: Cramer et al. 2020, arXiv 1910.07407, section on bushy cells (after Rothman, Young, Manis 1993).
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401

FIBRES = 40
TAU_MEM_S = 1e-3
TAU_SYN_S = 5e-4
TAU_REFRACTORY_S = 1e-3
WEIGHT = 13e3  # W
ALMOST_ONE = 1.0 - 2.0**-53  # p = 1 would be an infinite hazard


@numba.njit(cache=True, nogil=True)
def nerve_spikes(
    probability: npt.NDArray[np.float64], rate_hz: float, fibres: int, rng: np.random.Generator
) -> npt.NDArray[np.uint8]:
    """Number of spikes of all ``fibres`` (at most 255) per channel and step, (channels, samples), as ``probability``.

    A fibre is silent from step i to j with probability prod(1 - p).  Its next spike is therefore where the summed hazard
    -ln(1 - p) has grown by an exponential random number: the same distribution as one draw per step, with one draw per spike.
    """
    channels, samples = probability.shape
    pause = max(math.ceil(TAU_REFRACTORY_S * rate_hz), 1)
    counts = np.zeros((channels, samples), np.uint8)
    hazard = np.zeros(samples + 1)  # hazard[t]: sum over the steps before t
    for channel in range(channels):
        for t in range(samples):
            hazard[t + 1] = hazard[t] - math.log1p(-min(probability[channel, t], ALMOST_ONE))
        for _ in range(fibres):
            t = 0
            while t < samples:
                goal = hazard[t] + rng.standard_exponential()
                if goal >= hazard[samples]:
                    break
                low, high = t, samples  # hazard[low] <= goal < hazard[high]
                while high - low > 1:
                    middle = (low + high) // 2
                    if hazard[middle] <= goal:
                        low = middle
                    else:
                        high = middle
                counts[channel, low] += 1
                t = low + pause
    return counts


@numba.njit(cache=True, nogil=True)
def bushy_spikes(counts: npt.NDArray[np.uint8], rate_hz: float, fibres: int) -> npt.NDArray[np.bool_]:
    """Spikes of each channel's bushy cell, (channels, samples) bool, from the fibre spikes ``counts`` of the same shape."""
    dt = 1.0 / rate_hz
    membrane_decay = math.exp(-dt / TAU_MEM_S)
    current_decay = math.exp(-dt / TAU_SYN_S)
    gain = WEIGHT / fibres * dt
    pause = math.ceil(TAU_REFRACTORY_S * rate_hz)
    fired = np.zeros(counts.shape, np.bool_)
    for channel in range(counts.shape[0]):
        current = voltage = 0.0
        silent = 0  # remaining steps of the refractory period, with the voltage at 0
        for t in range(counts.shape[1]):
            if voltage >= 1.0:
                fired[channel, t - 1] = True
                silent = pause
                voltage = 0.0
            current = current * current_decay + counts[channel, t]
            if silent > 0:
                silent -= 1
            else:
                voltage = min(1.0, voltage * membrane_decay + current * gain)
    return fired
