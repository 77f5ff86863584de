"""Compiled steps of a delayed recurrent layer.

The axonal delay belongs to the presynaptic neuron, so it commutes with the weights: spikes are spread over their taps first and
meet the weights once per step.  A dense matrix is multiplied outside (one BLAS product per step); a convolution over the
neuron axis is small enough to stand inside, and the whole sequence is one compiled loop.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from train.kernels.cuba import neuron_step, neuron_step_backward
from train.kernels.delay import gather, spread


@njit(parallel=True, cache=True)
def step_forward(t, x, mask, first, taps, u, v, keep_u, keep_v, threshold, spikes, arriving, voltage, current):
    """Step t of all neurons, given the summed input x (B, N); spikes are masked (dropout) and spread into ``arriving``."""
    steps, batch, neurons = spikes.shape
    for b in prange(batch):
        for n in range(neurons):
            fired = neuron_step(x[b, n], b, n, u, v, keep_u, keep_v, threshold, voltage[t])
            spikes[t, b, n] = 1.0 if fired else 0.0
            if current.shape[0] > 0:
                current[t, b, n] = np.float32(u[b, n]) / np.float32(4096.0)
            if fired and mask[b, n] != 0.0:
                spread(mask[b, n], t, b, n, first, taps, steps, arriving)


@njit(parallel=True, cache=True)
def step_backward(
    t,
    grad_spikes,
    grad_arriving,
    mask,
    first,
    taps,
    voltage,
    spikes,
    current,
    fade_u,
    fade_v,
    threshold,
    code,
    width,
    scale,
    grad_u,
    grad_v,
    grad_x,
    grad_decay,
):
    """Step t backward: dL/dspike collects the loss and what arrives later, then passes the neuron; writes grad_x[t] (B, N)."""
    steps, batch, neurons = spikes.shape
    for b in prange(batch):
        for n in range(neurons):
            fired = spikes[t, b, n] > 0
            grad_spike = grad_spikes[t, b, n]
            if mask[b, n] != 0.0:
                grad_spike += mask[b, n] * gather(grad_arriving, t, b, n, first, taps, steps)
            if current.shape[0] > 0:
                grad_decay[0, b, n] -= grad_u[b, n] * current[t, b, n] / 4096.0
                if not fired:
                    grad_decay[1, b, n] -= grad_v[b, n] * voltage[t, b, n] / 4096.0
            grad_x[t, b, n] = neuron_step_backward(
                grad_spike, 0.0, b, n, voltage[t, b, n], fired, fade_u, fade_v, threshold, code, width, scale, grad_u, grad_v
            )


@njit(inline="always")
def _convolve(source, kernel, o, f, size):
    """Output (channel o, position f) of a same-padded convolution of ``source`` (channels * size,) with (out, in, taps)."""
    channels, taps = kernel.shape[1], kernel.shape[2]
    half = taps // 2
    total = np.float32(0.0)
    for i in range(channels):
        for k in range(taps):
            g = f + k - half
            if 0 <= g < size:
                total += kernel[o, i, k] * source[i * size + g]
    return total


@njit(inline="always")
def _convolve_transposed(grad, kernel, i, g, size):
    """Gradient at input (channel i, position g) of ``_convolve``."""
    channels, taps = kernel.shape[0], kernel.shape[2]
    half = taps // 2
    total = np.float32(0.0)
    for o in range(channels):
        for k in range(taps):
            f = g - k + half
            if 0 <= f < size:
                total += kernel[o, i, k] * grad[o * size + f]
    return total


@njit(parallel=True, cache=True)
def conv_forward(x, kernel, mask, first, taps, keep_u, keep_v, threshold, spikes, arriving, voltage, current):
    """The whole sequence of a layer whose recurrence is a convolution; arrays as in ``step_forward``, x (T, B, N)."""
    steps, batch, neurons = x.shape
    size = neurons // kernel.shape[0]
    for b in prange(batch):
        u = np.zeros((1, neurons), np.int64)
        v = np.zeros((1, neurons), np.int64)
        for t in range(steps):
            for n in range(neurons):
                total = x[t, b, n] + _convolve(arriving[t, b], kernel, n // size, n % size, size)
                fired = neuron_step(total, 0, n, u, v, keep_u, keep_v, threshold, voltage[t, b : b + 1])
                spikes[t, b, n] = 1.0 if fired else 0.0
                if current.shape[0] > 0:
                    current[t, b, n] = np.float32(u[0, n]) / np.float32(4096.0)
                if fired and mask[b, n] != 0.0:
                    spread(mask[b, n], t, b, n, first, taps, steps, arriving)


@njit(parallel=True, cache=True)
def conv_backward(
    grad_spikes,
    kernel,
    mask,
    first,
    taps,
    voltage,
    spikes,
    current,
    keep_u,
    keep_v,
    threshold,
    code,
    width,
    scale,
    grad_x,
    grad_arriving,
    grad_decay,
):
    """Backward of ``conv_forward``: writes dL/dx and dL/darriving (T, B, N), adds to grad_decay (2, B, N)."""
    steps, batch, neurons = spikes.shape
    size = neurons // kernel.shape[0]
    fade_u = (keep_u / 4096.0).astype(np.float32)
    fade_v = (keep_v / 4096.0).astype(np.float32)
    for b in prange(batch):
        grad_u = np.zeros((1, neurons), np.float32)
        grad_v = np.zeros((1, neurons), np.float32)
        for t in range(steps - 1, -1, -1):
            for n in range(neurons):
                fired = spikes[t, b, n] > 0
                grad_spike = grad_spikes[t, b, n]
                if mask[b, n] != 0.0:
                    grad_spike += mask[b, n] * gather(grad_arriving, t, b, n, first, taps, steps)
                if current.shape[0] > 0:
                    grad_decay[0, b, n] -= grad_u[0, n] * current[t, b, n] / 4096.0
                    if not fired:
                        grad_decay[1, b, n] -= grad_v[0, n] * voltage[t, b, n] / 4096.0
                grad_x[t, b, n] = neuron_step_backward(
                    grad_spike,
                    0.0,
                    0,
                    n,
                    voltage[t, b, n],
                    fired,
                    fade_u,
                    fade_v,
                    threshold,
                    code,
                    width,
                    scale,
                    grad_u,
                    grad_v,
                )
            for n in range(neurons):
                grad_arriving[t, b, n] = _convolve_transposed(grad_x[t, b], kernel, n // size, n % size, size)


@njit(parallel=True, cache=True)
def kernel_gradient(grad_x, arriving, channels, taps):
    """dL/dkernel per sample, (B, channels, channels, taps) float64; only what arrived contributes, and little does."""
    steps, batch, neurons = grad_x.shape
    size, half = neurons // channels, taps // 2
    result = np.zeros((batch, channels, channels, taps))
    for b in prange(batch):
        for t in range(steps):
            for n in range(neurons):
                value = arriving[t, b, n]
                if value == 0.0:
                    continue
                i, g = n // size, n % size
                for k in range(taps):
                    f = g - k + half
                    if 0 <= f < size:
                        for o in range(channels):
                            result[b, o, i, k] += value * grad_x[t, b, o * size + f]
    return result
