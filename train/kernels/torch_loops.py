"""The loops of ``myelin.train.kernels.numba_loops`` as torch operations on (batch, neurons) tensors, for devices without them.

The equations and their order are the same; states are in double precision.  Spikes equal those of the compiled loops where the
input is a sum of integer weights (rounded delays).  Gradients agree to float rounding.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d

from myelin.train.kernels.delays.device_kernel import DeviceKernel
from myelin.train.kernels.delays.kernel import DelayKernel
from myelin.train.kernels.types import Neurons, Recurrent, Trace


class _Ring:
    """Ring buffer (slots, B, N) of spikes or gradients in transit; ``now`` is the slot of the current step.

    Args:
        kernel: its lags set the number of slots.
        like: a tensor (..., B, N) on the device.
        dtype: of the ring.
    """

    def __init__(self, kernel: DelayKernel | DeviceKernel, like: Tensor, dtype: torch.dtype) -> None:
        self.slots = kernel.longest + 1
        self.values = torch.zeros(self.slots, *like.shape[-2:], dtype=dtype, device=like.device)
        self.lags = torch.as_tensor(kernel.lags, device=like.device).long()[:, None]  # (P, 1, N)
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


def delay_forward(spikes: Tensor, kernel: DelayKernel | DeviceKernel) -> Tensor:
    """Delayed spikes (T, B, N), at the steps at which they arrive."""
    spikes = spikes.detach().float()
    ring, arrived, result = _Ring(kernel, spikes, torch.float64), _Sum(kernel.order, spikes), torch.empty_like(spikes)
    weights = torch.as_tensor(kernel.weights, device=spikes.device)[:, None]
    for t in range(spikes.shape[0]):
        result[t] = arrived.add(ring.take())
        ring.send(spikes[t], weights)
        ring.now = (ring.now + 1) % ring.slots
    return result


def delay_backward(
    grad_arriving: Tensor, spikes: Tensor, kernel: DelayKernel | DeviceKernel, *, learn: bool
) -> tuple[Tensor, Tensor]:
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
