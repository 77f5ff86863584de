"""The gradient of one optimisation step: the mean loss of a joint batch, computed slice by slice over all processes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, nll_loss

from myelin.hw_configs.errors import MyelinError
from myelin.train.config.config import Config, TrainConfig
from myelin.train.layers.dropout import slice_of_batch
from myelin.train.model import SpikingNetwork, class_logits
from myelin.train.run.batches import Batch
from myelin.train.run.parallel import Processes


class Step(NamedTuple):
    """Mean ``loss`` of a joint batch, penalties included, and its number of ``correct`` classifications."""

    loss: float
    correct: int


class _Pass(NamedTuple):
    """The forward pass of a slice: mean loss, number of correct classifications, mean rates of the spiking layers."""

    loss: Tensor
    correct: Tensor
    rates: Tensor


def accumulate_gradient(
    model: SpikingNetwork, batch: Batch, config: Config, epoch: int, index: int, processes: Processes
) -> Step:
    """Write the gradient of the joint batch's mean loss into ``grad`` of every trained parameter.

    Slice i has n_i samples, weight w_i = n_i / sum(n), mean loss L_i and mean rates r_i of the layers.  P is the penalty on
    the rates, D the penalty on the delays::

        L = sum_i w_i L_i + P(r) + D,    r = sum_i w_i r_i
        dL = sum_i w_i (dL_i + P'(r) dr_i) + dD

    The sums run in the order of the slices.  Dropout masks are drawn for the joint batch, seeded with (seed, epoch, index).
    The graph of a slice is freed once its gradient is computed.  A rate penalty needs all rates first, so a process then
    keeps the graphs of all its slices.

    Args:
        batch: this process's part of joint batch number ``index`` of ``epoch``.
        processes: the processes that share the slices.

    Raises:
        MyelinError: the loss is not finite.
    """
    plan = config.train
    device = next(model.parameters()).device
    batch = batch._replace(spikes=batch.spikes.to(device), labels=batch.labels.to(device))
    slices = processes.slices(plan.slices_or_one)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    gradients = batch.spikes.new_zeros(len(slices.own), sum(p.numel() for p in trained))
    spiking = [block for block in model.blocks if block.neuron.spiking]
    sums = batch.spikes.new_zeros(len(slices.own), 2 + len(spiking))  # loss, correct, rates; weighted
    seed = int(np.random.SeedSequence([plan.seed, epoch, index]).generate_state(1, np.uint64)[0])
    held: list[tuple[int, float, _Pass]] = []
    for row, (first, last) in enumerate(slices.bounds(batch.joint)):
        if first == last:
            continue
        torch.manual_seed(seed)
        own = slice(first - batch.first, last - batch.first)
        with slice_of_batch(first, batch.joint):
            done = _forward(model, batch.spikes[own], batch.labels[own], config)
        weight = (last - first) / batch.joint
        sums[row] = torch.cat((weight * done.loss.detach()[None], done.correct[None], weight * done.rates.detach()))
        if plan.rate_penalty:
            held.append((row, weight, done))
        else:
            gradients[row] = _flat_gradient(weight * done.loss, trained)
    penalties = batch.spikes.new_zeros(())
    if plan.rate_penalty:
        rates = _in_order(processes.gather_rows(sums, slices.count))[2:].requires_grad_()
        penalties = plan.rate_penalty * rate_excess(list(rates), plan.rate_floor, plan.rate_target)
        (slopes,) = torch.autograd.grad(penalties, rates)
        for row, weight, done in held:
            gradients[row] = _flat_gradient(weight * (done.loss + (slopes * done.rates).sum()), trained)
    total = _in_order(processes.gather_rows(torch.cat((gradients, sums), dim=1), slices.count))
    if config.delay.penalty:  # depends on parameters alone: every process computes it
        delays = config.delay.penalty * model.mean_square_delay()
        penalties = penalties.detach() + delays.detach()
        if delays.requires_grad:
            total[: gradients.shape[1]] += _flat_gradient(delays, trained)
    offset = 0
    for parameter in trained:
        parameter.grad = total[offset : offset + parameter.numel()].view_as(parameter)
        offset += parameter.numel()
    loss = float(total[offset]) + float(penalties)
    if not math.isfinite(loss):
        raise MyelinError(f"the loss became {loss} in epoch {epoch}; lower train.learning_rate")
    return Step(loss, int(total[offset + 1]))


def rate_excess(rates: Sequence[Tensor], floor: float, target: float) -> Tensor:
    """Sum over layers of ``max(0, rate - target)^2 + max(0, floor - rate)^2``, rates in spikes per neuron and step."""
    outside = [(rate - target).clamp(min=0) ** 2 + (floor - rate).clamp(min=0) ** 2 for rate in rates]
    return torch.stack(outside).sum() if outside else torch.zeros(())


def mean_loss(logits: Tensor, labels: Tensor, plan: TrainConfig) -> Tensor:
    """Mean loss of a slice in nats, from ``logits`` (B, classes) and ``labels`` (B,)."""
    if plan.loss == "softmax":
        return nll_loss(torch.log_softmax(logits, dim=1), labels)
    return cross_entropy(logits, labels, label_smoothing=plan.label_smoothing)


def _forward(model: SpikingNetwork, spikes: Tensor, labels: Tensor, config: Config) -> _Pass:
    logits = class_logits(model(spikes), config.train.loss, config.train.logit_scale / config.neuron.threshold)
    rates = torch.stack([logits.new_zeros(()), *(block.spike_rate for block in model.blocks if block.spike_rate is not None)])[
        1:
    ]
    return _Pass(mean_loss(logits, labels, config.train), (logits.argmax(dim=1) == labels).sum().to(logits.dtype), rates)


def _flat_gradient(loss: Tensor, parameters: list[torch.nn.Parameter]) -> Tensor:
    """dloss/dparameters, flattened and concatenated; 0 for a parameter that the loss does not depend on."""
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return torch.cat([p.new_zeros(p.numel()) if g is None else g.flatten() for p, g in zip(parameters, found, strict=True)])


def _in_order(rows: Tensor) -> Tensor:
    """Sum (n,) of ``rows`` (slices, n), added in order: the same bits whichever process computed a row."""
    total = rows[0].clone()
    for row in rows[1:]:
        total += row
    return total
