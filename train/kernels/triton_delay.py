"""Delays of spikes without recurrence in Triton, forward and backward; for the equations, see ``numba_loops``.

A program holds the running sums of some neurons of some samples in registers.  It reads its input only, at the steps that the
lags name, so there is nothing to wait for.
"""

import triton
import triton.language as tl


@triton.jit(do_not_specialize=["T", "P"])
def forward_kernel(spikes, lags, weights, arriving, T, size, N, P, ORDER: tl.constexpr, BLOCK: tl.constexpr):
    """Arriving values of ``BLOCK`` of the ``size`` = B N neurons of a batch; see ``numba_loops.delay_forward``."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    n = place % N
    rate = tl.zeros((BLOCK,), tl.float64)
    level = tl.zeros((BLOCK,), tl.float64)
    for t in range(T):
        total = tl.zeros((BLOCK,), tl.float64)
        for p in range(P):
            lag = tl.load(lags + p * N + n)
            there = inside & (lag > 0) & (lag <= t)
            sent = tl.load(spikes - lag.to(tl.int64) * size + place, mask=there, other=0.0)
            total += tl.load(weights + p * N + n) * sent.to(tl.float64)
        if ORDER == 2:
            rate += total
            level += rate
            total = level
        tl.store(arriving + place, total.to(tl.float32), mask=inside)
        spikes += size
        arriving += size


@triton.jit(do_not_specialize=["T", "P"])
def backward_kernel(
    grad_arriving, spikes, lags, weights, slopes, grad_spikes, grad_delay, T, size, N, P,
    ORDER: tl.constexpr, LEARN: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Backward pass of ``forward_kernel``, from the pointers to the last step; see ``numba_loops.delay_backward``."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    n = place % N
    rate = tl.zeros((BLOCK,), tl.float64)
    level = tl.zeros((BLOCK,), tl.float64)
    slant = tl.zeros((BLOCK,), tl.float64)
    learnt = tl.zeros((BLOCK,), tl.float64)
    for after in range(T):
        total = tl.zeros((BLOCK,), tl.float64)
        slanting = tl.zeros((BLOCK,), tl.float64)
        for p in range(P):
            lag = tl.load(lags + p * N + n)
            there = inside & (lag > 0) & (lag <= after)
            found = tl.load(grad_arriving + lag.to(tl.int64) * size + place, mask=there, other=0.0).to(tl.float64)
            total += tl.load(weights + p * N + n) * found
            if LEARN:
                slanting += tl.load(slopes + p * N + n) * found
        if ORDER == 2:
            rate += total
            level += rate
            total = level
        tl.store(grad_spikes + place, total.to(tl.float32), mask=inside)
        if LEARN:
            if ORDER == 2:
                slant += slanting
                slanting = slant
            learnt += tl.load(spikes + place, mask=inside, other=0.0).to(tl.float64) * slanting
        grad_arriving -= size
        spikes -= size
        grad_spikes -= size
    if LEARN:
        tl.store(grad_delay + place, learnt, mask=inside)
