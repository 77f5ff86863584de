"""Compiled axonal delay: every spike is spread over the taps of its neuron.

Neuron n's spike at step t arrives at ``t + first[n] + k`` with weight ``taps[n, k]``; all lags are at least 1.
Arrays are (steps, batch, neurons).
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange


@njit(inline="always")
def spread(value, t, b, n, first, taps, steps, arriving):
    """Add one spike of weight ``value`` of neuron (b, n) at step t to ``arriving`` (T, B, N)."""
    for k in range(taps.shape[1]):
        tap = taps[n, k]
        arrival = t + first[n] + k
        if tap != 0.0 and arrival < steps:
            arriving[arrival, b, n] += tap * value


@njit(inline="always")
def gather(grad_arriving, t, b, n, first, taps, steps):
    """Sum over taps of ``grad_arriving`` where a spike of neuron (b, n) at step t arrives."""
    total = np.float32(0.0)
    for k in range(taps.shape[1]):
        tap = taps[n, k]
        arrival = t + first[n] + k
        if tap != 0.0 and arrival < steps:
            total += tap * grad_arriving[arrival, b, n]
    return total


@njit(parallel=True, cache=True)
def delay_forward(spikes, first, taps, arriving):
    """Spread all spikes (T, B, N) into ``arriving`` (T, B, N), which must be zero on entry."""
    steps, batch, neurons = spikes.shape
    for b in prange(batch):
        for t in range(steps):
            for n in range(neurons):
                if spikes[t, b, n] != 0.0:
                    spread(spikes[t, b, n], t, b, n, first, taps, steps, arriving)


@njit(parallel=True, cache=True)
def delay_backward(grad_arriving, first, taps, grad_spikes):
    """dL/dspikes (T, B, N) of ``delay_forward``."""
    steps, batch, neurons = grad_arriving.shape
    for b in prange(batch):
        for t in range(steps):
            for n in range(neurons):
                grad_spikes[t, b, n] = gather(grad_arriving, t, b, n, first, taps, steps)


@njit(parallel=True, cache=True)
def delay_gradient(spikes, grad_arriving, first, slopes):
    """dL/d(delay) per sample, (B, N) float64: a correlation of spikes with dL/darriving over the lags of the taps.

    ``slopes`` (N, K) is d(taps)/d(delay).
    """
    steps, batch, neurons = spikes.shape
    result = np.zeros((batch, neurons))
    for b in prange(batch):
        for t in range(steps):
            for n in range(neurons):
                if spikes[t, b, n] != 0.0:
                    result[b, n] += spikes[t, b, n] * gather(grad_arriving, t, b, n, first, slopes, steps)
    return result
