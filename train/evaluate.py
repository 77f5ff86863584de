"""Accuracy and outputs of a network over a data set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from hw_configs.fixed_point import STATE_SCALE
from train.batches import Batches
from train.model import SpikingNetwork


class Evaluation(NamedTuple):
    """``scores`` (samples, classes) float64 sums of the readout over steps, ``labels`` (samples,), mean ``rates`` of the layers
    in spikes per neuron and step, and ``outputs`` (samples, steps, classes) in integer states or spikes where asked for."""

    scores: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    rates: list[float]
    outputs: npt.NDArray[np.int64] | None = None

    @property
    def prediction(self) -> npt.NDArray[np.int64]:
        """(samples,) class with the highest score."""
        return np.argmax(self.scores, axis=1)

    @property
    def accuracy(self) -> float:
        """Fraction of samples classified right."""
        return float((self.prediction == self.labels).mean())


@torch.no_grad()
def evaluate(model: SpikingNetwork, batches: Batches, *, keep_outputs: bool = False) -> Evaluation:
    """Run ``model`` as it is set (delays, weights) over all samples, without dropout or augmentation."""
    was_training = model.training
    model.eval()
    scores, labels, outputs = [], [], []
    rates = np.zeros(len(model.blocks))
    unit = STATE_SCALE if not model.blocks[-1].neuron.spiking else 1
    for batch in batches.in_order():
        output = model(batch.spikes)  # (B, classes, T)
        whole = output.double() * unit
        scores.append(whole.sum(dim=2).numpy())
        labels.append(batch.labels.numpy())
        rates += [len(batch.labels) * float(b.spike_rate) if b.spike_rate is not None else 0.0 for b in model.blocks]
        if keep_outputs:
            outputs.append(whole.permute(0, 2, 1).numpy().astype(np.int64))
    model.train(was_training)
    return Evaluation(
        np.concatenate(scores),
        np.concatenate(labels),
        [float(rate) / len(batches.dataset) for rate in rates],
        np.concatenate(outputs) if keep_outputs else None,
    )
