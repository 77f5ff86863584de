"""Compiled loops of the training step: whole sequences, forward and backward.  Arrays are (steps T, batch B, neurons N).

**Neuron.**  SLAYER's CUBA in integers of 1/4096 (``STATE_SCALE``), within the 24 bit of the chip's states.  With
rz(x) = sgn(x) * floor(|x| / 4096)::

    u <- wrap24( rz(u * (4096 - current_decay)) + trunc(4096 x) )
    v <- saturate24( rz(v * (4096 - voltage_decay)) + u + bias )
    s  = v > threshold;  v <- 0 where s

SLAYER has no such bias.  It neither wraps nor saturates; below 2048 in its units (2^23 / 4096) the results are the same.  The
gradient passes straight through wrap and saturation.  States are doubles, which represent these integers (below 2^41) exactly,
so the compiler can vectorise the loops over neurons.
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

Each g integrates to one over x, so ``width`` alone sets how far from the threshold a neuron still learns.  The reset is treated
as a constant: no gradient flows along the voltage past a spike.

**Delay.**  A spike of neuron n at step t arrives with the weights h(lag) of ``myelin.train.kernels.delay_kernel.DelayKernel``,
given by a few points: h itself (``order`` 0), or its second difference (``order`` 2), which is zero except at the corners of a
triangle.  The arriving values are then summed twice over time; in the backward pass, so is the gradient of a spike.  So a spike
costs a few additions, however wide the triangle is.  The delay belongs to the presynaptic neuron and commutes with the weights:
spikes are delayed first and multiplied by the weights once, with one product per step.  A neuron has the same delay in all
samples.  With ``LANES`` samples side by side in memory, one vector load reads a point; a single sample would gather from many
places.

**Recurrence.**  A dense matrix (one BLAS product per step for a chunk of samples), a convolution over a population of channels
with ``size`` (height, width), or none.  Chunks of samples run in parallel from the first to the last step.  Rings of
``longest lag + 1`` steps buffer the values in transit and stay in the cache.  Both passes walk a ring downwards: a value sent
``lag`` steps ago (backward: the gradient of an arriving value) is ``lag`` slots ahead.

All loops are in one file, since numba's cache on disk does not notice a change in another file.
``myelin.train.kernels.lanes`` adds the vectors that numba lacks.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, prange

from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX
from myelin.train.kernels.lanes import LANES, add_product, load, no_lanes, store

_WRAP, _TURN, _FULL = float(CURRENT_WRAP), 2.0 * CURRENT_WRAP, float(STATE_MAX)

#: Options of the loops over a batch.
OPTIONS = {"parallel": True, "cache": True, "error_model": "numpy"}
#: Code of each surrogate by name, for the branches in the compiled loops.
SURROGATES = {"slayer": 0, "atan": 1, "triangle": 2}


@njit(inline="always")
def new_states(rows, neurons, constants):
    """States of ``rows`` samples before the first step, a tuple of (rows, N); here current and voltage."""
    return np.zeros((rows, neurons)), np.zeros((rows, neurons))


@njit(inline="always")
def step_row(total, states, b, constants, spikes, voltage, current, kept, t, own):
    """Compute one step of a row of neurons (N,) with input ``total``; writes spikes and the voltage before reset.

    There are three loops with few arrays each, which the compiler can vectorise.  An empty bias is none.

    Args:
        total: (N,) float32 summed input.
        states, b: the result of ``new_states``, and the row in it.
        constants: see ``layer_forward``.
        spikes, voltage: (N,) float32, written.
        current, kept, t, own: see ``layer_forward``; place [t, own] is written unless they are empty.
    """
    keep_u, keep_v, bias, threshold = constants
    u, v = states[0][b], states[1][b]
    for n in range(total.shape[0]):
        value = np.trunc(u[n] * keep_u[n]) + np.trunc(np.float64(np.float32(4096.0) * total[n]))
        u[n] = value - _TURN if value > _WRAP else value + _TURN if value <= -_WRAP else value
    if bias.size:
        for n in range(total.shape[0]):
            v[n] = min(max(np.trunc(v[n] * keep_v[n]) + u[n] + bias[n], -_FULL), _FULL)
    else:
        for n in range(total.shape[0]):
            v[n] = min(max(np.trunc(v[n] * keep_v[n]) + u[n], -_FULL), _FULL)
    for n in range(total.shape[0]):
        value = v[n]
        fired = value > threshold
        v[n] = 0.0 if fired else value
        spikes[n] = 1.0 if fired else 0.0
        voltage[n] = value * (1.0 / 4096.0)
    if current.size:
        for n in range(total.shape[0]):
            current[t, own, n] = u[n] / 4096.0


@njit(inline="always")
def surrogate_row(grad_spike, voltage, threshold, code, width, scale):
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
def new_gradients(rows, neurons):
    """Gradients of the states after the last step, a tuple of (rows, N); here of current and voltage."""
    return np.zeros((rows, neurons), np.float32), np.zeros((rows, neurons), np.float32)


@njit(inline="always")
def step_row_back(direct, gradients, b, constants, spikes, voltage, current, kept, t, own, grad_decay, grad_x):
    """Carry the gradients of the states (N,) from step t + 1 to t; writes dL/dx.

    Args:
        direct: (N,) dL/dspikes of step t, or dL/dvoltage of a readout; changed.
        gradients, b: the result of ``new_gradients``, and the row in it.
        constants: see ``layer_backward``.
        spikes, voltage, current, kept, t, own: see ``step_row``.
        grad_decay: see ``layer_backward``.
        grad_x: (N,) float32, written.
    """
    keep_u, keep_v, threshold, code, width, scale = constants
    grad_u, grad_v = gradients[0][b], gradients[1][b]
    if threshold < np.inf:
        surrogate_row(direct, voltage, threshold, code, width, scale)
    if current.size:
        _decay_row(grad_u, grad_v, current[t, own], voltage, spikes, grad_decay[0, own], grad_decay[1, own])
    for n in range(grad_x.shape[0]):
        carried = direct[n] + grad_v[n] * keep_v[n] * (np.float32(1.0) - spikes[n])
        grad_v[n] = carried
        grad_u[n] = grad_u[n] * keep_u[n] + carried
        grad_x[n] = grad_u[n]


@njit(inline="always")
def _decay_row(grad_u, grad_v, current, voltage, spikes, grad_decay_u, grad_decay_v):
    """Add ``-grad[t + 1] * state_after_reset[t] / 4096`` to the decay gradients (N,); call it before the carry to step t."""
    for n in range(current.shape[0]):
        grad_decay_u[n] -= grad_u[n] * current[n] / 4096.0
        grad_decay_v[n] -= grad_v[n] * voltage[n] * (1.0 - spikes[n]) / 4096.0


@njit(inline="always")
def _list_nonzero(values, places):
    """Write the indices of nonzero ``values`` (N,) to ``places`` (N + 1,) and return their number; without branches."""
    count = 0
    for n in range(values.shape[0]):
        places[count] = n
        count += values[n] != 0.0
    return count


@njit(cache=True)
def _by_neuron(lags, weights, slopes):
    """The three arrays (P, N) as (N, P), contiguous."""
    return np.ascontiguousarray(lags.T), np.ascontiguousarray(weights.T), np.ascontiguousarray(slopes.T)


@njit(inline="always")
def _sum_over_time(value, order, rate, level, at):
    """``value`` summed over time ``order`` times: 0 (``value`` itself), 1 (running sum) or 2 (running sum of the sums)."""
    if order >= 1:
        value = add_product(load(rate, at), 1.0, value)
        store(rate, at, value)
    if order == 2:
        value = add_product(load(level, at), 1.0, value)
        store(level, at, value)
    return value


@njit(inline="always")
def _sum_over_lags(ring, slot, lags, weights, slopes, order, running, found, slope):
    """Write sums over lags of h(lag) times the ring value ``lag`` slots ahead to ``found``; of d(h)/d(delay), to ``slope``.

    Args:
        ring: (slots, N, LANES) float32; ``slot`` is the current step's, the next slot is the previous step's.
        lags, weights, slopes: (N, P); ``slopes`` is empty if the second sum is not needed.
        order: order of the differences in ``weights``.
        running: (3, N LANES) float64, running sums over time.
        found, slope: (N, LANES) float32.
    """
    slots, neurons, _ = ring.shape
    flat, found, slope = ring.reshape(-1), found.reshape(-1), slope.reshape(-1)
    rate, level, slant = running[0], running[1], running[2]
    for n in range(neurons):
        total, slanting, at = no_lanes(), no_lanes(), n * LANES
        for p in range(lags.shape[1] - 1, -1, -1):  # the earliest sent value comes first
            place = slot + lags[n, p]
            value = load(flat, ((place - slots if place >= slots else place) * neurons + n) * LANES)
            total = add_product(total, weights[n, p], value)
            if slopes.size:
                slanting = add_product(slanting, slopes[n, p], value)
        store(found, at, _sum_over_time(total, order, rate, level, at))
        if slopes.size:
            store(slope, at, _sum_over_time(slanting, order // 2, slant, slant, at))


@njit(inline="always")
def _product_row(values, matrix, places, count, result):
    """Write ``values @ matrix`` to ``result`` (N,), four rows at a time; the ``count`` values at ``places`` are nonzero."""
    result[:] = 0.0
    for e in range(0, count - 3, 4):
        a, b, c, d = matrix[places[e]], matrix[places[e + 1]], matrix[places[e + 2]], matrix[places[e + 3]]
        x, y, z, w = values[places[e]], values[places[e + 1]], values[places[e + 2]], values[places[e + 3]]
        for n in range(result.shape[0]):
            result[n] += (x * a[n] + y * b[n]) + (z * c[n] + w * d[n])
    for e in range(count - count % 4, count):
        a, x = matrix[places[e]], values[places[e]]
        for n in range(result.shape[0]):
            result[n] += x * a[n]


@njit(inline="always")
def _convolve_row(source, kernel, size, target):
    """Add the same-padded convolution of ``source`` with ``kernel`` (out, in, kh, kw) to ``target``; both (channels H W,)."""
    channels, _, tall, wide = kernel.shape
    height, width = size
    area = height * width
    for o in range(channels):
        for i in range(channels):
            for a in range(tall):
                for k in range(wide):
                    weight, down, shift = kernel[o, i, a, k], a - tall // 2, k - wide // 2
                    for y in range(max(0, -down), min(height, height - down)):
                        to, back = o * area + y * width, i * area + (y + down) * width + shift
                        for x in range(max(0, -shift), min(width, width - shift)):
                            target[to + x] += weight * source[back + x]


@njit(inline="always")
def _convolve_row_transposed(grad, kernel, size, target):
    """Write the gradient with respect to the source of ``_convolve_row`` to ``target``."""
    channels, _, tall, wide = kernel.shape
    height, width = size
    area = height * width
    target[:] = 0.0
    for i in range(channels):
        for o in range(channels):
            for a in range(tall):
                for k in range(wide):
                    weight, down, shift = kernel[o, i, a, k], a - tall // 2, k - wide // 2
                    for y in range(max(0, -down), min(height, height - down)):
                        back, to = o * area + y * width, i * area + (y + down) * width + shift
                        for x in range(max(0, -shift), min(width, width - shift)):
                            target[to + x] += weight * grad[back + x]


@njit(**OPTIONS)
def layer_forward(
    x, matrix, kernel, size, mask, lags, weights, order, constants, chunk, spikes, arriving, voltage, current, kept
):
    """Compute all steps of a layer: with a dense or convolutional recurrence, or none (``matrix`` and ``kernel`` empty).

    Here the neurons are CUBA neurons; ``myelin.hw_configs.specialised`` makes loops of others, with a ``new_states`` and a
    ``step_row`` of their own.

    Args:
        x: (T, B, N) float32 input in SLAYER's units.
        matrix: (N, N) float32 recurrent weights, transposed: from row to column.
        kernel: (channels, channels, kh, kw) float32 recurrent weights over a population of channels of ``size`` (H, W).
        mask: (B, N) float32 factor on the recurrent output of a neuron.
        lags, weights, order: (P, N) int64, (P, N) float64, 0 or 2: recurrent delays, see above.
        constants: tuple of the neurons' constants.  CUBA: (4096 - decay) / 4096 of current and voltage, (N,) float64 each;
            bias, (N,) float64 in state units, or empty; threshold in state units, infinite for a readout that never spikes.
        chunk: number of samples that run together.
        spikes, voltage: (T, B, N) float32, written; the voltage before reset.
        arriving: (T, B, N) float32, written: delayed spikes as they arrive; empty without recurrence.
        current: (T, B, N) float32, written unless empty.
        kept: (K, T, B, N) float32, other values that the backward pass needs, written unless empty; CUBA: none.
    """
    steps, batch, neurons = x.shape
    recurrent = arriving.size > 0
    slots = lags.max() + 1 if recurrent else 1
    groups = (chunk + LANES - 1) // LANES if recurrent else 0
    lags, weights, slopes = _by_neuron(lags, weights, weights[:0])
    for part in prange((batch + chunk - 1) // chunk):
        low = part * chunk
        rows = min(chunk, batch - low)
        states, total = new_states(rows, neurons, constants), np.empty((rows, neurons), np.float32)
        ring = np.zeros((groups, slots, neurons, LANES), np.float32)  # values sent
        running, found = np.zeros((groups, 3, neurons * LANES)), np.empty((groups, neurons, LANES), np.float32)
        listed, slot = np.empty(neurons + 1, np.int64), slots - 1
        for t in range(steps):
            for g in range(groups):
                _sum_over_lags(ring[g], slot, lags, weights, slopes, order, running[g], found[g], found[g])
            if recurrent:
                for b in range(rows):
                    for n in range(neurons):
                        arriving[t, low + b, n] = found[b // LANES, n, b % LANES]
            if matrix.size and order == 2:
                np.dot(arriving[t, low : low + rows], matrix, total)
            elif matrix.size:
                for b in range(rows):
                    _product_row(arriving[t, low + b], matrix, listed, _list_nonzero(arriving[t, low + b], listed), total[b])
            else:
                total[:] = 0.0
            for b in range(rows):
                if kernel.size:
                    _convolve_row(arriving[t, low + b], kernel, size, total[b])
                for n in range(neurons):
                    total[b, n] += x[t, low + b, n]
                own = low + b
                step_row(total[b], states, b, constants, spikes[t, own], voltage[t, own], current, kept, t, own)
                if recurrent:
                    for n in range(neurons):
                        ring[b // LANES, slot, n, b % LANES] = spikes[t, low + b, n] * mask[low + b, n]
            slot = slot - 1 if slot > 0 else slots - 1


@njit(**OPTIONS)
def layer_backward(
    grad_out, matrix, kernel, size, mask, lags, weights, order, slopes, constants, chunk,
    voltage, spikes, arriving, current, kept, grad_x, grad_matrix, grad_decay, grad_delay,
):  # fmt: skip
    """Compute the backward pass of ``layer_forward``; other neurons have their own ``new_gradients`` and ``step_row_back``.

    Args:
        grad_out: (T, B, N) dL/dspikes, or dL/dvoltage of a readout.
        matrix: (N, N) float32 recurrent weights, not transposed, or empty.
        slopes: (P, N) float64 d(h)/d(delay) at the same points, or its first difference if ``order`` is 2; (0, N) if no
            gradient of the delays is needed.
        constants: tuple.  CUBA: shares kept of current and voltage, (N,) float32 each; threshold in SLAYER's units, infinite
            for a readout; code, width and scale of the surrogate.
        grad_x: (T, B, N) float32, written.
        grad_matrix: (chunks, N, N) float32, zero on entry: dL/d(matrix) per chunk, from row to column, summed over arriving
            spikes; empty if the caller uses one product over all steps, which is faster unless few spikes arrive.
        grad_decay: (constants, B, N) float64, zero on entry: dL/d(constant) per sample, CUBA: for the decays of current and
            voltage; added to if ``current`` is not empty.
        grad_delay: (B, N) float64, zero on entry: dL/d(delay) per sample; added to.
    """
    steps, batch, neurons = voltage.shape
    recurrent = matrix.size > 0 or kernel.size > 0
    slots = lags.max() + 1 if recurrent else 1
    groups, learn = (chunk + LANES - 1) // LANES if recurrent else 0, slopes.size > 0
    lags, weights, slopes = _by_neuron(lags, weights, slopes)
    for part in prange((batch + chunk - 1) // chunk):
        low = part * chunk
        rows = min(chunk, batch - low)
        gradients = new_gradients(rows, neurons)
        direct, row = np.empty(neurons, np.float32), np.empty(neurons, np.float32)
        padded = np.zeros(neurons * rows + LANES, np.float32)  # lanes without a sample read past the rows; never used
        product = padded[: neurons * rows].reshape(neurons, rows)
        listed = np.empty(neurons + 1, np.int64)
        ring = np.zeros((groups, slots, neurons, LANES), np.float32)  # gradient of the arriving values
        running = np.zeros((groups, 3, neurons * LANES))
        ahead, slope = np.empty((groups, neurons, LANES), np.float32), np.empty((groups, neurons, LANES), np.float32)
        slot = slots - 1
        for t in range(steps - 1, -1, -1):
            for g in range(groups):
                _sum_over_lags(ring[g], slot, lags, weights, slopes, order, running[g], ahead[g], slope[g])
            for b in range(rows):
                own = low + b
                direct[:] = grad_out[t, own]
                if recurrent:
                    for n in range(neurons):
                        direct[n] += mask[own, n] * ahead[b // LANES, n, b % LANES]
                if learn:
                    for n in range(neurons):
                        grad_delay[own, n] += spikes[t, own, n] * mask[own, n] * slope[b // LANES, n, b % LANES]
                step_row_back(
                    direct, gradients, b, constants, spikes[t, own], voltage[t, own], current, kept, t, own, grad_decay,
                    grad_x[t, own],
                )  # fmt: skip
                if kernel.size:
                    _convolve_row_transposed(grad_x[t, own], kernel, size, row)
                    for n in range(neurons):
                        ring[b // LANES, slot, n, b % LANES] = row[n]
                if grad_matrix.size:
                    for e in range(_list_nonzero(arriving[t, own], listed)):
                        value, sums = arriving[t, own, listed[e]], grad_matrix[part, listed[e]]
                        for n in range(neurons):
                            sums[n] += value * grad_x[t, own, n]
            if matrix.size:
                np.dot(matrix.T, grad_x[t, low : low + rows].T, product)
                for g in range(groups):
                    here = ring[g, slot].reshape(-1)
                    for n in range(neurons):
                        store(here, n * LANES, load(padded, n * rows + g * LANES))
            if recurrent:
                slot = slot - 1 if slot > 0 else slots - 1


@njit(**OPTIONS)
def delay_forward(spikes, lags, weights, order, arriving):
    """Delay all spikes (T, B, N); writes ``arriving`` (T, B, N)."""
    steps, batch, neurons = spikes.shape
    slots = lags.max() + 1
    lags, weights, slopes = _by_neuron(lags, weights, weights[:0])
    for part in prange((batch + LANES - 1) // LANES):
        low = part * LANES
        ring, found = np.zeros((slots, neurons, LANES), np.float32), np.empty((neurons, LANES), np.float32)
        running, slot = np.zeros((3, neurons * LANES)), slots - 1
        for t in range(steps):
            _sum_over_lags(ring, slot, lags, weights, slopes, order, running, found, found)
            for b in range(min(LANES, batch - low)):
                for n in range(neurons):
                    arriving[t, low + b, n] = found[n, b]
                    ring[slot, n, b] = spikes[t, low + b, n]
            slot = slot - 1 if slot > 0 else slots - 1


@njit(**OPTIONS)
def delay_backward(grad_arriving, spikes, lags, weights, order, slopes, grad_spikes, grad_delay):
    """Backward of ``delay_forward``: writes dL/dspikes (T, B, N), adds to dL/d(delay) per sample, (B, N) float64."""
    steps, batch, neurons = spikes.shape
    slots, learn = lags.max() + 1, slopes.size > 0
    lags, weights, slopes = _by_neuron(lags, weights, slopes)
    for part in prange((batch + LANES - 1) // LANES):
        low = part * LANES
        ring = np.zeros((slots, neurons, LANES), np.float32)
        ahead, slope = np.empty((neurons, LANES), np.float32), np.empty((neurons, LANES), np.float32)
        running, slot = np.zeros((3, neurons * LANES)), slots - 1
        for t in range(steps - 1, -1, -1):
            _sum_over_lags(ring, slot, lags, weights, slopes, order, running, ahead, slope)
            for b in range(min(LANES, batch - low)):
                for n in range(neurons):
                    grad_spikes[t, low + b, n] = ahead[n, b]
                    if learn:
                        grad_delay[low + b, n] += spikes[t, low + b, n] * slope[n, b]
                    ring[slot, n, b] = grad_arriving[t, low + b, n]
            slot = slot - 1 if slot > 0 else slots - 1


@njit(**OPTIONS)
def kernel_gradient(grad_x, arriving, size, result):
    """Write dL/dkernel per sample, (B, channels, channels, kh, kw) float64, to ``result``."""
    steps, batch, _ = grad_x.shape
    _, channels, _, kh, kw = result.shape
    height, width = size
    area = height * width
    for b in prange(batch):
        sums = np.zeros((channels, channels, kh, kw, width), np.float32)
        for t in range(steps):
            for o in range(channels):
                for i in range(channels):
                    for a in range(kh):
                        for k in range(kw):
                            down, shift = a - kh // 2, k - kw // 2
                            for y in range(max(0, -down), min(height, height - down)):
                                to, back = o * area + y * width, i * area + (y + down) * width + shift
                                for x in range(max(0, -shift), min(width, width - shift)):
                                    sums[o, i, a, k, x] += grad_x[t, b, to + x] * arriving[t, b, back + x]
        for o in range(channels):
            for i in range(channels):
                for a in range(kh):
                    for k in range(kw):
                        result[b, o, i, a, k] = sums[o, i, a, k].sum()
