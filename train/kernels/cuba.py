"""Compiled CUBA neuron: SLAYER's integers forward, surrogate gradients backward.

States are integers in units of 1/4096 (``STATE_SCALE``).  Per step, with rz(x) = sgn(x) * floor(|x| / 4096)::

    u <- rz(u * (4096 - current_decay)) + trunc(4096 x)
    v <- rz(v * (4096 - voltage_decay)) + u
    s  = v > threshold;  v <- 0 where s

Source: lava-dl ``slayer/neuron/dynamics/leaky_integrator.py`` (CPU path) and ``slayer/neuron/cuba.py``.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from hw_configs.fixed_point import DECAY_UNITY, STATE_SCALE
from train.kernels.surrogate import surrogate

_SCALE = float(STATE_SCALE)
_UNITY = float(DECAY_UNITY)


@njit(inline="always")
def decay_toward_zero(state, keep):
    """rz(state * keep): the magnitude shrinks, so the result never changes sign."""
    product = np.int64(state) * np.int64(keep)
    return product >> 12 if product >= 0 else -((-product) >> 12)


@njit(inline="always")
def neuron_step(x, b, n, u, v, keep_u, keep_v, threshold, voltage):
    """One step of neuron (b, n): updates u, v in place, records the voltage before reset, returns whether it spiked.

    ``threshold`` < 0 means that the neuron never spikes (a readout).
    """
    current = decay_toward_zero(u[b, n], keep_u[n]) + np.int64(np.float32(_SCALE) * x)
    u[b, n] = current
    value = decay_toward_zero(v[b, n], keep_v[n]) + current
    voltage[b, n] = np.float32(value) / np.float32(_SCALE)
    if threshold >= 0 and value > threshold:
        v[b, n] = 0
        return True
    v[b, n] = value
    return False


@njit(parallel=True, cache=True)
def cuba_forward(x, keep_u, keep_v, threshold, spikes, voltage, current):
    """Run neurons without recurrence over all steps.

    Args:
        x: (T, B, N) float32 input in SLAYER units.
        keep_u, keep_v: (N,) int64, 4096 - decay.
        threshold: in state units, or -1 for a readout that never spikes.
        spikes: (T, B, N) float32, written.
        voltage: (T, B, N) float32, written: the voltage before reset.
        current: (T, B, N) or (0, 0, 0) float32, written unless empty.
    """
    steps, batch, neurons = x.shape
    for b in prange(batch):
        u = np.zeros((1, neurons), np.int64)
        v = np.zeros((1, neurons), np.int64)
        for t in range(steps):
            for n in range(neurons):
                fired = neuron_step(x[t, b, n], 0, n, u, v, keep_u, keep_v, threshold, voltage[t, b : b + 1])
                spikes[t, b, n] = 1.0 if fired else 0.0
                if current.shape[0] > 0:
                    current[t, b, n] = np.float32(u[0, n]) / np.float32(_SCALE)


@njit(inline="always")
def neuron_step_backward(
    grad_spike, grad_voltage, b, n, v_t, fired, fade_u, fade_v, threshold, code, width, scale, grad_u, grad_v
):
    """One step of neuron (b, n) backward: updates the carried dL/du and dL/dv in place and returns dL/dx.

    ``grad_spike`` and ``grad_voltage`` are dL/ds and the direct dL/dv of this step; ``fired`` says whether it spiked.

    The reset is treated as a constant: past a spike no gradient flows along the voltage.
    """
    carried = grad_voltage if fired else grad_voltage + grad_v[b, n] * fade_v[n]
    if threshold > 0:
        carried += grad_spike * scale / threshold * surrogate(code, (v_t - threshold) / threshold, width)
    grad_v[b, n] = carried
    total = grad_u[b, n] * fade_u[n] + carried
    grad_u[b, n] = total
    return total


@njit(parallel=True, cache=True)
def cuba_backward(
    grad_spikes,
    grad_voltage,
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
    grad_decay,
):
    """Backward of ``cuba_forward``: dL/dx and, per sample, dL/d(decays).

    Args:
        grad_spikes, grad_voltage: (T, B, N) float32; either may be empty (0, 0, 0) where nothing depends on it.
        threshold: in SLAYER units, or -1 for a readout.
        code, width, scale: the surrogate, see ``train.kernels.surrogate``.
        grad_x: (T, B, N) float32, written.
        grad_decay: (2, B, N) float64, written where ``current`` is not empty: gradients of current and voltage decay
            in units of 1/4096: ``dL/ddecay = -sum_t grad[t] * state_after_reset[t - 1] / 4096``.
    """
    steps, batch, neurons = voltage.shape
    fade_u = (keep_u / _UNITY).astype(np.float32)
    fade_v = (keep_v / _UNITY).astype(np.float32)
    for b in prange(batch):
        grad_u = np.zeros((1, neurons), np.float32)
        grad_v = np.zeros((1, neurons), np.float32)
        for t in range(steps - 1, -1, -1):
            for n in range(neurons):
                fired = threshold > 0 and spikes[t, b, n] > 0
                grad_spike = grad_spikes[t, b, n] if grad_spikes.shape[0] > 0 else np.float32(0.0)
                grad_direct = grad_voltage[t, b, n] if grad_voltage.shape[0] > 0 else np.float32(0.0)
                if current.shape[0] > 0:  # grad_u and grad_v still belong to step t + 1
                    grad_decay[0, b, n] -= grad_u[0, n] * current[t, b, n] / _UNITY
                    if not fired:
                        grad_decay[1, b, n] -= grad_v[0, n] * voltage[t, b, n] / _UNITY
                grad_x[t, b, n] = neuron_step_backward(
                    grad_spike,
                    grad_direct,
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
