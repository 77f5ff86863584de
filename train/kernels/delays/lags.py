"""Sums over the lags of delays, for the compiled loops: ``LANES`` samples at a time, see ``numba_loops``."""

from __future__ import annotations

import numpy as np

from myelin.train.kernels.compiled.lanes import LANES, add_product, load, no_lanes, store, transpose
from myelin.train.kernels.compiled.options import compiled


@compiled
def by_neuron(lags, weights, slopes):
    """The three arrays (P, N) as (N, P), contiguous."""
    return np.ascontiguousarray(lags.T), np.ascontiguousarray(weights.T), np.ascontiguousarray(slopes.T)


@compiled
def first_places(lags, slot, copies):
    """Where the points (N, P) lie in a ring at the step of its last ``slot``, (copies, N, P) int64; see ``sum_over_lags``."""
    neurons, points = lags.shape
    places = np.empty((copies, neurons, points), np.int64)
    for n in range(neurons):
        for p in range(points):
            places[:, n, p] = (((slot + lags[n, p]) % (slot + 1)) * neurons + n) * LANES
    return places


@compiled
def sum_over_lags(ring, places, weights, slopes, order, running, found, slope):
    """Write sums over lags of h(lag) times the ring value ``lag`` slots ahead to ``found``; of d(h)/d(delay), to ``slope``.

    Args:
        ring: (slots, N, LANES) float32; ``places`` start at the last slot's step, the next slot is the previous step's.
        places: (N, P) int64, from ``first_places``, brought to those of the next step: one slot down.
        weights, slopes: (N, P); ``slopes`` is empty if the second sum is not needed.
        order: order of the differences in ``weights``.
        running: (3, N LANES) float64, running sums over time.
        found, slope: (N, LANES) float32.
    """
    neurons, points = places.shape
    flat, found, slope = ring.reshape(-1), found.reshape(-1), slope.reshape(-1)
    rate, level, slant = running[0], running[1], running[2]
    here, weights, learn, slopes = places.reshape(-1), weights.reshape(-1), slopes.size > 0, slopes.reshape(-1)
    for n in range(0 if learn else neurons):
        total, at = no_lanes(), n * LANES
        for p in range(n * points + points - 1, n * points - 1, -1):  # the earliest sent value comes first
            total = add_product(total, weights[p], load(flat, here[p]))
        if order == 2:
            total = add_product(total, 1.0, load(rate, at))
            store(rate, at, total)
            total = add_product(total, 1.0, load(level, at))
            store(level, at, total)
        store(found, at, total)
    for n in range(neurons if learn else 0):
        total, slanting, at = no_lanes(), no_lanes(), n * LANES
        for p in range(n * points + points - 1, n * points - 1, -1):
            value = load(flat, here[p])
            total, slanting = add_product(total, weights[p], value), add_product(slanting, slopes[p], value)
        if order == 2:
            total = add_product(total, 1.0, load(rate, at))
            store(rate, at, total)
            total = add_product(total, 1.0, load(level, at))
            store(level, at, total)
            slanting = add_product(slanting, 1.0, load(slant, at))
            store(slant, at, slanting)
        store(found, at, total)
        store(slope, at, slanting)
    step, whole = neurons * LANES, flat.size
    for p in range(here.size):
        down = here[p] - step
        here[p] = down if down >= 0 else down + whole


@compiled
def to_lanes(rows, start, apart, count, lanes):
    """Write ``count`` rows of N numbers, ``apart`` from each other in flat ``rows``, to ``lanes`` (N, LANES)."""
    neurons, flat, n = lanes.shape[0], lanes.reshape(-1), 0
    if count == LANES:
        while n + LANES <= neurons:
            transpose(rows, start + n, apart, flat, n * LANES, LANES)
            n += LANES
    for rest in range(n, neurons):
        for b in range(count):
            lanes[rest, b] = rows[start + b * apart + rest]


@compiled
def to_rows(lanes, rows, start, apart, count):
    """The reverse of ``to_lanes``: write ``lanes`` (N, LANES) to rows."""
    neurons, flat, n = lanes.shape[0], lanes.reshape(-1), 0
    if count == LANES:
        while n + LANES <= neurons:
            transpose(flat, n * LANES, LANES, rows, start + n, apart)
            n += LANES
    for rest in range(n, neurons):
        for b in range(count):
            rows[start + b * apart + rest] = lanes[rest, b]
