"""Runs a population without recurrence through the compiled loops over time, differentiable by autograd."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from myelin.train.kernels import dispatch
from myelin.train.kernels.types import Trace
from myelin.train.neurons.neuron import Neuron


def through_loops(x: Tensor, neuron: Neuron, shift: Tensor | None = None) -> Tensor:
    """Spikes, or voltages where ``neuron`` does not spike, (T, B, N) of the summed input ``x`` (T, B, N).

    ``shift``: see ``Neuron.effective_bias``.
    """
    result: Tensor = _Loops.apply(x, neuron, *neuron.learnt_by_loops(shift))
    return result


class _Loops(torch.autograd.Function):
    """Autograd function of the loops, on (T, B, N)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, neuron: Neuron, *learnt: Tensor | None) -> Tensor:
        ctx.neuron, ctx.constants = neuron, neuron.constants(*learnt)
        trace = dispatch.forward(x, ctx.constants)
        ctx.save_for_backward(*trace)
        return trace.spikes if neuron.spiking else torch.where(trace.spikes > 0, 0.0, trace.voltage)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        trace = Trace(*ctx.saved_tensors)
        if not ctx.neuron.spiking:
            grad = torch.where(trace.spikes > 0, 0.0, grad)  # a reset is a constant
        grads = dispatch.backward(grad, trace, ctx.constants)
        return grads.x, None, *ctx.neuron.loop_gradients(grads, trace, ctx.constants)
