"""Runs a population through the loops over time, differentiable by autograd: with or without a recurrence and weights."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from myelin.train.delay import AxonalDelay
from myelin.train.kernels import dispatch
from myelin.train.kernels.types import Fed, Feed, Recurrent, Trace
from myelin.train.neurons.neuron import Neuron


class OwnConnection(NamedTuple):
    """A recurrence for ``through_loops``.

    Attributes:
        weight: (N, N), or (channels, channels, kh, kw) over a population of channels of ``extent`` (H, W).
        delay: its delays.
        extent: (H, W) of a channel.
        mask: (B, N) factor on the recurrent output of each neuron.
    """

    weight: Tensor
    delay: AxonalDelay
    extent: tuple[int, int]
    mask: Tensor


def through_loops(
    x: Tensor,
    neuron: Neuron,
    shift: Tensor | None = None,
    connection: OwnConnection | None = None,
    weight: Tensor | None = None,
    lead: int = 0,
) -> Tensor:
    """Spikes, or voltages where ``neuron`` does not spike, (lead + T, B, N) of the summed input ``x`` (T, B, N).

    Args:
        x: summed input; with ``weight``, spikes (T, B, K).
        neuron: the population.
        shift: see ``Neuron.effective_bias``.
        connection: its recurrence, or None.
        weight: (N, K) weights that make the neurons' input of spikes, or None.
        lead: steps without input before the first, with ``weight``.

    Raises:
        NotFinite: a product of ``weight`` and ``x`` is NaN or infinite.
    """
    learnt = neuron.learnt_by_loops(shift)
    recurrent, delay = (None, None) if connection is None else (connection.weight, connection.delay.delay)
    result: Tensor = _Loops.apply(x, weight, recurrent, delay, neuron, connection, lead, *learnt)
    return result


class _Loops(torch.autograd.Function):
    """Autograd function of the loops, on (T, B, N)."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor | None,
        recurrent_weight: Tensor | None,
        delay: Tensor | None,
        neuron: Neuron,
        connection: OwnConnection | None,
        lead: int,
        *learnt: Tensor | None,
    ) -> Tensor:
        ctx.neuron, ctx.constants, ctx.connection = neuron, neuron.constants(*learnt), connection
        ctx.recurrent = None
        if connection is not None:
            kernel = connection.delay.kernel(neuron.neurons)
            ctx.recurrent = Recurrent(connection.weight.detach(), connection.extent, connection.mask, kernel)
        ctx.feed = None if weight is None else Feed(weight.detach(), lead)
        trace = dispatch.forward(x, ctx.constants, ctx.recurrent, ctx.feed)
        ctx.save_for_backward(None if weight is None else x, *trace)
        return trace.spikes if neuron.spiking else torch.where(trace.spikes > 0, 0.0, trace.voltage)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        source, *saved = ctx.saved_tensors
        trace, asked = Trace(*saved), ctx.needs_input_grad
        if not ctx.neuron.spiking:
            grad = torch.where(trace.spikes > 0, 0.0, grad)  # a reset is a constant
        fed = None
        if ctx.feed is not None:
            fed = Fed(ctx.feed, source, asked[0], asked[1], any(asked[7:]))
        grads = dispatch.backward(grad, trace, ctx.constants, ctx.recurrent, fed, learn_delay=asked[3])
        grad_delay = ctx.connection.delay.sum_gradients(grads.delay) if asked[3] else None
        learnt = ctx.neuron.loop_gradients(grads, trace, ctx.constants)
        grad_x = grads.x if fed is None else grads.source
        return grad_x, grads.feed, grads.weight, grad_delay, None, None, None, *learnt
