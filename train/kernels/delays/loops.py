"""Compiled loops of delays without neurons, see ``numba_loops``: the axonal delays of a layer's output."""

from __future__ import annotations

import numpy as np

from myelin.train.kernels.compiled.lanes import LANES, take_turn
from myelin.train.kernels.compiled.options import compiled
from myelin.train.kernels.delays.lags import by_neuron, first_places, sum_over_lags, to_lanes, to_rows


@compiled
def delay_forward(turn, spikes, mask, lags, weights, order, lead, arriving):
    """Delay all spikes (S, B, N) times ``mask`` (B, N); writes ``arriving`` (S - lead, B, N), from step ``lead`` on."""
    steps, batch, neurons = spikes.shape
    slots, arrived = lags.max() + 1, arriving.reshape(-1)
    lags, weights, slopes = by_neuron(lags, weights, weights[:0])
    part = take_turn(turn)
    while part * LANES < batch:
        low = part * LANES
        rows = min(LANES, batch - low)
        ring, found = np.zeros((slots, neurons, LANES), np.float32), np.empty((neurons, LANES), np.float32)
        running, slot, sent = np.zeros((3, neurons * LANES)), slots - 1, np.empty((LANES, neurons), np.float32)
        points = first_places(lags, slot, 1)
        for t in range(steps):
            sum_over_lags(ring, points[0], weights, slopes, order, running, found, found)
            if t >= lead:
                to_rows(found, arrived, ((t - lead) * batch + low) * neurons, neurons, rows)
            for b in range(rows):
                for n in range(neurons):
                    sent[b, n] = spikes[t, low + b, n] * mask[low + b, n]
            to_lanes(sent.reshape(-1), 0, neurons, rows, ring[slot])
            slot = slot - 1 if slot > 0 else slots - 1
        part = take_turn(turn)


@compiled
def delay_backward(turn, grad_arriving, spikes, mask, lags, weights, order, slopes, lead, grad_spikes, grad_delay):
    """Backward of ``delay_forward``: writes dL/dspikes (S, B, N), adds to dL/d(delay) per sample, (B, N) float64."""
    steps, batch, neurons = spikes.shape
    slots, learn, grads = lags.max() + 1, slopes.size > 0, grad_arriving.reshape(-1)
    lags, weights, slopes = by_neuron(lags, weights, slopes)
    part = take_turn(turn)
    while part * LANES < batch:
        low = part * LANES
        rows = min(LANES, batch - low)
        ring = np.zeros((slots, neurons, LANES), np.float32)
        ahead, slope = np.empty((neurons, LANES), np.float32), np.empty((neurons, LANES), np.float32)
        back, slant = np.empty((LANES, neurons), np.float32), np.empty((LANES, neurons), np.float32)
        running, slot = np.zeros((3, neurons * LANES)), slots - 1
        points = first_places(lags, slot, 1)
        for t in range(steps - 1, -1, -1):
            sum_over_lags(ring, points[0], weights, slopes, order, running, ahead, slope)
            to_rows(ahead, back.reshape(-1), 0, neurons, rows)
            if learn:
                to_rows(slope, slant.reshape(-1), 0, neurons, rows)
            for b in range(rows):
                own = low + b
                for n in range(neurons):
                    grad_spikes[t, own, n] = mask[own, n] * back[b, n]
                if learn:
                    for n in range(neurons):
                        grad_delay[own, n] += spikes[t, own, n] * mask[own, n] * slant[b, n]
            if t >= lead:
                to_lanes(grads, ((t - lead) * batch + low) * neurons, neurons, rows, ring[slot])
            else:
                ring[slot] = 0.0
            slot = slot - 1 if slot > 0 else slots - 1
        part = take_turn(turn)


@compiled
def shift(turn, values, mask, later, result):
    """Write ``values`` (T, B, N) times ``mask`` (B, N) to ``result`` (S, B, N), ``later`` steps later; zero elsewhere."""
    steps, batch, neurons = result.shape
    part = take_turn(turn)
    while part * LANES < batch:
        for t in range(steps):
            there = 0 <= t - later < values.shape[0]
            for b in range(part * LANES, min(batch, part * LANES + LANES)):
                if there:
                    for n in range(neurons):
                        result[t, b, n] = values[t - later, b, n] * mask[b, n]
                else:
                    result[t, b] = 0.0
        part = take_turn(turn)
