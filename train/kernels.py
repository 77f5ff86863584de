"""Compiled loops of the training step, where Python would be called per time step.  Arrays are (steps T, batch B, neurons N).

**Neuron.**  SLAYER's CUBA in integers of 1/4096 (``STATE_SCALE``), within the 24 bit of the chip's states;
rz(x) = sgn(x) * floor(|x| / 4096)::

    u <- wrap24( rz(u * (4096 - current_decay)) + trunc(4096 x) )
    v <- saturate24( rz(v * (4096 - voltage_decay)) + u )
    s  = v > threshold;  v <- 0 where s

SLAYER neither wraps nor saturates; below 2048 in its units (2^23 / 4096) both are the same.  The gradient passes straight
through wrap and saturation.  States are held as doubles, in which these integers (below 2^41) are exact, so that the loops
over neurons become vector code.
Source: lava-dl ``slayer/neuron/dynamics/leaky_integrator.py`` (CPU path), ``slayer/neuron/cuba.py``; lava-nc
``proc/lif/models.py`` for wrap and saturation.

**Surrogate.**  With x = (v - threshold) / threshold, ds/dv is ``scale / threshold * g(x)`` in the backward pass:

==========  =============================================  ==========================================================
name        g(x)                                           source
==========  =============================================  ==========================================================
slayer      exp(-|x| / width) / (2 width)                  Shrestha & Orchard 2018; lava-dl ``slayer/spike/spike.py``
atan        1 / (width (1 + (pi x / width)^2))             Fang et al. 2021, arctangent
triangle    max(0, 1 - |x| / width) / width                Bellec et al. 2018, piecewise linear
==========  =============================================  ==========================================================

Each integrates to one over x, so ``width`` alone sets how far from the threshold a neuron still learns.  The reset is treated
as a constant: past a spike no gradient flows along the voltage.

**Delay.**  Neuron n's spike at step t arrives at ``t + first[n] + k`` with weight ``taps[n, k]``; all lags are at least 1.  The
delay belongs to the presynaptic neuron and commutes with the weights: spikes are spread first and meet the weights once.

All loops stand in one file since numba's cache on disk does not notice a change in another file.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX

_WRAP, _TURN, _FULL = float(CURRENT_WRAP), 2.0 * CURRENT_WRAP, float(STATE_MAX)

#: Name of each surrogate and the code the compiled loops branch on.
SURROGATES = {"slayer": 0, "atan": 1, "triangle": 2}


@njit(inline="always")
def _neuron_row(total, u, v, keep_u, keep_v, threshold, spikes, voltage):
    """One step of a row of neurons (N,) with input ``total``; records spikes and the voltage before reset."""
    for n in range(total.shape[0]):
        current = math.trunc(u[n] * keep_u[n]) + math.trunc(np.float64(np.float32(4096.0) * total[n]))
        current = current - _TURN if current > _WRAP else current + _TURN if current <= -_WRAP else current
        value = min(max(math.trunc(v[n] * keep_v[n]) + current, -_FULL), _FULL)
        fired = value > threshold
        u[n] = current
        v[n] = 0.0 if fired else value
        spikes[n] = 1.0 if fired else 0.0
        voltage[n] = value * (1.0 / 4096.0)


@njit(inline="always")
def _surrogate_row(grad_spike, voltage, threshold, code, width, scale):
    """Multiply dL/ds (N,) by ds/dv in place."""
    one, inverse, narrow = np.float32(1.0), np.float32(1.0 / threshold), np.float32(1.0 / width)
    height = np.float32(scale / (threshold * width))
    if code == 0:
        for n in range(grad_spike.shape[0]):
            x = voltage[n] * inverse - one
            grad_spike[n] *= np.float32(0.5) * height * math.exp(-abs(x) * narrow)
    elif code == 1:
        for n in range(grad_spike.shape[0]):
            y = (voltage[n] * inverse - one) * (np.float32(math.pi) * narrow)
            grad_spike[n] *= height / (one + y * y)
    else:
        for n in range(grad_spike.shape[0]):
            x = voltage[n] * inverse - one
            grad_spike[n] *= height * max(np.float32(0.0), one - abs(x) * narrow)


@njit(inline="always")
def _neuron_row_backward(grad_v_direct, spikes, keep_u, keep_v, grad_u, grad_v, grad_x):
    """Carry dL/du and dL/dv (N,) from step t + 1 to t; ``grad_v_direct`` is what reaches v at t; writes dL/dx."""
    for n in range(grad_x.shape[0]):
        carried = grad_v_direct[n] + grad_v[n] * keep_v[n] * (np.float32(1.0) - spikes[n])
        grad_v[n] = carried
        grad_u[n] = grad_u[n] * keep_u[n] + carried
        grad_x[n] = grad_u[n]


@njit(inline="always")
def _decay_row(grad_u, grad_v, current, voltage, spikes, grad_decay_u, grad_decay_v):
    """Add ``-grad[t + 1] * state_after_reset[t] / 4096`` to the gradients of the decays (N,), before step t is carried."""
    for n in range(current.shape[0]):
        grad_decay_u[n] -= grad_u[n] * current[n] / 4096.0
        grad_decay_v[n] -= grad_v[n] * voltage[n] * (1.0 - spikes[n]) / 4096.0


@njit(inline="always")
def _spread_row(spikes, mask, t, b, first, taps, arriving):
    """Add the spikes (N,) of step t, weighted by ``mask``, to ``arriving`` (T, B, N)."""
    for n in range(spikes.shape[0]):
        if spikes[n] != 0.0:
            for k in range(taps.shape[1]):
                arrival = t + first[n] + k
                if arrival < arriving.shape[0]:
                    arriving[arrival, b, n] += taps[n, k] * spikes[n] * mask[n]


@njit(inline="always")
def _gather(grad_arriving, t, b, n, first, taps):
    """Sum over taps of ``grad_arriving`` where a spike of neuron (b, n) at step t arrives."""
    total = np.float32(0.0)
    for k in range(taps.shape[1]):
        arrival = t + first[n] + k
        if arrival < grad_arriving.shape[0]:
            total += taps[n, k] * grad_arriving[arrival, b, n]
    return total


@njit(inline="always")
def _convolve_row(source, kernel, target):
    """Add the same-padded convolution of ``source`` with ``kernel`` (out, in, taps) to ``target``, both (channels * size,)."""
    channels, _, taps = kernel.shape
    size, half = source.shape[0] // channels, taps // 2
    for o in range(channels):
        for i in range(channels):
            for k in range(taps):
                weight, shift = kernel[o, i, k], k - half
                for f in range(max(0, -shift), min(size, size - shift)):
                    target[o * size + f] += weight * source[i * size + f + shift]


@njit(inline="always")
def _convolve_row_transposed(grad, kernel, target):
    """Write the gradient at the source of ``_convolve_row`` to ``target``."""
    channels, _, taps = kernel.shape
    size, half = grad.shape[0] // channels, taps // 2
    target[:] = 0.0
    for i in range(channels):
        for o in range(channels):
            for k in range(taps):
                weight, shift = kernel[o, i, k], k - half
                for f in range(max(0, -shift), min(size, size - shift)):
                    target[i * size + f + shift] += weight * grad[o * size + f]


@njit(parallel=True, cache=True)
def sequence_forward(x, kernel, mask, first, taps, keep_u, keep_v, threshold, spikes, arriving, voltage, current):
    """All steps of a layer without recurrence (``kernel`` empty) or with a convolutional one.

    Args:
        x: (T, B, N) float32 input in SLAYER units.
        kernel: (channels, channels, taps) float32 recurrent weights over the neurons of each channel.
        mask: (B, N) float32 factor on what a neuron feeds back.
        first, taps: (N,) int64, (N, K) float32 recurrent delays.
        keep_u, keep_v: (N,) float64, (4096 - decay) / 4096.
        threshold: in state units, infinite for a readout that never spikes.
        spikes, voltage: (T, B, N) float32, written; the voltage is that before reset.
        arriving: (T, B, N) float32, zero on entry: spikes as they arrive; empty without recurrence.
        current: (T, B, N) float32, written unless empty.
    """
    steps, batch, neurons = x.shape
    for b in prange(batch):
        u, v, total = np.zeros(neurons), np.zeros(neurons), np.empty(neurons, np.float32)
        for t in range(steps):
            total[:] = x[t, b]
            if kernel.size:
                _convolve_row(arriving[t, b], kernel, total)
            _neuron_row(total, u, v, keep_u, keep_v, threshold, spikes[t, b], voltage[t, b])
            if current.size:
                current[t, b] = u / 4096.0
            if kernel.size:
                _spread_row(spikes[t, b], mask[b], t, b, first, taps, arriving)


@njit(parallel=True, cache=True)
def sequence_backward(
    grad_out, kernel, mask, first, taps, keep_u, keep_v, threshold, surrogate, voltage, spikes, current,
    grad_x, grad_arriving, grad_decay,
):  # fmt: skip
    """Backward of ``sequence_forward``.

    Args:
        grad_out: (T, B, N) dL/dspikes, or dL/dvoltage of a readout.
        threshold: in SLAYER units, infinite for a readout.
        surrogate: (code, width, scale).
        grad_x: (T, B, N) float32, written.
        grad_arriving: (T, B, N) float32, zero on entry, written: gradient of what arrives; empty without recurrence.
        grad_decay: (2, B, N) float64, zero on entry: dL/d(decay) per sample for current and voltage; added to if ``current``
            is not empty.
    """
    steps, batch, neurons = voltage.shape
    fade_u, fade_v = keep_u.astype(np.float32), keep_v.astype(np.float32)
    code, width, scale = surrogate
    for b in prange(batch):
        grad_u, grad_v = np.zeros(neurons, np.float32), np.zeros(neurons, np.float32)
        direct = np.empty(neurons, np.float32)
        for t in range(steps - 1, -1, -1):
            direct[:] = grad_out[t, b]
            if kernel.size:
                for n in range(neurons):
                    direct[n] += mask[b, n] * _gather(grad_arriving, t, b, n, first, taps)
            if threshold < np.inf:
                _surrogate_row(direct, voltage[t, b], threshold, code, width, scale)
            if current.size:
                _decay_row(grad_u, grad_v, current[t, b], voltage[t, b], spikes[t, b], grad_decay[0, b], grad_decay[1, b])
            _neuron_row_backward(direct, spikes[t, b], fade_u, fade_v, grad_u, grad_v, grad_x[t, b])
            if kernel.size:
                _convolve_row_transposed(grad_x[t, b], kernel, grad_arriving[t, b])


@njit(parallel=True, cache=True)
def step_forward(t, total, mask, first, taps, u, v, keep_u, keep_v, threshold, spikes, arriving, voltage, current):
    """Step t of a densely recurrent layer, given the summed input ``total`` (B, N); u, v are (B, N) float64, updated."""
    for b in prange(total.shape[0]):
        _neuron_row(total[b], u[b], v[b], keep_u, keep_v, threshold, spikes[t, b], voltage[t, b])
        if current.size:
            current[t, b] = u[b] / 4096.0
        _spread_row(spikes[t, b], mask[b], t, b, first, taps, arriving)


@njit(parallel=True, cache=True)
def step_backward(
    t, grad_out, grad_arriving, mask, first, taps, fade_u, fade_v, threshold, surrogate, voltage, spikes, current,
    grad_u, grad_v, grad_x, grad_decay,
):  # fmt: skip
    """Step t backward: dL/ds collects the loss and what arrives later, then passes the neuron; grad_u, grad_v are (B, N)."""
    code, width, scale = surrogate
    for b in prange(grad_u.shape[0]):
        direct = grad_out[t, b].copy()
        for n in range(direct.shape[0]):
            direct[n] += mask[b, n] * _gather(grad_arriving, t, b, n, first, taps)
        _surrogate_row(direct, voltage[t, b], threshold, code, width, scale)
        if current.size:
            _decay_row(grad_u[b], grad_v[b], current[t, b], voltage[t, b], spikes[t, b], grad_decay[0, b], grad_decay[1, b])
        _neuron_row_backward(direct, spikes[t, b], fade_u, fade_v, grad_u[b], grad_v[b], grad_x[t, b])


@njit(parallel=True, cache=True)
def delay_forward(spikes, mask, first, taps, arriving):
    """Spread all spikes (T, B, N) into ``arriving`` (T, B, N), which is zero on entry; ``mask`` (B, N) weighs them."""
    for b in prange(spikes.shape[1]):
        for t in range(spikes.shape[0]):
            _spread_row(spikes[t, b], mask[b], t, b, first, taps, arriving)


@njit(parallel=True, cache=True)
def delay_backward(grad_arriving, first, taps, grad_spikes):
    """dL/dspikes (T, B, N) of ``delay_forward`` with a mask of ones."""
    steps, batch, neurons = grad_arriving.shape
    for b in prange(batch):
        for t in range(steps):
            for n in range(neurons):
                grad_spikes[t, b, n] = _gather(grad_arriving, t, b, n, first, taps)


@njit(parallel=True, cache=True)
def delay_gradient(spikes, mask, grad_arriving, first, slopes):
    """dL/d(delay) per sample, (B, N) float64: a correlation of spikes with dL/darriving over the lags of the taps.

    ``slopes`` (N, K) is d(taps)/d(delay), from lag ``first`` on.
    """
    steps, batch, neurons = spikes.shape
    result = np.zeros((batch, neurons))
    for b in prange(batch):
        for t in range(steps):
            for n in range(neurons):
                if spikes[t, b, n] != 0.0:
                    result[b, n] += spikes[t, b, n] * mask[b, n] * _gather(grad_arriving, t, b, n, first, slopes)
    return result


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
                if value != 0.0:
                    i, g = n // size, n % size
                    for k in range(taps):
                        f = g - k + half
                        if 0 <= f < size:
                            for o in range(channels):
                                result[b, o, i, k] += value * grad_x[t, b, o * size + f]
    return result
