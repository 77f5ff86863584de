# ruff: noqa: ANN001, ANN202
"""Steps of ALIF neurons for the loops over time, compiled and as torch operations.

In integers of 1/4096, as in ``myelin.train.kernels.numba_loops``, with rz(x) = sgn(x) * floor(|x| / 4096)::

    i     <- wrap24( rz(i * (4096 - current_decay)) + trunc(4096 x) )
    v     <- saturate24( rz(v * (4096 - voltage_decay)) + i + bias )
    theta <- rz((theta - threshold) * (4096 - threshold_decay)) + threshold
    r     <- rz(r * (4096 - refractory_decay))
    s      = v - r >= theta;  r <- r + 2 theta and theta <- theta + threshold_step where s

A spike needs v >= theta + r, so theta and r stay below 2^25 and cannot leave the 32 bit that Lava has for them.

**Gradient.**  s has the surrogate derivative with respect to v - r - theta, in units of the threshold at rest.  The gradient of
the threshold flows back over time, and through the spikes that raised it.  The jump of r is a constant, as the reset of CUBA
neurons is.  With g the derivative, T' = dL/dtheta after a spike, and everything else at step t::

    T'[t]  = (1 - threshold_decay) T[t+1]             D[t] = g[t] (dL/ds[t] + threshold_step T'[t])
    T[t]   = T'[t] - D[t]                             R[t] = (1 - refractory_decay) R[t+1] - D[t]
    G_v[t] = (1 - voltage_decay) G_v[t+1] + D[t]      G_i[t] = (1 - current_decay) G_i[t+1] + G_v[t] = dL/dx[t]

What the forward pass keeps as ``voltage`` is v - r - theta + threshold, which a spike compares with the threshold.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from myelin.hw_configs.compiling.specialised import specialised
from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX, STATE_SCALE
from myelin.train.kernels import cuba_rows, numba_loops
from myelin.train.kernels.compiled.options import DIGEST, OPTIONS, compiled
from myelin.train.kernels.torch_steps import CubaSteps, surrogate
from myelin.train.kernels.types import Neurons, Trace

_WRAP, _TURN, _FULL = float(CURRENT_WRAP), 2.0 * CURRENT_WRAP, float(STATE_MAX)
surrogate_row = cuba_rows.surrogate_row


@dataclass(frozen=True)
class AlifNeurons(Neurons):
    """Constants of ALIF neurons; ``keep`` is for current, voltage, threshold and refractory state.

    Attributes:
        threshold_step: rise of the threshold at a spike, in SLAYER's units.
    """

    threshold_step: float = 0.0

    #: The four decays and the threshold's step.
    LEARNT: ClassVar[int] = 5
    #: Voltage; threshold above rest and refractory state after a spike.
    KEPT: ClassVar[int] = 3

    def loops(self) -> tuple[Any, Any]:
        """The compiled loops, forward and backward."""
        return _loops()

    def steps(self, like: Tensor) -> AlifSteps:
        """The steps as torch operations."""
        return AlifSteps(self, like)

    def forward_constants(self) -> tuple[Any, ...]:
        """Shares kept; bias; threshold and step in state units."""
        return (*super().forward_constants(), self.threshold_step * STATE_SCALE)

    def backward_constants(self) -> tuple[Any, ...]:
        """Shares kept; threshold; code, width and scale of the surrogate; step in SLAYER's units."""
        return (*super().backward_constants(), np.float32(self.threshold_step))


@functools.cache
def _loops() -> tuple[Any, Any]:
    forward, backward = numba_loops.layer_forward.py_func, numba_loops.layer_backward.py_func
    name = f"alif_{DIGEST}"
    return (
        specialised(forward, OPTIONS, name, new_states=_new_states, step_row=_step_row),
        specialised(backward, OPTIONS, name, new_gradients=_new_gradients, step_row_back=_step_row_back),
    )


@compiled
def _new_states(rows, neurons, constants):  # type: ignore[no-untyped-def]
    """Current, voltage, threshold above rest and refractory state."""
    shape = (rows, neurons)
    return np.zeros(shape), np.zeros(shape), np.zeros(shape), np.zeros(shape)


@compiled
def _step_row(  # type: ignore[no-untyped-def]
    total,
    states,
    b,
    constants,
    spikes,
    voltage,
    current,
    kept,
    t,
    own,
):
    """See ``cuba_rows.step_row``."""
    keep_i, keep_v, keep_th, keep_r, bias, threshold, rise = constants
    i, v, th, r = states[0][b], states[1][b], states[2][b], states[3][b]
    for n in range(total.shape[0]):
        value = np.trunc(i[n] * keep_i[n]) + np.trunc(np.float64(np.float32(4096.0) * total[n]))
        i[n] = value - _TURN if value > _WRAP else value + _TURN if value <= -_WRAP else value
    if bias.size:
        for n in range(total.shape[0]):
            v[n] = min(max(np.trunc(v[n] * keep_v[n]) + i[n] + bias[n], -_FULL), _FULL)
    else:
        for n in range(total.shape[0]):
            v[n] = min(max(np.trunc(v[n] * keep_v[n]) + i[n], -_FULL), _FULL)
    for n in range(total.shape[0]):
        above, back = np.trunc(th[n] * keep_th[n]), np.trunc(r[n] * keep_r[n])
        value = v[n] - back - above
        fired = value >= threshold
        th[n] = above + rise if fired else above
        r[n] = back + 2.0 * (above + threshold) if fired else back
        spikes[n] = 1.0 if fired else 0.0
        voltage[n] = value * (1.0 / 4096.0)
    if current.size:
        for n in range(total.shape[0]):
            current[t, own, n] = i[n] / 4096.0
            kept[0, t, own, n] = v[n] / 4096.0
            kept[1, t, own, n] = th[n] / 4096.0
            kept[2, t, own, n] = r[n] / 4096.0


