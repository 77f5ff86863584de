"""Forward and backward pass of a layer of neurons: compiled loops on the CPU, kernels or torch operations on other devices.

All compute the same integers and the same gradients.  For the equations, see ``myelin.train.kernels.numba_loops``.  Arrays are
(T, B, N).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.grad import conv2d_weight

from myelin.hw_configs.errors import ConfigError, DataError
from myelin.train.kernels.compiled.lanes import LANES, WIDTH
from myelin.train.kernels.compiled.pool import run
from myelin.train.kernels.compiled.products import NO_PANELS, in_panels
from myelin.train.kernels.delays import loops as delay_loops
from myelin.train.kernels.delays.device_kernel import DeviceKernel
from myelin.train.kernels.delays.kernel import DelayKernel
from myelin.train.kernels.devices import loops_on, on_host
from myelin.train.kernels.layout import array
from myelin.train.kernels.types import Fed, Feed, Gradients, Neurons, NotFinite, Recurrent, Trace

_EMPTY = np.zeros((0, 0, 0), np.float32)
_NO_KERNEL = np.zeros((0, 0, 0, 0), np.float32)
_NO_VALUES, _NO_SUMS = np.zeros((0, 0, 0, 0), np.float32), np.zeros((0, 0, 0, 0, 0, 0), np.float32)
#: Mask, lags, weights and order of a layer without recurrence.
_NO_DELAYS = (np.zeros((0, 0), np.float32), np.zeros((0, 0), np.int64), np.zeros((0, 0)), 0)

#: Numbers of float32 in a matrix that leaves room for the rest in a core's own cache.
_NEAR = 1 << 17


def forward(x: Tensor, neurons: Neurons, recurrent: Recurrent | None = None, feed: Feed | None = None) -> Trace:
    """Trace of all time steps of a layer with input ``x`` (T, B, N) in SLAYER's units, or spikes (T, B, K) with ``feed``.

    Raises:
        ConfigError: sizes differ.
        NotFinite: a current that ``feed`` makes is NaN or infinite.
    """
    _check(x, neurons, recurrent, feed)
    if not on_host(x):
        return Trace(*loops_on(x.device, neurons).layer_forward(x, neurons, recurrent))
    source, lead = array(x), 0 if feed is None else feed.lead
    steps, batch, _ = source.shape
    shape = (steps + lead, batch, neurons.keep[0].size)
    spikes, voltage = np.empty(shape, np.float32), np.empty(shape, np.float32)
    current, values = _EMPTY, _NO_VALUES
    if neurons.learn_decays:
        current, values = np.empty(shape, np.float32), np.empty((neurons.KEPT, *shape), np.float32)
    arriving = _EMPTY if recurrent is None else np.empty(shape, np.float32)
    chunk = _chunk(batch, source.shape[2], shape[2])
    parts = -(-batch // chunk)
    finite = np.ones(0 if feed is None else parts, np.bool_)
    run(
        neurons.loops()[0], parts, source, NO_PANELS if feed is None else in_panels(array(feed.weight)), lead,
        *_weights(recurrent), *_delays(recurrent), neurons.forward_constants(), chunk, spikes, arriving, voltage, current,
        values, finite,
    )  # fmt: skip
    if not finite.all():
        raise NotFinite
    kept = (torch.from_numpy(array) if array.size else None for array in (arriving, current, values))
    return Trace(torch.from_numpy(spikes), torch.from_numpy(voltage), *kept)


def backward(
    grad_out: Tensor,
    trace: Trace,
    neurons: Neurons,
    recurrent: Recurrent | None = None,
    fed: Fed | None = None,
    *,
    learn_delay: bool = False,
) -> Gradients:
    """Gradients from ``grad_out`` (T, B, N): dL/dspikes, or dL/dvoltage (before a reset) for neurons that never spike.

    ``fed``: of a forward pass with a ``feed``.
    """
    if not on_host(grad_out):
        compute = loops_on(grad_out.device, neurons).layer_backward
        found, *per_sample = compute(grad_out, trace, neurons, recurrent, learn_delay=learn_delay)
        return Gradients(found, _weight_gradient(found, trace.arriving, recurrent), *per_sample)
    spikes, voltage = array(trace.spikes), array(trace.voltage)
    _, batch, size = voltage.shape
    source = _EMPTY if fed is None else array(fed.source)
    chunk = _chunk(batch, source.shape[2] or size, size)
    parts = -(-batch // chunk)
    grad_x, grad_source, grad_feed = np.empty_like(voltage), _EMPTY, _EMPTY
    grad_matrix, grad_kernel = _EMPTY, _NO_SUMS
    grad_decay, grad_delay = np.zeros((neurons.LEARNT, batch, size)), np.zeros((batch, size))
    current, arriving = (_EMPTY if values is None else array(values) for values in (trace.current, trace.arriving))
    kept = _NO_VALUES if trace.kept is None else array(trace.kept)
    slopes = recurrent.delay_kernel.slopes if recurrent is not None and learn_delay else _NO_DELAYS[2]
    transposed, wide = NO_PANELS, -(-size // WIDTH) * WIDTH
    if fed is not None:
        if fed.learn_source:
            transposed, grad_source = in_panels(array(fed.feed.weight.t())), np.empty_like(source)
        if fed.learn_weight:
            grad_feed = np.empty((parts, source.shape[2], wide), np.float32)
        if not fed.keep_gradient:
            grad_x = _EMPTY
    if recurrent is not None and recurrent.dense:
        grad_matrix = np.empty((parts, size, wide), np.float32)
    elif recurrent is not None:
        grad_kernel = np.empty((parts, *recurrent.weight.shape, recurrent.extent[1]), np.float32)
    run(
        neurons.loops()[1], parts, array(grad_out), source, transposed, 0 if fed is None else fed.feed.lead,
        *_weights(recurrent, transposed=True), *_delays(recurrent), slopes, neurons.backward_constants(), chunk, voltage,
        spikes, arriving, current, kept, grad_x, grad_source, grad_feed, grad_matrix, grad_kernel, grad_decay, grad_delay,
    )  # fmt: skip
    weight = _summed(grad_matrix, size)
    if grad_kernel.size:
        weight = torch.from_numpy(grad_kernel.sum(axis=(0, -1), dtype=np.float64).astype(np.float32))
    return Gradients(
        torch.from_numpy(grad_x), weight, torch.from_numpy(grad_decay), torch.from_numpy(grad_delay),
        _summed(grad_feed, size), torch.from_numpy(grad_source) if grad_source.size else None,
    )  # fmt: skip


def delay_forward(spikes: Tensor, kernel: DelayKernel | DeviceKernel, mask: Tensor | None = None, lead: int = 0) -> Tensor:
    """Delayed spikes, at the steps at which they arrive, without the first ``lead`` ones: (T - lead, B, N) from (T, B, N).

    Args:
        spikes: (T, B, N).
        kernel: of the delays.
        mask: (B, N) factor on the spikes of a neuron; None: none.
        lead: number of steps to leave out.

    Raises:
        ConfigError: ``kernel`` is of another size.
    """
    check_values(spikes)
    _check_delays(kernel, spikes.shape[2])
    if not on_host(spikes):
        return loops_on(spikes.device).delay_forward(spikes if mask is None else spikes * mask, kernel)[lead:]
    source = array(spikes)
    arriving = np.empty((source.shape[0] - lead, *source.shape[1:]), np.float32)
    run(
        delay_loops.delay_forward, -(-source.shape[1] // LANES), source, _mask(spikes, mask), kernel.lags, kernel.weights,
        kernel.order, lead, arriving,
    )  # fmt: skip
    return torch.from_numpy(arriving)


def delay_backward(
    grad_arriving: Tensor,
    spikes: Tensor,
    kernel: DelayKernel | DeviceKernel,
    mask: Tensor | None = None,
    lead: int = 0,
    *,
    learn: bool,
) -> tuple[Tensor, Tensor]:
    """dL/dspikes (T, B, N), and dL/d(delay) per sample (B, N), which is zero unless ``learn``; see ``delay_forward``."""
    if not on_host(spikes):
        grad = torch.cat((grad_arriving.new_zeros(lead, *grad_arriving.shape[1:]), grad_arriving)) if lead else grad_arriving
        sent = spikes if mask is None else spikes * mask
        found, per_sample = loops_on(spikes.device).delay_backward(grad, sent, kernel, learn=learn)
        return found if mask is None else found * mask, per_sample
    source = array(spikes)
    grad_spikes, grad_delay = np.empty_like(source), np.zeros(source.shape[1:])
    slopes = kernel.slopes if learn else kernel.slopes[:0]
    run(
        delay_loops.delay_backward, -(-source.shape[1] // LANES), array(grad_arriving), source, _mask(spikes, mask),
        kernel.lags, kernel.weights, kernel.order, slopes, lead, grad_spikes, grad_delay,
    )  # fmt: skip
    return torch.from_numpy(grad_spikes), torch.from_numpy(grad_delay)


def shifted(values: Tensor, later: int, steps: int, mask: Tensor | None = None) -> Tensor:
    """``values`` (T, B, N) times ``mask`` (B, N), ``later`` steps later, as (steps, B, N) with zeros elsewhere; on the CPU."""
    source = array(values)
    result = np.empty((steps, *source.shape[1:]), np.float32)
    run(delay_loops.shift, -(-source.shape[1] // LANES), source, _mask(values, mask), later, result)
    return torch.from_numpy(result)


def _check(x: Tensor, neurons: Neurons, recurrent: Recurrent | None, feed: Feed | None) -> None:
    """Raise ConfigError unless all sizes fit: compiled loops do not look, and read or write beyond their arrays."""
    check_values(x)
    _, batch, size = x.shape
    if feed is not None:
        if feed.weight.dim() != 2 or feed.weight.shape[1] != size:
            raise ConfigError(f"the input has {size} values, the weights are {tuple(feed.weight.shape)}; (N, {size}) is needed")
        size = feed.weight.shape[0]
    for keep in neurons.keep:
        if keep.shape != (size,):
            raise ConfigError(f"the input has {size} neurons and {math.prod(keep.shape)} decays; give them the same number")
    if neurons.bias is not None and neurons.bias.shape != (size,):
        raise ConfigError(f"the input has {size} neurons and {math.prod(neurons.bias.shape)} biases; give them the same number")
    if recurrent is None:
        return
    weight, area = recurrent.weight, math.prod(recurrent.extent)
    if recurrent.dense:
        fits = weight.shape == (size, size)
    else:
        fits = weight.dim() == 4 and weight.shape[0] == weight.shape[1] and weight.shape[0] * area == size
    if not fits:
        raise ConfigError(f"recurrent weight has shape {tuple(weight.shape)}; it does not fit {size} neurons")
    if recurrent.mask.shape != (batch, size):
        raise ConfigError(f"recurrent mask has shape {tuple(recurrent.mask.shape)}; ({batch}, {size}) is needed")
    _check_delays(recurrent.delay_kernel, size)


def _check_delays(kernel: DelayKernel | DeviceKernel, neurons: int) -> None:
    if kernel.lags.shape[1] != neurons:
        raise ConfigError(f"{kernel.lags.shape[1]} delays do not fit {neurons} neurons; give one per neuron")


def check_values(x: Tensor) -> None:
    """Raise DataError unless ``x`` is float32 with three axes."""
    if x.dim() != 3 or x.dtype != torch.float32:
        raise DataError(
            f"input of the neurons is {x.dtype} of shape {tuple(x.shape)}; float32 (steps, batch, neurons) is needed"
        )


def _weight_gradient(grad_x: Tensor, arriving: Tensor | None, recurrent: Recurrent | None) -> Tensor | None:
    """dL/dW of the recurrence: one matrix product over all steps and samples, or a correlation for a kernel."""
    if recurrent is None or arriving is None:
        return None
    grad, source = grad_x.flatten(0, 1), arriving.flatten(0, 1)  # (T B, N)
    if recurrent.dense:
        return grad.t() @ source
    channels, _, *kernel = recurrent.weight.shape
    images, grads = (values.unflatten(1, (channels, *recurrent.extent)) for values in (source, grad))
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return conv2d_weight(images, list(recurrent.weight.shape), grads, padding=[size // 2 for size in kernel])


def _summed(parts: npt.NDArray[np.float32], rows: int) -> Tensor | None:
    """The gradient (rows, K) of a weight from those of all chunks, (chunks, K, wide) transposed; None if there are none."""
    return torch.from_numpy(parts.sum(axis=0)).t()[:rows] if parts.size else None


def _weights(
    recurrent: Recurrent | None, *, transposed: bool = False
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], tuple[int, int]]:
    """Panels of the matrix, kernel (at least one of them empty) and extent."""
    if recurrent is None:
        return NO_PANELS, _NO_KERNEL, (0, 0)
    if recurrent.dense:
        return in_panels(array(recurrent.weight.t() if transposed else recurrent.weight)), _NO_KERNEL, (0, 0)
    return NO_PANELS, array(recurrent.weight), recurrent.extent


def _delays(recurrent: Recurrent | None) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray, int]:
    if recurrent is None:
        return _NO_DELAYS
    assert isinstance(recurrent.delay_kernel, DelayKernel)
    return array(recurrent.mask), recurrent.delay_kernel.lags, recurrent.delay_kernel.weights, recurrent.delay_kernel.order


def _mask(like: Tensor, mask: Tensor | None) -> npt.NDArray[np.float32]:
    return np.ones(tuple(like.shape[1:]), np.float32) if mask is None else array(mask)


def _chunk(batch: int, inputs: int, neurons: int) -> int:
    """Number of samples that run through the steps together.  It depends on sizes alone, so sums do not depend on the machine.

    Normally one sample per lane, and at least two chunks: the delays and the weights then stay in the cache of a core.  Larger
    weights do not, and more rows share what is read of them.
    """
    if max(inputs, neurons) * neurons > _NEAR:
        return min(max(batch // 4, 2 * LANES), 8 * LANES)
    return min(max(batch // 2, 1), LANES)
