"""Forward and backward pass of a layer of neurons: compiled loops on the CPU, kernels or torch operations on other devices.

All compute the same integers and the same gradients.  For the equations, see ``myelin.train.kernels.numba_loops``.  Arrays are
(T, B, N).
"""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor
from torch.nn.grad import conv2d_weight

from myelin.hw_configs.errors import ConfigError, DataError
from myelin.train.kernels import numba_loops as kernels
from myelin.train.kernels.delay_kernel import DelayKernel
from myelin.train.kernels.device_kernel import DeviceKernel
from myelin.train.kernels.devices import loops_on, on_host
from myelin.train.kernels.forked import loop_here
from myelin.train.kernels.lanes import LANES
from myelin.train.kernels.layout import array
from myelin.train.kernels.types import Gradients, Neurons, Recurrent, Trace

_EMPTY = np.zeros((0, 0, 0), np.float32)
_NO_MATRIX, _NO_KERNEL = np.zeros((0, 0), np.float32), np.zeros((0, 0, 0, 0), np.float32)
_NO_VALUES = np.zeros((0, 0, 0, 0), np.float32)
#: Mask, lags, weights and order of a layer without recurrence.
_NO_DELAYS = (_NO_MATRIX, np.zeros((0, 0), np.int64), np.zeros((0, 0)), 0)

#: Upper bound on the multiplications for which OpenBLAS uses its small-matrix kernels, ``sgemm_small_matrix_permit``.
_UNCOPIED = 10**6


def forward(x: Tensor, neurons: Neurons, recurrent: Recurrent | None = None) -> Trace:
    """Trace of all time steps of a layer with input ``x`` (T, B, N) in SLAYER's units; ConfigError if sizes differ."""
    _check(x, neurons, recurrent)
    if not on_host(x):
        return Trace(*loops_on(x.device, neurons).layer_forward(x, neurons, recurrent))
    source = array(x)
    spikes, voltage = np.empty_like(source), np.empty_like(source)
    current, values = _EMPTY, _NO_VALUES
    if neurons.learn_decays:
        current, values = np.empty_like(source), np.empty((neurons.KEPT, *source.shape), np.float32)
    arriving = _EMPTY if recurrent is None else np.empty_like(source)
    with one_blas_thread_each():
        loop_here(neurons.loops()[0])(
            source, *_weights(recurrent, transposed=True), *_delays(recurrent), neurons.forward_constants(),
            _chunk(source.shape[1], recurrent), spikes, arriving, voltage, current, values,
        )  # fmt: skip
    kept = (torch.from_numpy(array) if array.size else None for array in (arriving, current, values))
    return Trace(torch.from_numpy(spikes), torch.from_numpy(voltage), *kept)


