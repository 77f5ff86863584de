"""Recurrence with learnable axonal delays: a dense matrix (DelRec) or a convolution over the neuron axis (ConvDelRec).

``I_rec[t] = W . sum_tau h(tau) s[t - tau]`` with the delay's taps h of ``train.delay``: a spike reaches the layer 1 + delay
steps later.  The delay belongs to the presynaptic neuron and so commutes with W: spikes are spread first, one product a step
follows.

Source: DelRec (Queant et al. 2025, arXiv 2509.24852 family); ConvDelRec (Zebendo et al. 2026, arXiv 2604.15997).
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor, nn

from hw_configs.errors import ConfigError
from hw_configs.fixed_point import STATE_SCALE
from train.delay import AxonalDelay
from train.kernels import kernel_gradient, layer_backward, layer_forward
from train.layers.dropout import keep_mask
from train.layout import array
from train.neurons import Cuba
from train.neurons.cuba import EMPTY, NO_KERNEL, NO_MATRIX


@contextlib.contextmanager
def one_blas_thread_each() -> Iterator[None]:
    """Products inside the compiled loops stay on the thread that makes them."""
    with _blas().limit(limits=1, user_api="blas"):
        yield


@functools.cache
def _blas() -> ThreadpoolController:
    import scipy.linalg.cython_blas  # noqa: F401  # the BLAS that compiled loops call, before it is looked for

    return ThreadpoolController()


class Recurrence(nn.Module):
    """Connection of a population to itself.

    Args:
        weight: (N, N) for a dense matrix; for a convolution (channels, channels, taps) over the neurons of each channel in a
            row, or (channels, channels, kh, kw) over a population (channels, H, W); zero padded; taps odd.
        delay: axonal delays, one for each neuron or channel.
        dropout: probability that a neuron's recurrent output is dropped for a whole sequence while training.

    Raises:
        ConfigError: the weight has another shape, or an even number of taps.
    """

    def __init__(self, weight: Tensor, delay: AxonalDelay, *, dropout: float = 0.0) -> None:
        super().__init__()
        shape = tuple(weight.shape)
        if len(shape) not in (2, 3, 4) or shape[0] != shape[1] or any(taps % 2 == 0 for taps in shape[2:]):
            raise ConfigError(
                f"recurrent weight has shape {shape}; (N, N), (channels, channels, odd taps) or (channels, channels, odd kh, "
                "odd kw) is allowed"
            )
        self.weight = nn.Parameter(weight)
        self.delay = delay
        self.dropout = dropout
        self.pre_hook_fx: Callable[[Tensor], Tensor] | None = None

    @property
    def kind(self) -> str:
        """``dense`` or ``conv``."""
        return "dense" if self.weight.dim() == 2 else "conv"

    def forward(self, x: Tensor, neuron: Cuba) -> Tensor:
        """Spikes (T, B, N) of ``neuron`` driven by ``x`` (T, B, N) and by itself."""
        weight = self.weight if self.pre_hook_fx is None else self.pre_hook_fx(self.weight)
        if self.training and self.dropout:
            mask = keep_mask(x.shape[1:], self.dropout)
        else:
            mask = torch.ones(x.shape[1:])
        return _RecurrentFunction.apply(
            x, weight, self.delay.delay, neuron.current_decay, neuron.voltage_decay, self, neuron, mask
        )

    def extent(self, neuron: Cuba) -> tuple[int, int]:
        """(H, W) of a channel of the population; neurons in a row are cut into channels of one row each."""
        if len(neuron.shape) == 3:
            return neuron.shape[1], neuron.shape[2]
        return 1, neuron.neurons // self.weight.shape[0]

    def arrays(self, weight: Tensor, neuron: Cuba, *, transposed: bool) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
        """Matrix, kernel (one of them empty) and extent of the population for the compiled loops."""
        if self.kind == "dense":
            return array(weight.t() if transposed else weight), NO_KERNEL, (0, 0)
        kernel = array(weight)
        return NO_MATRIX, kernel.reshape(*kernel.shape[:2], -1, kernel.shape[-1]), self.extent(neuron)

    def weight_gradient(self, grad_x: np.ndarray, arriving: np.ndarray, neuron: Cuba) -> Tensor:
        """dL/dW from dL/dx and what arrived, both (T, B, N)."""
        if self.kind == "dense":
            return torch.from_numpy(grad_x).flatten(0, 1).t() @ torch.from_numpy(arriving).flatten(0, 1)
        channels, *kernel = self.weight.shape[1:]
        tall, wide = kernel if len(kernel) == 2 else (1, kernel[0])
        grad = kernel_gradient(grad_x, arriving, channels, tall, wide, self.extent(neuron)).sum(axis=0)
        return torch.from_numpy(grad.astype(np.float32)).reshape(self.weight.shape)

    def chunk(self, batch: int) -> int:
        """Samples that pass the steps together: enough rows for a product, few enough that their rings stay in the cache.

        It depends on nothing but the size of the batch, so that sums do not depend on the machine.
        """
        return min(max(batch // 4, 16), 64) if self.kind == "dense" else 1


class _RecurrentFunction(torch.autograd.Function):
    """The whole sequence as one compiled loop, forward and backward; the gradient of W is one product besides."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, d: Tensor, du: Tensor, dv: Tensor, layer: Recurrence, neuron: Cuba, mask: Tensor
    ) -> Tensor:
        source, keep, taps = array(x), neuron.keep(), layer.delay.taps(x.shape[2])
        spikes, voltage, arriving = np.empty_like(source), np.empty_like(source), np.empty_like(source)
        current = np.empty_like(source) if neuron.learn_decays else EMPTY
        connection = layer.arrays(weight, neuron, transposed=True)
        chunk = layer.chunk(source.shape[1])
        with one_blas_thread_each():
            layer_forward(
                source, *connection, array(mask), taps.lags, taps.weights, taps.order, *keep,
                neuron.threshold_or_inf * STATE_SCALE, chunk, spikes, arriving, voltage, current,
            )  # fmt: skip
        ctx.layer, ctx.neuron, ctx.weight, ctx.mask, ctx.taps, ctx.keep = layer, neuron, weight.detach(), mask, taps, keep
        ctx.arrays = spikes, voltage, arriving, current
        return torch.from_numpy(spikes)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        layer, neuron, taps = ctx.layer, ctx.neuron, ctx.taps
        spikes, voltage, arriving, current = ctx.arrays
        learn = ctx.needs_input_grad[2]
        grad_x, grad_delay = np.empty_like(spikes), np.zeros(spikes.shape[1:])
        grad_decay = np.zeros((2, *spikes.shape[1:]))
        with one_blas_thread_each():
            layer_backward(
                array(grad), *layer.arrays(ctx.weight, neuron, transposed=False), array(ctx.mask),
                taps.lags, taps.weights, taps.order, taps.slopes if learn else taps.slopes[:0], *ctx.keep,
                neuron.threshold_or_inf, neuron.surrogate_code, layer.chunk(spikes.shape[1]),
                voltage, spikes, current, grad_x, grad_decay, grad_delay,
            )  # fmt: skip
        grad_d = layer.delay.sum_gradients(grad_delay) if learn else None
        decays = neuron.sum_decay_gradients(grad_decay) if neuron.learn_decays else (None, None)
        return torch.from_numpy(grad_x), layer.weight_gradient(grad_x, arriving, neuron), grad_d, *decays, None, None, None
