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

**Delay.**  A spike of neuron n at step t arrives with the weights h(lag) of ``myelin.train.kernels.delays.kernel.DelayKernel``,
given by a few points: h itself (``order`` 0), or its second difference (``order`` 2), which is zero except at the corners of a
triangle.  The arriving values are then summed twice over time; in the backward pass, so is the gradient of a spike.  So a spike
costs a few additions, however wide the triangle is.  The delay belongs to the presynaptic neuron and commutes with the weights:
spikes are delayed first and multiplied by the weights once, with one product per step.  A neuron has the same delay in all
samples.  With ``LANES`` samples side by side in memory, one vector load reads a point; a single sample would gather from many
places.

**Recurrence.**  A dense matrix, a convolution over a population of channels with ``size`` (height, width), or none.  Rings of
``longest lag + 1`` steps buffer the values in transit and stay in the cache.  Both passes walk a ring downwards: a value sent
``lag`` steps ago (backward: the gradient of an arriving value) is ``lag`` slots ahead.

**Input.**  The currents of the neurons, or spikes and the dense weights (``feed``) that make currents of them: then the
product, its gradient and that of the spikes are part of the same pass, with the values of a step still in the cache.  Products
read only the columns of entries that are not zero, if these are few (``myelin.train.kernels.compiled.products``).

