"""The loops of ``myelin.train.kernels.numba_loops`` as torch operations on (batch, neurons) tensors, for devices without them.

The equations and their order are the same; states are in double precision.  Spikes equal those of the compiled loops where the
input is a sum of integer weights (rounded delays).  Gradients agree to float rounding.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX, STATE_SCALE
from myelin.train.kernels.delay_kernel import DelayKernel
from myelin.train.kernels.numba_loops import SURROGATES
from myelin.train.kernels.types import Neurons, Recurrent, Trace

_NAMES = {code: name for name, code in SURROGATES.items()}


class _Ring:
    """Ring buffer (slots, B, N) of spikes or gradients in transit; ``now`` is the slot of the current step.

    Args:
        kernel: its lags set the number of slots.
        like: a tensor (..., B, N) on the device.
        dtype: of the ring.
    """

    def __init__(self, kernel: DelayKernel, like: Tensor, dtype: torch.dtype) -> None:
        self.slots = int(kernel.lags.max(initial=0)) + 1
        self.values = torch.zeros(self.slots, *like.shape[-2:], dtype=dtype, device=like.device)
        self.lags = torch.as_tensor(kernel.lags, device=like.device)[:, None]  # (P, 1, N)
        self.now = 0

    @property
    def places(self) -> Tensor:
        """Slots of the points, (P, B, N)."""
        return ((self.now + self.lags) % self.slots).expand(-1, *self.values.shape[1:])

    def send(self, spikes: Tensor, weights: Tensor) -> None:
        """Add ``spikes`` (B, N) times ``weights`` (P, 1, N) to the slots of their arrival."""
        self.values.scatter_add_(0, self.places, weights * spikes.to(self.values.dtype))

    def take(self) -> Tensor:
        """Values (B, N) of the current step; clears its slot."""
        found = self.values[self.now].clone()
        self.values[self.now] = 0
        return found

    def look_ahead(self) -> Tensor:
        """Values at the points, (P, B, N) double."""
        return self.values.gather(0, self.places).double()


class _Sum:
    """Running sum over time: ``order`` 1 sums the values, ``order`` 2 sums those sums again, ``order`` 0 does nothing."""

    def __init__(self, order: int, like: Tensor) -> None:
        self.order = order
        self.rate = self.level = torch.zeros(like.shape[-2:], dtype=torch.float64, device=like.device)

    def add(self, value: Tensor) -> Tensor:
        """The running sum (B, N) including ``value`` (B, N)."""
        if self.order == 0:
            return value
        self.rate = self.rate + value
        self.level = self.level + self.rate
        return self.level if self.order == 2 else self.rate


class CubaSteps:
    """CUBA neurons step by step, states forward and their gradients backward; other neurons have the same methods.

    Args:
        neurons: their constants.
        like: a tensor (T, B, N) on the device.
    """

    def __init__(self, neurons: Neurons, like: Tensor) -> None:
        self.neurons = neurons
        self.keep = [torch.as_tensor(keep, device=like.device) for keep in neurons.keep]
        self.fade = [keep.float() for keep in self.keep]
        self.bias = None if neurons.bias is None else torch.as_tensor(neurons.bias, device=like.device)
        self.u = self.v = torch.zeros(like.shape[1:], dtype=torch.float64, device=like.device)
        self.grad_u = self.grad_v = torch.zeros(like.shape[1:], device=like.device)
        self.grad_decay = torch.zeros(neurons.LEARNT, *like.shape[1:], dtype=torch.float64, device=like.device)

    def integrate(self, total: Tensor) -> None:
        """Update current and voltage from the summed input ``total`` (B, N), before any reset."""
        u = torch.trunc(self.u * self.keep[0]) + torch.trunc((STATE_SCALE * total).double())
        self.u = torch.where(u > CURRENT_WRAP, u - 2 * CURRENT_WRAP, torch.where(u <= -CURRENT_WRAP, u + 2 * CURRENT_WRAP, u))
        v = torch.trunc(self.v * self.keep[1]) + self.u
        self.v = (v if self.bias is None else v + self.bias).clamp(-STATE_MAX, STATE_MAX)

    def step(self, total: Tensor) -> tuple[Tensor, Tensor]:
        """Spikes and the voltage before the reset, (B, N), for the summed input ``total``."""
        self.integrate(total)
        fired, voltage = self.v > self.neurons.threshold * STATE_SCALE, self.v / STATE_SCALE
        self.v = torch.where(fired, 0.0, self.v)
        return fired, voltage

    @property
    def current(self) -> Tensor:
        """The current after the step."""
        return self.u / STATE_SCALE

    def kept(self) -> list[Tensor]:
        """Other values of the step for ``Trace.kept``."""
        return []

    def back(self, direct: Tensor, t: int, trace: Trace) -> Tensor:
        """dL/dx of step ``t`` from ``direct`` (B, N): dL/dspikes, or dL/dvoltage of a readout."""
        spikes, voltage = trace.spikes[t], trace.voltage[t]
        if self.neurons.spiking:
            direct = direct * surrogate(voltage, self.neurons.threshold, self.neurons.surrogate)
        if trace.current is not None:
            self.grad_decay[0] -= self.grad_u * trace.current[t] / 4096
            self.grad_decay[1] -= self.grad_v * voltage * (1 - spikes) / 4096
        self.grad_v = direct + self.grad_v * self.fade[1] * (1 - spikes)
        self.grad_u = self.grad_u * self.fade[0] + self.grad_v
        return self.grad_u


def layer_forward(
    x: Tensor, neurons: Neurons, recurrent: Recurrent | None
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """Spikes, voltage, arriving spikes, current and other values; see ``myelin.train.kernels.types.Trace``."""
    x = x.detach().float()
    steps = neurons.steps(x)
    spikes, voltage = torch.empty_like(x), torch.empty_like(x)
    arriving = None if recurrent is None else torch.empty_like(x)
    current = torch.empty_like(x) if neurons.learn_decays else None
    kept = x.new_empty(neurons.KEPT, *x.shape) if neurons.learn_decays and neurons.KEPT else None
    if recurrent is not None:
        ring, total_arrived = _Ring(recurrent.delay_kernel, x, torch.float64), _Sum(recurrent.delay_kernel.order, x)
        weights = torch.as_tensor(recurrent.delay_kernel.weights, device=x.device)[:, None]
    for t in range(x.shape[0]):
        total = x[t]
        if recurrent is not None and arriving is not None:
            arriving[t] = total_arrived.add(ring.take())
            total = _recur(arriving[t], recurrent) + total
        spikes[t], voltage[t] = steps.step(total)
        if current is not None:
            current[t] = steps.current
        if kept is not None:
            kept[:, t] = torch.stack(steps.kept())
        if recurrent is not None:
            ring.send(spikes[t] * recurrent.mask, weights)
            ring.now = (ring.now + 1) % ring.slots
    return spikes, voltage, arriving, current, kept


def layer_backward(
    grad_out: Tensor, trace: Trace, neurons: Neurons, recurrent: Recurrent | None, *, learn_delay: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """dL/dx (T, B, N), ``Gradients.decay`` (constants, B, N), dL/d(delay) per sample (B, N)."""
    spikes = trace.spikes
    steps, grad_x = neurons.steps(spikes), torch.empty_like(spikes)
    grad_delay = torch.zeros(spikes.shape[1:], dtype=torch.float64, device=spikes.device)
    if recurrent is not None:
        kernel = recurrent.delay_kernel
        ring, ahead, slope = _Ring(kernel, spikes, torch.float32), _Sum(kernel.order, spikes), _Sum(kernel.order // 2, spikes)
        weights, slopes = (torch.as_tensor(values, device=spikes.device)[:, None] for values in (kernel.weights, kernel.slopes))
    for t in range(spikes.shape[0] - 1, -1, -1):
        direct = grad_out[t].float()
        if recurrent is not None:
            found = ring.look_ahead()
            direct = direct + recurrent.mask * ahead.add((weights * found).sum(0)).float()
            if learn_delay:
                grad_delay += spikes[t] * recurrent.mask * slope.add((slopes * found).sum(0))
        grad_x[t] = steps.back(direct, t, trace)
        if recurrent is not None:
            ring.values[ring.now] = _recur(grad_x[t], recurrent, backward=True)
            ring.now = (ring.now - 1) % ring.slots
    return grad_x, steps.grad_decay, grad_delay


def delay_forward(spikes: Tensor, kernel: DelayKernel) -> Tensor:
    """Delayed spikes (T, B, N), at the steps at which they arrive."""
    spikes = spikes.detach().float()
    ring, arrived, result = _Ring(kernel, spikes, torch.float64), _Sum(kernel.order, spikes), torch.empty_like(spikes)
    weights = torch.as_tensor(kernel.weights, device=spikes.device)[:, None]
    for t in range(spikes.shape[0]):
        result[t] = arrived.add(ring.take())
        ring.send(spikes[t], weights)
        ring.now = (ring.now + 1) % ring.slots
    return result


def delay_backward(grad_arriving: Tensor, spikes: Tensor, kernel: DelayKernel, *, learn: bool) -> tuple[Tensor, Tensor]:
    """dL/dspikes (T, B, N) and dL/d(delay) per sample (B, N)."""
    ring, ahead, slope = _Ring(kernel, spikes, torch.float32), _Sum(kernel.order, spikes), _Sum(kernel.order // 2, spikes)
    weights, slopes = (torch.as_tensor(values, device=spikes.device)[:, None] for values in (kernel.weights, kernel.slopes))
    result = torch.empty_like(spikes)
    grad_delay = torch.zeros(spikes.shape[1:], dtype=torch.float64, device=spikes.device)
    for t in range(spikes.shape[0] - 1, -1, -1):
        found = ring.look_ahead()
        result[t] = ahead.add((weights * found).sum(0))
        if learn:
            grad_delay += spikes[t] * slope.add((slopes * found).sum(0))
        ring.values[ring.now] = grad_arriving[t]
        ring.now = (ring.now - 1) % ring.slots
    return result, grad_delay


def surrogate(voltage: Tensor, threshold: float, code_width_scale: tuple[int, float, float]) -> Tensor:
    """Surrogate ds/dv in the shape of ``voltage``; see the table in ``myelin.train.kernels.numba_loops``."""
    code, width, scale = code_width_scale
    x = voltage / threshold - 1
    shapes = {
        "slayer": lambda: torch.exp(-x.abs() / width) / 2,
        "atan": lambda: 1 / (1 + (math.pi * x / width) ** 2),
        "triangle": lambda: (1 - x.abs() / width).clamp(min=0),
    }
    return shapes[_NAMES[code]]() * (scale / (threshold * width))


def _recur(values: Tensor, recurrent: Recurrent, *, backward: bool = False) -> Tensor:
    """W times ``values`` (B, N); with ``backward``, the transpose of W times ``values``."""
    weight = recurrent.weight
    if recurrent.dense:
        return values @ (weight if backward else weight.t())
    images = values.unflatten(1, (weight.shape[0], *recurrent.extent))
    padding = [size // 2 for size in weight.shape[2:]]
    # TF32 rounds to 10 bits what is exact in 24 bits
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return (conv_transpose2d if backward else conv2d)(images, weight, padding=padding).flatten(1)
