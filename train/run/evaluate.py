"""Accuracy, scores, rates and outputs of a network over a data set."""

from __future__ import annotations

from itertools import chain
from typing import Any, NamedTuple

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch

from myelin.train.kernels.late_checks import settle
from myelin.train.model import SpikingNetwork
from myelin.train.run.batches import Batches
from myelin.train.run.objective import judged
from myelin.train.run.prefetch import prefetch_to
from myelin.train.run.processes.parallel import ALONE, Processes


class Evaluation(NamedTuple):
    """Result of an evaluation.

    Attributes:
        scores: (samples, classes) float64 sums of the readout over time steps.
        labels: what the samples should give, as in ``Batch.labels``.
        rates: mean rate of each layer, in spikes per neuron and step; 0 for a layer that does not spike.
        judged: (samples, 2) float64, see ``myelin.train.run.objective.judged``.
        task: ``classes``, ``steps`` or ``trace``.
        outputs: (samples, steps, classes) integer states or spikes; None if not asked for.
    """

    scores: npt.NDArray[np.float64]
    labels: npt.NDArray[Any]
    rates: list[float]
    judged: npt.NDArray[np.float64]
    task: str = "classes"
    outputs: npt.NDArray[np.int64] | None = None

    @property
    def prediction(self) -> npt.NDArray[np.int64]:
        """Class with the highest score, (samples,) int64."""
        return np.argmax(self.scores, axis=1)

    @property
    def mean(self) -> float:
        """What the samples are judged by: the fraction of right classes or steps, or the mean squared error of a trace."""
        total, number = self.judged.sum(axis=0)
        return float(total / number)

    @property
    def accuracy(self) -> float | None:
        """Fraction of correctly classified samples or labelled steps, 0..1; None for traces."""
        return None if self.task == "trace" else self.mean

    @property
    def error(self) -> float | None:
        """Mean squared error of traces, in the square of the output's unit; None for classes."""
        return self.mean if self.task == "trace" else None


@torch.no_grad()
def evaluate(
    model: SpikingNetwork, batches: Batches, *, keep_outputs: bool = False, processes: Processes = ALONE
) -> Evaluation:
    """Evaluation of ``model`` over all samples, without dropout or augmentation.  Delays and weights are used as they are set.

    ``processes`` share the batches; each of them returns the evaluation of all samples.
    """
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    scores, labels, outputs, rates, judgements = [], [], [], [], []
    task = batches.dataset.task
    unit = model.blocks[-1].neuron.output_scale
    for batch in prefetch_to(device, batches.in_order(processes.part(len(batches)))):
        output = model(batch.spikes).cpu()  # (B, classes, T)
        settle()
        whole = output.double() * unit
        judgements.append(judged(task, output.double().numpy(), batch.labels.numpy()))
        scores.append(whole.sum(dim=2).numpy())
        labels.append(batch.labels.numpy())
        means = [b.spike_rate if b.spike_rate is not None else output.new_zeros(()) for b in model.blocks]
        rates.append([batch.joint * mean for mean in torch.stack([mean.to(device) for mean in means]).tolist()])
        if keep_outputs:
            outputs.append(whole.permute(0, 2, 1).numpy().astype(np.int64))
    model.train(was_training)
    found = processes.gather((scores, labels, outputs, rates, judgements))
    scores, labels, outputs, rates, judgements = (list(chain.from_iterable(parts)) for parts in zip(*found, strict=True))
    return Evaluation(
        np.concatenate(scores),
        np.concatenate(labels),
        [sum(column) / len(batches.samples) for column in zip(*rates, strict=True)],
        np.concatenate(judgements),
        task,
        np.concatenate(outputs) if keep_outputs else None,
    )


@torch.no_grad()
def predictions(model: SpikingNetwork, batches: Batches) -> npt.NDArray[np.int64]:
    """Class of each sample, (samples,), or of each step, (samples, steps), by the task of the data; as ``evaluate``."""
    if batches.dataset.task != "steps":
        return evaluate(model, batches).prediction
    was_training, device = model.training, next(model.parameters()).device
    model.eval()
    found = [model(batch.spikes).argmax(dim=1).cpu().numpy() for batch in prefetch_to(device, batches.in_order())]
    model.train(was_training)
    return np.concatenate(found)