@compiled
def _new_gradients(rows, neurons):  # type: ignore[no-untyped-def]
    shape = (rows, neurons)
    return np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)


@compiled
def _step_row_back(  # type: ignore[no-untyped-def]
    direct,
    gradients,
    b,
    constants,
    spikes,
    voltage,
    current,
    kept,
    t,
    own,
    grad_decay,
    grad_x,
):
    """See ``cuba_rows.step_row_back``."""
    keep_i, keep_v, keep_th, keep_r, threshold, code, width, scale, rise = constants
    grad_i, grad_v, grad_th, grad_r = gradients[0][b], gradients[1][b], gradients[2][b], gradients[3][b]
    if current.size:
        for n in range(grad_x.shape[0]):
            grad_decay[0, own, n] -= grad_i[n] * current[t, own, n] / 4096.0
            grad_decay[1, own, n] -= grad_v[n] * kept[0, t, own, n] / 4096.0
            grad_decay[2, own, n] -= grad_th[n] * kept[1, t, own, n] / 4096.0
            grad_decay[3, own, n] -= grad_r[n] * kept[2, t, own, n] / 4096.0
            grad_decay[4, own, n] += grad_th[n] * keep_th[n] * spikes[n]
    for n in range(grad_x.shape[0]):
        grad_th[n] *= keep_th[n]
        direct[n] += rise * grad_th[n]
    surrogate_row(direct, voltage, threshold, code, width, scale)
    for n in range(grad_x.shape[0]):
        grad_th[n] -= direct[n]
        grad_r[n] = grad_r[n] * keep_r[n] - direct[n]
        grad_v[n] = grad_v[n] * keep_v[n] + direct[n]
        grad_i[n] = grad_i[n] * keep_i[n] + grad_v[n]
        grad_x[n] = grad_i[n]


class AlifSteps:
    """ALIF neurons as torch operations, see ``torch_steps.CubaSteps``."""

    def __init__(self, neurons: AlifNeurons, like: Tensor) -> None:
        self.neurons, self.leaky = neurons, CubaSteps(neurons, like)
        self.above = self.r = torch.zeros_like(self.leaky.u)
        self.grad_th = self.grad_r = torch.zeros_like(self.leaky.grad_u)
        self.grad_decay = self.leaky.grad_decay

    def step(self, total: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes, and v - r - theta + threshold, (B, N), for the summed input ``total``."""
        keep, threshold = self.leaky.keep, self.neurons.threshold * STATE_SCALE
        self.leaky.integrate(total)
        above, r = torch.trunc(self.above * keep[2]), torch.trunc(self.r * keep[3])
        value = self.leaky.v - r - above
        fired = value >= threshold
        self.above = torch.where(fired, above + self.neurons.threshold_step * STATE_SCALE, above)
        self.r = torch.where(fired, r + 2 * (above + threshold), r)
        return fired, value / STATE_SCALE

    @property
    def current(self) -> Tensor:
        """The current after the step."""
        return self.leaky.current

    def kept(self) -> list[Tensor]:
        """Voltage; threshold above rest and refractory state after a spike."""
        return [self.leaky.v / STATE_SCALE, self.above / STATE_SCALE, self.r / STATE_SCALE]

    def back(self, direct: Tensor, t: int, trace: Trace) -> Tensor:
        """dL/dx of step ``t`` from ``direct`` (B, N): dL/dspikes."""
        leaky, fade = self.leaky, self.leaky.fade
        if trace.current is not None and trace.kept is not None:
            states = (trace.current[t], *trace.kept[:, t])
            for place, (grad, state) in enumerate(zip((leaky.grad_u, leaky.grad_v, self.grad_th, self.grad_r), states)):
                self.grad_decay[place] -= grad * state / 4096
            self.grad_decay[4] += self.grad_th * fade[2] * trace.spikes[t]
        carried = self.grad_th * fade[2]
        direct = direct + self.neurons.threshold_step * carried
        direct = direct * surrogate(trace.voltage[t], self.neurons.threshold, self.neurons.surrogate)
        self.grad_th, self.grad_r = carried - direct, self.grad_r * fade[3] - direct
        leaky.grad_v = leaky.grad_v * fade[1] + direct
        leaky.grad_u = leaky.grad_u * fade[0] + leaky.grad_v
        return leaky.grad_u
