"""CUBA neurons in Triton: one step forward and back, and layers of them without recurrence.

The equations are those of ``myelin.train.kernels.numba_loops``; states are doubles, gradients floats.  Comparisons in place of
minimum and maximum let a NaN through, so that it reaches the loss or the gradient.

A program of a layer without recurrence holds some neurons of some samples in registers, from the first to the last step.
"""

import math

import triton
import triton.language as tl

from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX, STATE_SCALE

_WRAP = tl.constexpr(float(CURRENT_WRAP))
_FULL = tl.constexpr(float(STATE_MAX))
_SCALE = tl.constexpr(float(STATE_SCALE))
_PI = tl.constexpr(math.pi)


@triton.jit
def _toward_zero(x):
    return tl.where(x < 0, -tl.floor(-x), tl.floor(x))


@triton.jit
def step(total, u, v, keep_u, keep_v, bias):
    """Current and voltage before any reset, of the summed input ``total`` (float32) in SLAYER's units."""
    value = _toward_zero(u * keep_u) + _toward_zero((total * _SCALE).to(tl.float64))
    u = tl.where(value > _WRAP, value - 2 * _WRAP, tl.where(value <= -_WRAP, value + 2 * _WRAP, value))
    v = _toward_zero(v * keep_v) + u + bias
    return u, tl.where(v > _FULL, _FULL, tl.where(v < -_FULL, -_FULL, v))


@triton.jit
def surrogate(voltage, numbers, CODE: tl.constexpr):
    """ds/dv of ``voltage`` (float32); ``numbers``: see ``triton_loops._numbers``."""
    inverse, narrow = tl.load(numbers + 1).to(tl.float32), tl.load(numbers + 2).to(tl.float32)
    height = tl.load(numbers + 3).to(tl.float32)
    x = voltage * inverse - 1.0
    if CODE == 0:
        slope = 0.5 * height * tl.exp(-tl.abs(x) * narrow)
    elif CODE == 1:
        y = x * (_PI * narrow)
        slope = height / (1.0 + y * y)
    else:
        left = 1.0 - tl.abs(x) * narrow
        slope = height * tl.where(left < 0, 0.0, left)
    return slope


@triton.jit(do_not_specialize=["T"])
def forward_kernel(
    x, keep_u, keep_v, bias, numbers, spikes, voltage, current,
    T, size, N,
    HAS_BIAS: tl.constexpr, KEEP_CURRENT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """All steps of ``BLOCK`` of the ``size`` = B N neurons of a batch without recurrence; see ``numba_loops.layer_forward``."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    n = place % N
    ku, kv = tl.load(keep_u + n), tl.load(keep_v + n)
    shift = tl.zeros((BLOCK,), tl.float64)
    if HAS_BIAS:
        shift = tl.load(bias + n)
    threshold = tl.load(numbers)
    u = tl.zeros((BLOCK,), tl.float64)
    v = tl.zeros((BLOCK,), tl.float64)
    for _ in range(T):
        u, v = step(tl.load(x + place, mask=inside, other=0.0), u, v, ku, kv, shift)
        fired = v > threshold
        tl.store(spikes + place, fired.to(tl.float32), mask=inside)
        tl.store(voltage + place, (v / _SCALE).to(tl.float32), mask=inside)
        if KEEP_CURRENT:
            tl.store(current + place, (u / _SCALE).to(tl.float32), mask=inside)
            current += size
        v = tl.where(fired, 0.0, v)
        x += size
        spikes += size
        voltage += size


@triton.jit
def step_back(direct, grad_u, grad_v, fade_u, fade_v, spike):
    """Gradients of current (dL/dx) and voltage at step t, from those at t + 1 and ``direct``, dL/dvoltage of the step."""
    grad_v = direct + grad_v * fade_v * (1.0 - spike)
    return grad_u * fade_u + grad_v, grad_v


@triton.jit(do_not_specialize=["T"])
def backward_kernel(
    grad_out, keep_u, keep_v, numbers, spikes, voltage, current, grad_x, grad_decay,
    T, size, N,
    SPIKING: tl.constexpr, CODE: tl.constexpr, KEEP_CURRENT: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Backward pass of ``forward_kernel``, from the pointers to the last step; see ``numba_loops.layer_backward``."""
    place = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = place < size
    n = place % N
    fade_u, fade_v = tl.load(keep_u + n).to(tl.float32), tl.load(keep_v + n).to(tl.float32)
    grad_u = tl.zeros((BLOCK,), tl.float32)
    grad_v = tl.zeros((BLOCK,), tl.float32)
    decay_u = tl.zeros((BLOCK,), tl.float64)
    decay_v = tl.zeros((BLOCK,), tl.float64)
    for _ in range(T):
        direct = tl.load(grad_out + place, mask=inside, other=0.0)
        spike = tl.load(spikes + place, mask=inside, other=0.0)
        at = tl.load(voltage + place, mask=inside, other=0.0)
        if SPIKING:
            direct *= surrogate(at, numbers, CODE)
        if KEEP_CURRENT:
            decay_u -= (grad_u * tl.load(current + place, mask=inside, other=0.0)).to(tl.float64) / 4096
            decay_v -= (grad_v * at * (1.0 - spike)).to(tl.float64) / 4096
            current -= size
        grad_u, grad_v = step_back(direct, grad_u, grad_v, fade_u, fade_v, spike)
        tl.store(grad_x + place, grad_u, mask=inside)
        grad_out -= size
        spikes -= size
        voltage -= size
        grad_x -= size
    if KEEP_CURRENT:
        tl.store(grad_decay + place, decay_u, mask=inside)
        tl.store(grad_decay + size + place, decay_v, mask=inside)