def backward(
    grad_out: Tensor, trace: Trace, neurons: Neurons, recurrent: Recurrent | None = None, *, learn_delay: bool = False
) -> Gradients:
    """Gradients from ``grad_out`` (T, B, N): dL/dspikes, or dL/dvoltage (before a reset) for neurons that never spike."""
    if not on_host(grad_out):
        run = loops_on(grad_out.device, neurons).layer_backward
        found, *per_sample = run(grad_out, trace, neurons, recurrent, learn_delay=learn_delay)
        return Gradients(found, _weight_gradient(found, trace.arriving, recurrent), *per_sample)
    spikes, voltage = array(trace.spikes), array(trace.voltage)
    grad_x = np.empty_like(voltage)
    grad_decay, grad_delay = np.zeros((neurons.LEARNT, *voltage.shape[1:])), np.zeros(voltage.shape[1:])
    current, arriving = (_EMPTY if values is None else array(values) for values in (trace.current, trace.arriving))
    kept = _NO_VALUES if trace.kept is None else array(trace.kept)
    slopes = recurrent.delay_kernel.slopes if recurrent is not None and learn_delay else _NO_DELAYS[2]
    chunk, grad_matrix = _chunk(voltage.shape[1], recurrent), _EMPTY
    if recurrent is not None and recurrent.dense and recurrent.delay_kernel.order == 0:
        grad_matrix = np.zeros((-(-voltage.shape[1] // chunk), *recurrent.weight.shape), np.float32)
    with one_blas_thread_each():
        loop_here(neurons.loops()[1])(
            array(grad_out), *_weights(recurrent, transposed=False), *_delays(recurrent), slopes, neurons.backward_constants(),
            chunk, voltage, spikes, arriving, current, kept, grad_x, grad_matrix, grad_decay, grad_delay,
        )  # fmt: skip
    found = torch.from_numpy(grad_x)
    summed = torch.from_numpy(grad_matrix.sum(axis=0)).t() if grad_matrix.size else None
    weight = _weight_gradient(found, trace.arriving, recurrent) if summed is None else summed
    return Gradients(found, weight, torch.from_numpy(grad_decay), torch.from_numpy(grad_delay))


def delay_forward(spikes: Tensor, kernel: DelayKernel | DeviceKernel) -> Tensor:
    """Delayed spikes (T, B, N), at the steps at which they arrive; ConfigError if ``kernel`` is of another size."""
    check_values(spikes)
    _check_delays(kernel, spikes.shape[2])
    if not on_host(spikes):
        return loops_on(spikes.device).delay_forward(spikes, kernel)
    source = array(spikes)
    arriving = np.empty_like(source)
    loop_here(kernels.delay_forward)(source, kernel.lags, kernel.weights, kernel.order, arriving)
    return torch.from_numpy(arriving)


def delay_backward(
    grad_arriving: Tensor, spikes: Tensor, kernel: DelayKernel | DeviceKernel, *, learn: bool
) -> tuple[Tensor, Tensor]:
    """dL/dspikes (T, B, N), and dL/d(delay) per sample (B, N), which is zero unless ``learn``."""
    if not on_host(spikes):
        return loops_on(spikes.device).delay_backward(grad_arriving, spikes, kernel, learn=learn)
    source = array(spikes)
    grad_spikes, grad_delay = np.empty_like(source), np.zeros(source.shape[1:])
    slopes = kernel.slopes if learn else kernel.slopes[:0]
    loop_here(kernels.delay_backward)(
        array(grad_arriving), source, kernel.lags, kernel.weights, kernel.order, slopes, grad_spikes, grad_delay
    )
    return torch.from_numpy(grad_spikes), torch.from_numpy(grad_delay)


def _check(x: Tensor, neurons: Neurons, recurrent: Recurrent | None) -> None:
    """Raise ConfigError unless all sizes fit: compiled loops do not look, and read or write beyond their arrays."""
    check_values(x)
    _, batch, size = x.shape
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
    if on_host(grad_x):
        per_sample = np.zeros((grad_x.shape[1], *recurrent.weight.shape))
        loop_here(kernels.kernel_gradient)(array(grad_x), array(arriving), recurrent.extent, per_sample)
        return torch.from_numpy(per_sample.sum(axis=0).astype(np.float32))
    images, grads = (values.unflatten(1, (channels, *recurrent.extent)) for values in (source, grad))
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return conv2d_weight(images, list(recurrent.weight.shape), grads, padding=[size // 2 for size in kernel])


def _weights(recurrent: Recurrent | None, *, transposed: bool) -> tuple[npt.NDArray, npt.NDArray, tuple[int, int]]:
    """Matrix, kernel (at least one of them empty) and extent."""
    if recurrent is None:
        return _NO_MATRIX, _NO_KERNEL, (0, 0)
    if recurrent.dense:
        return array(recurrent.weight.t() if transposed else recurrent.weight), _NO_KERNEL, (0, 0)
    return _NO_MATRIX, array(recurrent.weight), recurrent.extent


def _delays(recurrent: Recurrent | None) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray, int]:
    if recurrent is None:
        return _NO_DELAYS
    assert isinstance(recurrent.delay_kernel, DelayKernel)
    return array(recurrent.mask), recurrent.delay_kernel.lags, recurrent.delay_kernel.weights, recurrent.delay_kernel.order


def _chunk(batch: int, recurrent: Recurrent | None) -> int:
    """Number of samples that run through the steps together.  It depends on sizes alone, so sums do not depend on the machine.

    Normally one sample per lane, and at least two chunks: the delays and the matrix then stay in the cache of a core.  BLAS
    multiplies so few rows without first copying the matrix into another order.  For a larger matrix it makes that copy, and
    more rows share it.
    """
    if recurrent is None:
        return 1
    if recurrent.dense and LANES * recurrent.weight.numel() > _UNCOPIED:
        return min(max(batch // 4, 2 * LANES), 8 * LANES)
    return min(max(batch // 2, 1), LANES)


@contextlib.contextmanager
def one_blas_thread_each() -> Iterator[None]:
    """Keep each BLAS product inside the compiled loops on the thread that calls it."""
    with _blas().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _blas() -> ThreadpoolController:
    import scipy.linalg.cython_blas  # noqa: F401  # loads the BLAS that compiled loops call, so that the controller finds it

    return ThreadpoolController()
