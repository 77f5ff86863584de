"""A step of CUBA neurons for the compiled loops, forward and backward; for the equations see ``numba_loops``."""

from __future__ import annotations

import math

import numpy as np

from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX
from myelin.train.kernels.compiled.options import compiled

_WRAP, _TURN, _FULL = float(CURRENT_WRAP), 2.0 * CURRENT_WRAP, float(STATE_MAX)

#: Code of each surrogate by name, for the branches in the compiled loops.
SURROGATES = {"slayer": 0, "atan": 1, "triangle": 2}


@compiled
def new_states(rows, neurons, constants):
    """States of ``rows`` samples before the first step, a tuple of (rows, N); here current and voltage."""
    return np.zeros((rows, neurons)), np.zeros((rows, neurons))


@compiled
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


@compiled
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


@compiled
def new_gradients(rows, neurons):
    """Gradients of the states after the last step, a tuple of (rows, N); here of current and voltage."""
    return np.zeros((rows, neurons), np.float32), np.zeros((rows, neurons), np.float32)


@compiled
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


@compiled
def _decay_row(grad_u, grad_v, current, voltage, spikes, grad_decay_u, grad_decay_v):
    """Add ``-grad[t + 1] * state_after_reset[t] / 4096`` to the decay gradients (N,); call it before the carry to step t."""
    for n in range(current.shape[0]):
        grad_decay_u[n] -= grad_u[n] * current[n] / 4096.0
        grad_decay_v[n] -= grad_v[n] * voltage[n] * (1.0 - spikes[n]) / 4096.0
