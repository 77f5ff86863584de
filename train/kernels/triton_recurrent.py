"""Layers of CUBA neurons with a delayed recurrence in Triton, forward and backward.

One program runs ``BM`` samples through all steps with all neurons of the layer, ``BN`` neurons at a time.  A step has two
parts, since every neuron needs the arriving values of all others: first all arrivals, then products and neurons.  Backward, all
neurons come first, then the products.  What one part writes to global memory, other threads of the program read in the next
one, so a barrier stands between them.  States lie in global memory too, where the cache holds them: registers cannot hold those
of every layer.  A program reads nothing that was left there before it began, so it can be run again.

Forward, the spikes of a neuron in all samples of the program are the bits of one word, so one load finds what a neuron sent
``lag`` steps ago in all of them.  Backward, the gradients of arriving values lie with the samples side by side.  Both are kept
for all steps: there is no ring whose length the host would have to know.

Loops over time must not be pipelined (``num_stages=1``): loads would move ahead of the stores that they depend on.  Sizes that
change within an epoch, as the last batch does, or that no load depends on, make no kernel of their own (``_ANY``).
"""

import triton
import triton.language as tl

from myelin.train.kernels.triton_neurons import _SCALE, step, step_back, surrogate

_ANY = ("T", "B", "P", "channels", "height", "width", "tall", "wide")


@triton.jit
def _sum_over_time(value, rate, level, place, inside, ORDER: tl.constexpr):
    """``value`` summed over time ``ORDER`` times, with the running sums in memory at ``place``."""
    if ORDER >= 1:
        value += tl.load(rate + place, mask=inside, other=0.0)
        tl.store(rate + place, value, mask=inside)
    if ORDER == 2:
        value += tl.load(level + place, mask=inside, other=0.0)
        tl.store(level + place, value, mask=inside)
    return value


@triton.jit
def _convolved(values, kernel, b, here, n, inside, channels, height, width, tall, wide, BACK: tl.constexpr):
    """Same-padded convolution of ``values`` (B, channels height width) at the places (b, n); with ``BACK``, its transpose."""
    area = height * width
    own, y, x = n // area, (n % area) // width, n % width
    row = b[:, None] * (channels * area)
    acc = row.to(tl.float32) * 0.0 + n[None, :].to(tl.float32) * 0.0
    for tap in range(channels * tall * wide):
        other, down, along = tap // (tall * wide), (tap // wide) % tall - tall // 2, tap % wide - wide // 2
        at = tap % (tall * wide)
        if BACK:
            yy, xx, pair = y - down, x - along, other * channels + own
        else:
            yy, xx, pair = y + down, x + along, own * channels + other
        there = inside & (yy >= 0) & (yy < height) & (xx >= 0) & (xx < width)
        weight = tl.load(kernel + pair * (tall * wide) + at, mask=inside, other=0.0)
        place = row + (other * area + yy * width + xx)[None, :]
        acc += weight[None, :] * tl.load(values + place, mask=here[:, None] & there[None, :], other=0.0)
    return acc


