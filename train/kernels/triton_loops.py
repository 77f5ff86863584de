"""The loops of ``myelin.train.kernels.numba_loops`` as Triton kernels for GPUs.

They run CUBA neurons, with a dense or a convolutional recurrence or none.  Spikes equal those of the compiled loops where the
input is a sum of integer weights (rounded delays), and gradients agree to float rounding.  Products are in float32: TF32 would
round arriving values that are spread over several steps, those that dropout scales, gradients, and weights that are on no grid.

Sizes of the blocks depend on the sizes of a layer alone and are not tuned by trial.  A trial could choose others on the next
day, whose sums have another order, and a resumed run would not continue exactly.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any

import torch
import triton
from torch import Tensor

from myelin.hw_configs.fixed_point import STATE_SCALE
from myelin.train.kernels import triton_delay, triton_neurons, triton_recurrent
from myelin.train.kernels.delays.device_kernel import DeviceKernel
from myelin.train.kernels.delays.kernel import DelayKernel
from myelin.train.kernels.types import Neurons, Recurrent, Trace

#: Samples of a program with a recurrence: the fewest that a matrix product takes.  They are the bits of one word, up to 32.
SAMPLES = 16
#: Neurons of a block, and rows of the matrix that are read together.
COLUMNS, _DEPTH = 128, 32
#: Precision of the products: float32, or "tf32x3", three products of TF32 with the error of a few units in the last place of
#: float32.  Which one is faster has not been measured.
PRECISION = "ieee"
#: Neurons of a program without recurrence.
_BLOCK = 128
#: A product and a sum are one operation: nothing that has to be exact is changed by it.
_FUSED = {"enable_fp_fusion": True}


def layer_forward(
    x: Tensor, neurons: Neurons, recurrent: Recurrent | None
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """Spikes, voltage, arriving spikes, current and other values (none); see ``myelin.train.kernels.types.Trace``."""
    x = x.detach().contiguous()
    steps, batch, size = x.shape
    spikes, voltage = torch.empty_like(x), torch.empty_like(x)
    current = torch.empty_like(x) if neurons.learn_decays else None
    keep = [_on(x, values, torch.float64) for values in neurons.keep]
    bias = None if neurons.bias is None else _on(x, neurons.bias, torch.float64)
    kept = {"HAS_BIAS": bias is not None, "KEEP_CURRENT": current is not None}
    with _device(x):
        if recurrent is None:
            triton_neurons.forward_kernel[(triton.cdiv(batch * size, _BLOCK),)](
                x, *keep, bias, _numbers(neurons, x.device), spikes, voltage, current, steps, batch * size, size,
                **kept, BLOCK=_BLOCK, **_FUSED,
            )  # fmt: skip
            return spikes, voltage, None, current, None
        arriving, tiles = torch.empty_like(x), triton.cdiv(batch, SAMPLES)
        lags, weights, _ = _points(x, recurrent.delay_kernel)
        words = torch.empty(tiles, steps, size, dtype=torch.int32, device=x.device)
        states = torch.empty(4, batch, size, dtype=torch.float64, device=x.device)
        matrix, kernel, sizes = _weights(recurrent, transposed=True)
        triton_recurrent.forward_kernel[(tiles,)](
            x, matrix, kernel, recurrent.mask.contiguous(), lags, weights, *keep, bias, _numbers(neurons, x.device), spikes,
            arriving, voltage, current, words, states, steps, batch, size, lags.shape[0], *sizes,
            ORDER=recurrent.delay_kernel.order, DENSE=recurrent.dense, **kept, **_blocks(size),
        )  # fmt: skip
    return spikes, voltage, arriving, current, None


def layer_backward(
    grad_out: Tensor, trace: Trace, neurons: Neurons, recurrent: Recurrent | None, *, learn_delay: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """dL/dx (T, B, N), ``Gradients.decay`` (constants, B, N), dL/d(delay) per sample (B, N)."""
    spikes, grad_out = trace.spikes, grad_out.float().contiguous()
    steps, batch, size = spikes.shape
    grad_x = torch.empty_like(spikes)
    like: dict[str, Any] = {"dtype": torch.float64, "device": spikes.device}
    kept, learn = trace.current is not None, learn_delay and recurrent is not None
    grad_decay = torch.empty(neurons.LEARNT, batch, size, **like) if kept else torch.zeros(neurons.LEARNT, batch, size, **like)
    grad_delay = torch.empty(batch, size, **like) if learn else torch.zeros(batch, size, **like)
    keep = [_on(spikes, values, torch.float64) for values in neurons.keep]
    numbers = _numbers(neurons, spikes.device)
    last = [None if values is None else values[-1] for values in (spikes, trace.voltage, trace.current, grad_x)]
    how = {"SPIKING": neurons.spiking, "CODE": neurons.surrogate[0], "KEEP_CURRENT": kept}
    with _device(spikes):
        if recurrent is None:
            triton_neurons.backward_kernel[(triton.cdiv(batch * size, _BLOCK),)](
                grad_out[-1], *keep, numbers, *last, grad_decay, steps, batch * size, size, **how, BLOCK=_BLOCK, **_FUSED
            )
            return grad_x, grad_decay, grad_delay
        lags, weights, slopes = _points(spikes, recurrent.delay_kernel)
        tiles = triton.cdiv(batch, SAMPLES)
        sent = torch.empty(tiles, steps, size, SAMPLES, device=spikes.device)
        grads, sums = torch.empty(2, batch, size, device=spikes.device), torch.empty(3, batch, size, **like)
        matrix, kernel, sizes = _weights(recurrent, transposed=False)
        triton_recurrent.backward_kernel[(tiles,)](
            grad_out[-1], matrix, kernel, recurrent.mask.contiguous(), lags, weights, slopes, *keep, numbers, *last, grad_decay,
            grad_delay, sent, grads, sums, steps, batch, size, lags.shape[0], *sizes,
            ORDER=recurrent.delay_kernel.order, DENSE=recurrent.dense, **how, LEARN=learn, **_blocks(size),
        )  # fmt: skip
    return grad_x, grad_decay, grad_delay


def delay_forward(spikes: Tensor, kernel: DelayKernel | DeviceKernel) -> Tensor:
    """Delayed spikes (T, B, N), at the steps at which they arrive."""
    spikes = spikes.detach().contiguous()
    (steps, batch, size), arriving = spikes.shape, torch.empty_like(spikes)
    lags, weights, _ = _points(spikes, kernel)
    with _device(spikes):
        triton_delay.forward_kernel[(triton.cdiv(batch * size, _BLOCK),)](
            spikes,
            lags,
            weights,
            arriving,
            steps,
            batch * size,
            size,
            lags.shape[0],
            ORDER=kernel.order,
            BLOCK=_BLOCK,
            **_FUSED,
        )
    return arriving


def delay_backward(
    grad_arriving: Tensor, spikes: Tensor, kernel: DelayKernel | DeviceKernel, *, learn: bool
) -> tuple[Tensor, Tensor]:
    """dL/dspikes (T, B, N) and dL/d(delay) per sample (B, N)."""
    spikes, grad_arriving = spikes.contiguous(), grad_arriving.float().contiguous()
    (steps, batch, size), grad_spikes = spikes.shape, torch.empty_like(spikes)
    like: dict[str, Any] = {"dtype": torch.float64, "device": spikes.device}
    grad_delay = torch.empty(batch, size, **like) if learn else torch.zeros(batch, size, **like)
    lags, weights, slopes = _points(spikes, kernel)
    with _device(spikes):
        triton_delay.backward_kernel[(triton.cdiv(batch * size, _BLOCK),)](
            grad_arriving[-1], spikes[-1], lags, weights, slopes, grad_spikes[-1], grad_delay, steps, batch * size, size,
            lags.shape[0], ORDER=kernel.order, LEARN=learn, BLOCK=_BLOCK, **_FUSED,
        )  # fmt: skip
    return grad_spikes, grad_delay


def _device(x: Tensor) -> contextlib.AbstractContextManager[Any]:
    """Kernels start on torch's current GPU, which need not be that of ``x``."""
    return torch.cuda.device(x.device) if x.device.type == "cuda" else contextlib.nullcontext()


