"""The gradient of one optimisation step: the mean loss of a joint batch, computed slice by slice over all processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import torch
from torch import Tensor

from myelin.train.config.config import Config
from myelin.train.kernels.devices import sent_to
from myelin.train.kernels.late_checks import settle
from myelin.train.layers import BatchNorm
from myelin.train.layers.dropout import slice_of_batch
from myelin.train.layers.norm import statistics_held
from myelin.train.model import SpikingNetwork
from myelin.train.run.batches import Batch
from myelin.train.run.objective import Objective, finite, objective_of
from myelin.train.run.processes.parallel import Processes


class Step(NamedTuple):
    """Mean ``loss`` of a joint batch, penalties included, and the sum that it is ``judged`` by (see ``Objective``)."""

    loss: float
    judged: float


class _Pass(NamedTuple):
    """The forward pass of a slice: mean loss, the sum that it is judged by, mean rates of the spiking layers."""

    loss: Tensor
    judged: Tensor
    rates: Tensor


def accumulate_gradient(
    model: SpikingNetwork,
    batch: Batch,
    config: Config,
    epoch: int,
    index: int,
    processes: Processes,
    objective: Objective | None = None,
) -> Step:
    """Write the gradient of the joint batch's mean loss into ``grad`` of every trained parameter.

    Slice i has n_i samples, share w_i = n_i / sum(n), mean loss L_i and mean rates r_i of the layers.  Its loss has weight
    l_i: w_i, or with labels per step its share of the labelled steps.  P is the penalty on the rates, D that on the delays::

        L = sum_i l_i L_i + P(r) + D,    r = sum_i w_i r_i
        dL = sum_i (l_i dL_i + w_i P'(r) dr_i) + dD

    The sums run in the order of the slices.  A norm folds with the statistics of each slice; its running statistics follow the
    mean over the slices, weighted by w_i, so they too are the same with any number of processes.  Dropout masks are drawn for
    the joint batch, seeded with (seed, epoch, index).
    The graph of a slice is freed once its gradient is computed.  A rate penalty needs all rates first, so a process then
    keeps the graphs of all its slices.

    Args:
        batch: this process's part of joint batch number ``index`` of ``epoch``.
        processes: the processes that share the slices.
        objective: of the run; None for the loss that ``config`` names for classes.

    Raises:
        MyelinError: the loss is not finite.
    """
    plan = config.train
    objective = objective_of(config, "classes") if objective is None else objective
    device = next(model.parameters()).device
    batch = batch._replace(spikes=batch.spikes.to(device))
    labels = sent_to(device, batch.labels)
    slices = processes.slices(plan.slices_or_one)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    gradients = batch.spikes.new_zeros(len(slices.own), sum(p.numel() for p in trained))
    spiking = [block for block in model.blocks if block.neuron.spiking]
    norms = [norm for norm in model.norms() if norm.needs_batch]
    # loss, what it is judged by, rates, statistics of norms; weighted
    sums = batch.spikes.new_zeros(len(slices.own), 2 + len(spiking) + sum(2 * norm.size for norm in norms))
    seed = int(np.random.SeedSequence([plan.seed, epoch, index]).generate_state(1, np.uint64)[0])
    held: list[tuple[int, float, float, _Pass]] = []
    for row, (first, last) in enumerate(slices.bounds(batch.joint)):
        if first == last:
            continue
        if device.type == "cpu":
            torch.default_generator.manual_seed(seed)  # torch.manual_seed takes a thousand times as long, to seed GPUs too
        else:
            torch.manual_seed(seed)
        own = slice(first - batch.first, last - batch.first)
        with slice_of_batch(first, batch.joint), statistics_held():
            done = _forward(model, batch.spikes[own], labels[own], objective)
        share = (last - first) / batch.joint
        labelled = int((batch.labels[own] >= 0).sum()) if objective.task == "steps" else last - first
        weight = labelled / batch.counted if labelled else 0.0
        loss_of_slice = done.loss if labelled else done.loss.new_zeros(())  # the mean over no step is NaN
        done = done._replace(loss=loss_of_slice)
        statistics = [norm.last.flatten() for norm in norms if norm.last is not None]
        weighted = [share * values for values in (done.rates.detach(), *statistics)]
        sums[row] = torch.cat((weight * done.loss.detach()[None], done.judged[None], *weighted))
        if plan.rate_penalty:
            held.append((row, weight, share, done))
        elif labelled:
            gradients[row] = _flat_gradient(weight * done.loss, trained)
    penalties = batch.spikes.new_zeros(())
    if plan.rate_penalty:
        rates = _in_order(processes.gather_rows(sums, slices.count))[2 : 2 + len(spiking)].requires_grad_()
        penalties = plan.rate_penalty * rate_excess(list(rates), plan.rate_floor, plan.rate_target)
        (slopes,) = torch.autograd.grad(penalties, rates)
        for row, weight, share, done in held:
            # one product where both weights are equal, so that classes give the same bits as ever
            excess = (slopes * done.rates).sum()
            loss = weight * (done.loss + excess) if weight == share else weight * done.loss + share * excess
            gradients[row] = _flat_gradient(loss, trained)
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
    _follow(norms, total[offset + 2 + len(spiking) :])
    loss, correct, penalty = torch.stack((total[offset], total[offset + 1], penalties.detach())).tolist()
    settle()  # the host has just waited for the device
    return Step(finite(loss + penalty, epoch), correct)


def _follow(norms: list[BatchNorm], statistics: Tensor) -> None:
    """Let the running statistics follow those of the joint batch: the mean over its samples of what the slices have."""
    for norm in norms:
        norm.follow(statistics[: 2 * norm.size].view(2, -1))
        statistics = statistics[2 * norm.size :]


def rate_excess(rates: Sequence[Tensor], floor: float, target: float) -> Tensor:
    """Sum over layers of ``max(0, rate - target)^2 + max(0, floor - rate)^2``, rates in spikes per neuron and step."""
    outside = [(rate - target).clamp(min=0) ** 2 + (floor - rate).clamp(min=0) ** 2 for rate in rates]
    return torch.stack(outside).sum() if outside else torch.zeros(())


def _forward(model: SpikingNetwork, spikes: Tensor, labels: Tensor, objective: Objective) -> _Pass:
    output = model(spikes)
    rates = torch.stack([output.new_zeros(()), *(block.spike_rate for block in model.blocks if block.spike_rate is not None)])
    return _Pass(*objective(output, labels), rates[1:])


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
