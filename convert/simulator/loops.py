"""Compiled loops that take integers, delay spikes and add sums; none calls a function of another file, see ``events.py``."""

from __future__ import annotations

import numpy as np

from myelin.hw_configs.compiling.compiled_cache import njit

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy"}


@njit(**_OPTIONS)
def delayed(spikes, delay, lead, result):
    """Set ``result[b, t, j] = spikes[b, t - lead - delay[j], j]`` for nonzero spikes; leave all other values unchanged."""
    steps = spikes.shape[1]
    for b in range(spikes.shape[0]):
        for t in range(steps):
            for j in range(spikes.shape[2]):
                x = spikes[b, t, j]
                if x != 0 and t + lead + delay[j] < steps:
                    result[b, t + lead + delay[j], j] = x


@njit(**_OPTIONS)
def arriving(spikes, delay, t, result):
    """Set ``result[b, j] = spikes[b, t - 1 - delay[j], j]``, or 0 before the first step."""
    for b in range(spikes.shape[0]):
        for j in range(spikes.shape[2]):
            sent = t - 1 - delay[j]
            result[b, j] = spikes[b, sent, j] if sent >= 0 else 0


@njit(**_OPTIONS)
def add_product(product, exponent, current):
    """Add ``product`` (rows, targets), integers as floats, shifted by the exponent, to ``current``; 32 bit sums wrap."""
    for row in range(product.shape[0]):
        for i in range(product.shape[1]):
            whole = np.int32(np.int64(product[row, i]))
            current[row, i] += whole << exponent if exponent >= 0 else whole >> -exponent


@njit(**_OPTIONS)
def take(values, frames, low, high):
    """Copy integers (n,) to ``frames`` (n,) int32; False if one is outside ``low`` .. ``high``."""
    fits = True
    for i in range(values.size):
        x = np.int64(values[i])
        fits &= (x >= low) & (x <= high)
        frames[i] = np.int32(x)
    return fits