@triton.jit(do_not_specialize=_ANY)
def forward_kernel(
    x, matrix, kernel, mask, lags, weights, keep_u, keep_v, bias, numbers, spikes, arriving, voltage, current,
    words, states, T, B, N, P, channels, height, width, tall, wide,
    ORDER: tl.constexpr, DENSE: tl.constexpr, HAS_BIAS: tl.constexpr, KEEP_CURRENT: tl.constexpr, PRECISION: tl.constexpr,
    BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """All steps of ``BM`` samples; see ``numba_loops.layer_forward``.

    Args:
        matrix: (N, N), from row to column, or any pointer; kernel: (channels, channels, tall, wide), or any pointer.
        lags, weights: (P, N) int32 and float64.
        words: (tiles, T, N) int32, scratch: bit b is the spike of sample b of the tile.
        states: (4, B, N) float64, scratch: current, voltage, and two running sums of arriving values.
    """
    tile = tl.program_id(0)
    rows = tl.arange(0, BM)
    b = tile * BM + rows
    here = b < B
    size = B * N
    threshold = tl.load(numbers)
    words += tile.to(tl.int64) * T * N
    rate, level = states + 2 * size, states + 3 * size
    for first in range(0, N, BN):
        n = first + tl.arange(0, BN)
        place, both = b[:, None] * N + n[None, :], here[:, None] & (n < N)[None, :]
        for which in tl.static_range(4):
            tl.store(states + which * size + place, tl.zeros((BM, BN), tl.float64), mask=both)
    tl.debug_barrier()
    for t in tl.range(0, T, num_stages=1):
        for first in tl.range(0, N, BN, num_stages=1):
            n = first + tl.arange(0, BN)
            inside = n < N
            place, both = b[:, None] * N + n[None, :], here[:, None] & inside[None, :]
            total = tl.zeros((BM, BN), tl.float64)
            for p in tl.range(0, P, num_stages=1):
                lag = tl.load(lags + p * N + n, mask=inside, other=0)
                weight = tl.load(weights + p * N + n, mask=inside, other=0.0)
                sent = t - lag
                word = tl.load(words + sent.to(tl.int64) * N + n, mask=inside & (lag > 0) & (sent >= 0), other=0)
                total += weight[None, :] * ((word[None, :] >> rows[:, None]) & 1).to(tl.float64)
            total = _sum_over_time(total, rate, level, place, both, ORDER)
            share = tl.load(mask + place, mask=both, other=0.0)
            tl.store(arriving + place, (total * share).to(tl.float32), mask=both)
        tl.debug_barrier()
        for first in tl.range(0, N, BN, num_stages=1):
            n = first + tl.arange(0, BN)
            inside = n < N
            place, both = b[:, None] * N + n[None, :], here[:, None] & inside[None, :]
            if DENSE:
                acc = tl.zeros((BM, BN), tl.float32)
                for start in tl.range(0, N, BK, num_stages=STAGES):
                    k = start + tl.arange(0, BK)
                    source = tl.load(arriving + b[:, None] * N + k[None, :], mask=here[:, None] & (k < N)[None, :], other=0.0)
                    block = tl.load(matrix + k[:, None] * N + n[None, :], mask=(k < N)[:, None] & inside[None, :], other=0.0)
                    acc = tl.dot(source, block, acc, input_precision=PRECISION)
            else:
                acc = _convolved(arriving, kernel, b, here, n, inside, channels, height, width, tall, wide, False)
            ku, kv = tl.load(keep_u + n, mask=inside, other=0.0), tl.load(keep_v + n, mask=inside, other=0.0)
            shift = tl.zeros((BN,), tl.float64)
            if HAS_BIAS:
                shift = tl.load(bias + n, mask=inside, other=0.0)
            u = tl.load(states + place, mask=both, other=0.0)
            v = tl.load(states + size + place, mask=both, other=0.0)
            u, v = step(acc + tl.load(x + place, mask=both, other=0.0), u, v, ku[None, :], kv[None, :], shift[None, :])
            fired = (v > threshold) & both
            tl.store(spikes + place, fired.to(tl.float32), mask=both)
            tl.store(voltage + place, (v / _SCALE).to(tl.float32), mask=both)
            if KEEP_CURRENT:
                tl.store(current + place, (u / _SCALE).to(tl.float32), mask=both)
            tl.store(states + place, u, mask=both)
            tl.store(states + size + place, tl.where(fired, 0.0, v), mask=both)
            word = tl.sum(fired.to(tl.int32) << rows[:, None], axis=0)
            tl.store(words + t * N + n, word, mask=inside)
        tl.debug_barrier()
        x += size
        spikes += size
        arriving += size
        voltage += size
        if KEEP_CURRENT:
            current += size


@triton.jit(do_not_specialize=_ANY)
def backward_kernel(
    grad_out, matrix, kernel, mask, lags, weights, slopes, keep_u, keep_v, numbers, spikes, voltage, current, grad_x,
    grad_decay, grad_delay, sent, grads, sums, T, B, N, P, channels, height, width, tall, wide,
    ORDER: tl.constexpr, DENSE: tl.constexpr, SPIKING: tl.constexpr, CODE: tl.constexpr, KEEP_CURRENT: tl.constexpr,
    LEARN: tl.constexpr, PRECISION: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, STAGES: tl.constexpr,
):  # fmt: skip
    """Backward pass of ``forward_kernel``, from the pointers to the last step; see ``numba_loops.layer_backward``.

    Args:
        matrix: (N, N), not transposed.
        slopes: (P, N) float64.
        sent: (tiles, T, N, BM) float32, scratch: gradient of the arriving values.
        grads: (2, B, N) float32, scratch: gradients of current and voltage.
        sums: (3, B, N) float64, scratch: running sums of gradients of spikes, twice, and of delays.
    """
    tile = tl.program_id(0)
    rows = tl.arange(0, BM)
    b = tile * BM + rows
    here = b < B
    size = B * N
    sent += tile.to(tl.int64) * T * N * BM
    rate, level, slant = sums, sums + size, sums + 2 * size
    for first in range(0, N, BN):
        n = first + tl.arange(0, BN)
        place, both = b[:, None] * N + n[None, :], here[:, None] & (n < N)[None, :]
        nothing = tl.zeros((BM, BN), tl.float64)
        for which in tl.static_range(3):
            tl.store(sums + which * size + place, nothing, mask=both)
        for which in tl.static_range(2):
            tl.store(grads + which * size + place, nothing.to(tl.float32), mask=both)
            if KEEP_CURRENT:
                tl.store(grad_decay + which * size + place, nothing, mask=both)
        if LEARN:
            tl.store(grad_delay + place, nothing, mask=both)
    tl.debug_barrier()
    for after in tl.range(0, T, num_stages=1):
        t = T - 1 - after
        for first in tl.range(0, N, BN, num_stages=1):
            n = first + tl.arange(0, BN)
            inside = n < N
            place, both = b[:, None] * N + n[None, :], here[:, None] & inside[None, :]
            total = tl.zeros((BM, BN), tl.float64)
            slanting = tl.zeros((BM, BN), tl.float64)
            for p in tl.range(0, P, num_stages=1):
                lag = tl.load(lags + p * N + n, mask=inside, other=0)
                weight = tl.load(weights + p * N + n, mask=inside, other=0.0)
                there = inside & (lag > 0) & (lag <= after)
                at = ((t + lag).to(tl.int64) * N + n) * BM
                found = tl.load(sent + at[None, :] + rows[:, None], mask=here[:, None] & there[None, :], other=0.0)
                total += weight[None, :] * found.to(tl.float64)
                if LEARN:
                    slope = tl.load(slopes + p * N + n, mask=inside, other=0.0)
                    slanting += slope[None, :] * found.to(tl.float64)
            total = _sum_over_time(total, rate, level, place, both, ORDER)
            share = tl.load(mask + place, mask=both, other=0.0)
            spike = tl.load(spikes + place, mask=both, other=0.0)
            at_v = tl.load(voltage + place, mask=both, other=0.0)
            direct = tl.load(grad_out + place, mask=both, other=0.0) + share * total.to(tl.float32)
            if LEARN:
                slanting = _sum_over_time(slanting, slant, slant, place, both, ORDER // 2)
                old = tl.load(grad_delay + place, mask=both, other=0.0)
                tl.store(grad_delay + place, old + (spike * share).to(tl.float64) * slanting, mask=both)
            if SPIKING:
                direct *= surrogate(at_v, numbers, CODE)
            grad_u = tl.load(grads + place, mask=both, other=0.0)
            grad_v = tl.load(grads + size + place, mask=both, other=0.0)
            if KEEP_CURRENT:
                at_u = tl.load(current + place, mask=both, other=0.0)
                lost_u = tl.load(grad_decay + place, mask=both, other=0.0)
                lost_v = tl.load(grad_decay + size + place, mask=both, other=0.0)
                tl.store(grad_decay + place, lost_u - (grad_u * at_u).to(tl.float64) / 4096, mask=both)
                lost_v -= (grad_v * at_v * (1.0 - spike)).to(tl.float64) / 4096
                tl.store(grad_decay + size + place, lost_v, mask=both)
            fade_u = tl.load(keep_u + n, mask=inside, other=0.0).to(tl.float32)
            fade_v = tl.load(keep_v + n, mask=inside, other=0.0).to(tl.float32)
            grad_u, grad_v = step_back(direct, grad_u, grad_v, fade_u[None, :], fade_v[None, :], spike)
            tl.store(grads + place, grad_u, mask=both)
            tl.store(grads + size + place, grad_v, mask=both)
            tl.store(grad_x + place, grad_u, mask=both)
        tl.debug_barrier()
        for first in tl.range(0, N, BN, num_stages=1):
            n = first + tl.arange(0, BN)
            inside = n < N
            if DENSE:
                acc = tl.zeros((BM, BN), tl.float32)
                for start in tl.range(0, N, BK, num_stages=STAGES):
                    k = start + tl.arange(0, BK)
                    source = tl.load(grad_x + b[:, None] * N + k[None, :], mask=here[:, None] & (k < N)[None, :], other=0.0)
                    block = tl.load(matrix + k[:, None] * N + n[None, :], mask=(k < N)[:, None] & inside[None, :], other=0.0)
                    acc = tl.dot(source, block, acc, input_precision=PRECISION)
            else:
                acc = _convolved(grad_x, kernel, b, here, n, inside, channels, height, width, tall, wide, True)
            at = (t * N + n).to(tl.int64) * BM
            tl.store(sent + at[None, :] + rows[:, None], acc, mask=here[:, None] & inside[None, :])
        tl.debug_barrier()
        grad_out -= size
        spikes -= size
        voltage -= size
        grad_x -= size
        if KEEP_CURRENT:
            current -= size