**Threads.**  A chunk of samples runs from the first to the last step without waiting for another.  Every thread calls the same
loop, and takes chunk after chunk in turn until none is left (``myelin.train.kernels.compiled.pool``); so a thread that the
system interrupts does not hold up the others.  What a chunk sums does not depend on the thread.
"""

from __future__ import annotations

import numpy as np

from myelin.train.kernels.compiled.convolutions import add_kernel_gradient, convolve, convolve_transposed
from myelin.train.kernels.compiled.lanes import LANES, WIDTH, take_turn
from myelin.train.kernels.compiled.options import compiled
from myelin.train.kernels.compiled.products import add_gradient, add_product, add_product_of_rows
from myelin.train.kernels.cuba_rows import SURROGATES as SURROGATES  # its table is above
from myelin.train.kernels.cuba_rows import new_gradients, new_states, step_row, step_row_back
from myelin.train.kernels.delays.lags import by_neuron, first_places, sum_over_lags, to_lanes, to_rows


@compiled
def layer_forward(
    turn, x, feed, lead, matrix, kernel, size, mask, lags, weights, order, constants, chunk, spikes, arriving, voltage,
    current, kept, finite,
):  # fmt: skip
    """Compute all steps of a layer: with a dense or convolutional recurrence, or none (``matrix`` and ``kernel`` empty).

    Here the neurons are CUBA neurons; ``myelin.hw_configs.compiling.specialised`` makes loops of others, with a ``new_states``
    and a ``step_row`` of their own.

    Args:
        turn: (1,) int64, zero at first: the next chunk, shared by all threads.
        x: (T, B, N) float32 input in SLAYER's units, or (T, B, K) spikes with ``feed``.
        feed: panels of the (N, K) weights that make currents of spikes, or empty.
        lead: number of steps without input that come before the first of ``x``; S = lead + T below.
        matrix: panels of the (N, N) recurrent weights, or empty.
        kernel: (channels, channels, kh, kw) float32 recurrent weights over a population of channels of ``size`` (H, W).
        mask: (B, N) float32 factor on the recurrent output of a neuron.
        lags, weights, order: (P, N) int64, (P, N) float64, 0 or 2: recurrent delays, see above.
        constants: tuple of the neurons' constants.  CUBA: (4096 - decay) / 4096 of current and voltage, (N,) float64 each;
            bias, (N,) float64 in state units, or empty; threshold in state units, infinite for a readout that never spikes.
        chunk: number of samples that run together.
        spikes, voltage: (S, B, N) float32, written; the voltage before reset.
        arriving: (S, B, N) float32, written: delayed spikes as they arrive; empty without recurrence.
        current: (S, B, N) float32, written unless empty.
        kept: (K, S, B, N) float32, other values that the backward pass needs, written unless empty; CUBA: none.
        finite: (chunks,) bool, written with ``feed``: whether all currents of a chunk are finite.
    """
    steps, batch, neurons = voltage.shape
    columns, recurrent = x.shape[2], arriving.size > 0
    slots = lags.max() + 1 if recurrent else 1
    groups = (chunk + LANES - 1) // LANES
    delayed = groups if recurrent else 0
    wide = (neurons + WIDTH - 1) // WIDTH * WIDTH
    lags, weights, slopes = by_neuron(lags, weights, weights[:0])
    inputs, arrived = x.reshape(-1), arriving.reshape(-1)
    feed_size, matrix_size = (feed.shape[0], feed.shape[1]), (matrix.shape[0], matrix.shape[1])
    feed, matrix = feed.reshape(-1), matrix.reshape(-1)
    part = take_turn(turn)
    while part * chunk < batch:
        low = part * chunk
        rows = min(chunk, batch - low)
        states, total = new_states(rows, neurons, constants), np.empty((groups * LANES, wide), np.float32)
        ring = np.zeros((delayed, slots, neurons, LANES), np.float32)  # values sent
        running, found = np.zeros((delayed, 3, neurons * LANES)), np.empty((delayed, neurons, LANES), np.float32)
        padded_inputs = np.zeros((groups * LANES, columns if feed.size else 0), np.float32)
        padded, sent = np.zeros((groups * LANES, neurons), np.float32), np.empty((LANES, neurons), np.float32)
        places, watched = np.empty(max(columns, neurons), np.int64), np.zeros(neurons, np.float32)
        slot, points = slots - 1, first_places(lags, slots - 1, delayed)
        for t in range(steps):
            first = t * batch + low
            total[:] = 0.0
            if feed.size and t >= lead:
                before = (first - lead * batch) * columns
                add_product(inputs, before, columns, rows, feed, feed_size, padded_inputs, places, total)
                for b in range(rows):
                    for n in range(neurons):
                        watched[n] += total[b, n]
            for g in range(delayed):
                sum_over_lags(ring[g], points[g], weights, slopes, order, running[g], found[g], found[g])
                to_rows(found[g], arrived, (first + g * LANES) * neurons, neurons, min(LANES, rows - g * LANES))
            if matrix.size:
                add_product(arrived, first * neurons, neurons, rows, matrix, matrix_size, padded, places, total)
            for b in range(rows if kernel.size else 0):
                convolve(arriving[t, low + b], kernel, size, total[b])
            for b in range(0 if feed.size or t < lead else rows):
                for n in range(neurons):
                    total[b, n] += x[t - lead, low + b, n]
            for b in range(rows):
                own = low + b
                step_row(total[b, :neurons], states, b, constants, spikes[t, own], voltage[t, own], current, kept, t, own)
            for g in range(delayed):
                count = min(LANES, rows - g * LANES)
                for b in range(count):
                    own = low + g * LANES + b
                    for n in range(neurons):
                        sent[b, n] = spikes[t, own, n] * mask[own, n]
                to_lanes(sent.reshape(-1), 0, neurons, count, ring[g, slot])
            slot = slot - 1 if slot > 0 else slots - 1
        if finite.size:
            finite[part] = np.isfinite(watched).all()
        part = take_turn(turn)


@compiled
def layer_backward(
    turn, grad_out, x, feed, lead, matrix, kernel, size, mask, lags, weights, order, slopes, constants, chunk, voltage, spikes,
    arriving, current, kept, grad_x, grad_source, grad_feed, grad_matrix, grad_kernel, grad_decay, grad_delay,
):  # fmt: skip
    """Compute the backward pass of ``layer_forward``; other neurons have their own ``new_gradients`` and ``step_row_back``.

    Args:
        grad_out: (S, B, N) dL/dspikes, or dL/dvoltage of a readout.
        feed: panels of the transposed weights (K, N) of the spikes ``x``, or empty if ``grad_source`` is.
        matrix: panels of the transposed recurrent weights, or empty.
        slopes: (P, N) float64 d(h)/d(delay) at the same points, or its first difference if ``order`` is 2; (0, N) if no
            gradient of the delays is needed.
        constants: tuple.  CUBA: shares kept of current and voltage, (N,) float32 each; threshold in SLAYER's units, infinite
            for a readout; code, width and scale of the surrogate.
        grad_x: (S, B, N) float32, written unless empty: dL/d(input of the neurons).
        grad_source: (T, B, K) float32, written unless empty: dL/d(spikes ``x``).
        grad_feed, grad_matrix: (chunks, K, wide) and (chunks, N, wide) float32, written unless empty: dL/d(weights) of the
            feed and the recurrence per chunk, transposed; wide is N and zeros up to a multiple of ``WIDTH``.
        grad_kernel: (chunks, channels, channels, kh, kw, W) float32, written unless empty: dL/dkernel per chunk, still to be
            summed over the last axis.
        grad_decay: (constants, B, N) float64, zero on entry: dL/d(constant) per sample, CUBA: for the decays of current and
            voltage; added to if ``current`` is not empty.
        grad_delay: (B, N) float64, zero on entry: dL/d(delay) per sample; added to.
    """
    steps, batch, neurons = voltage.shape
    columns, recurrent = x.shape[2], arriving.size > 0
    slots = lags.max() + 1 if recurrent else 1
    groups, learn = (chunk + LANES - 1) // LANES, slopes.size > 0
    delayed = groups if recurrent else 0
    wide, wide_columns = (neurons + WIDTH - 1) // WIDTH * WIDTH, (columns + WIDTH - 1) // WIDTH * WIDTH
    lags, weights, slopes = by_neuron(lags, weights, slopes)
    inputs, arrived = x.reshape(-1), arriving.reshape(-1)
    feed_size, matrix_size = (feed.shape[0], feed.shape[1]), (matrix.shape[0], matrix.shape[1])
    feed, matrix = feed.reshape(-1), matrix.reshape(-1)
    part = take_turn(turn)
    while part * chunk < batch:
        low = part * chunk
        rows = min(chunk, batch - low)
        gradients, grads = new_gradients(rows, neurons), np.zeros((groups * LANES, wide), np.float32)
        back = np.zeros((groups * LANES, wide), np.float32)  # to the spikes that arrive
        source = np.empty((groups * LANES, wide_columns if grad_source.size else 0), np.float32)
        ring = np.zeros((delayed, slots, neurons, LANES), np.float32)  # gradient of the arriving values
        running = np.zeros((delayed, 3, neurons * LANES))
        ahead, slope = np.empty((neurons, LANES), np.float32), np.empty((neurons, LANES), np.float32)
        direct, slant = np.empty((groups * LANES, neurons), np.float32), np.empty((groups * LANES, neurons), np.float32)
        places, slot = np.empty(max(columns, neurons), np.int64), slots - 1
        points = first_places(lags, slot, delayed)
        if grad_feed.size:
            grad_feed[part] = 0.0
        if grad_matrix.size:
            grad_matrix[part] = 0.0
        if grad_kernel.size:
            grad_kernel[part] = 0.0
        for t in range(steps - 1, -1, -1):
            first = t * batch + low
            for g in range(delayed):
                sum_over_lags(ring[g], points[g], weights, slopes, order, running[g], ahead, slope)
                count = min(LANES, rows - g * LANES)
                to_rows(ahead, direct.reshape(-1), g * LANES * neurons, neurons, count)
                if learn:
                    to_rows(slope, slant.reshape(-1), g * LANES * neurons, neurons, count)
            for b in range(rows):
                own = low + b
                if recurrent:
                    for n in range(neurons):
                        direct[b, n] = grad_out[t, own, n] + mask[own, n] * direct[b, n]
                else:
                    for n in range(neurons):
                        direct[b, n] = grad_out[t, own, n]
                if learn:
                    for n in range(neurons):
                        grad_delay[own, n] += spikes[t, own, n] * mask[own, n] * slant[b, n]
                step_row_back(
                    direct[b], gradients, b, constants, spikes[t, own], voltage[t, own], current, kept, t, own, grad_decay,
                    grads[b, :neurons],
                )  # fmt: skip
                for n in range(neurons if grad_x.size else 0):
                    grad_x[t, own, n] = grads[b, n]
                if kernel.size:
                    convolve_transposed(grads[b], kernel, size, back[b, :neurons])
                    add_kernel_gradient(grads[b], arriving[t, own], size, grad_kernel[part])
            if matrix.size:
                back[:] = 0.0
                add_product_of_rows(grads.reshape(-1), 0, wide, 1, LANES * wide, matrix, matrix_size, back)
                add_gradient(arrived, first * neurons, neurons, rows, neurons, grads, grad_matrix[part], places)
            for g in range(delayed):
                to_lanes(back.reshape(-1), g * LANES * wide, wide, min(LANES, rows - g * LANES), ring[g, slot])
            if t >= lead and grad_feed.size:
                before = first - lead * batch
                add_gradient(inputs, before * columns, columns, rows, columns, grads, grad_feed[part], places)
            if t >= lead and grad_source.size:
                source[:] = 0.0
                add_product_of_rows(grads.reshape(-1), 0, wide, 1, LANES * wide, feed, feed_size, source)
                for b in range(rows):
                    for k in range(columns):
                        grad_source[t - lead, low + b, k] = source[b, k]
            slot = slot - 1 if slot > 0 else slots - 1
        part = take_turn(turn)