def _on(x: Tensor, values: Any, dtype: torch.dtype) -> Tensor:
    return torch.as_tensor(values, device=x.device).to(dtype).contiguous()


def _points(x: Tensor, kernel: DelayKernel | DeviceKernel) -> tuple[Tensor, Tensor, Tensor]:
    """Lags, weights and slopes (P, N) on the device of ``x``."""
    return _on(x, kernel.lags, torch.int32), _on(x, kernel.weights, torch.float64), _on(x, kernel.slopes, torch.float64)


def _weights(recurrent: Recurrent, *, transposed: bool) -> tuple[Tensor | None, Tensor | None, tuple[int, ...]]:
    """Matrix, kernel (one of them None); channels and sizes of a channel and of the kernel."""
    weight = recurrent.weight.detach()
    if recurrent.dense:
        return (weight.t() if transposed else weight).contiguous(), None, (1, 1, 1, 1, 1)
    channels, _, tall, wide = weight.shape
    return None, weight.contiguous(), (channels, *recurrent.extent, tall, wide)


def _blocks(size: int) -> dict[str, Any]:
    """Sizes of the blocks for ``size`` neurons; a product takes no fewer than 16 of each."""
    most = max(16, triton.next_power_of_2(size))
    columns = min(COLUMNS, most)
    return {
        "BM": SAMPLES, "BN": columns, "BK": min(_DEPTH, most), "STAGES": 2, "PRECISION": PRECISION,
        "num_warps": 8 if columns == COLUMNS else 4, "num_stages": 1, **_FUSED,
    }  # fmt: skip


def _numbers(neurons: Neurons, device: torch.device) -> Tensor:
    """(4,) float64: threshold in state units; of the surrogate 1 / threshold, 1 / width and scale / (threshold width)."""
    (_, width, scale), threshold = neurons.surrogate, neurons.threshold
    if isinstance(threshold, Tensor):
        threshold = threshold.double()
        ones = torch.ones_like(threshold)
        return torch.stack((threshold * STATE_SCALE, 1 / threshold, ones / width, scale / (threshold * width)))
    return _numbers_of(float(neurons.threshold), width, scale, device)


@functools.lru_cache(64)
def _numbers_of(threshold: float, width: float, scale: float, device: torch.device) -> Tensor:
    values = (threshold * STATE_SCALE, 1 / threshold, 1 / width, scale / (threshold * width))
    return torch.tensor(values, dtype=torch.float64, device=device)
