"""Plots of a run during training, and TensorBoard logs on request."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from myelin.hw_configs.parts import require
from myelin.train.kernels.layout import array
from myelin.train.model import SpikingNetwork
from myelin.train.run.metrics import METRICS, EpochMetrics
from myelin.train.run.plots import Delays, delay_histograms, learning_curve

#: Number of times that the plots are drawn in a run; also drawn at its end or interruption.  Each takes about a second.
_DRAWINGS = 4


class RunLogger:
    """Draws ``learning.png`` and ``delays.png`` into the run folder; with ``tensorboard`` also logs every epoch.

    Args:
        model: the initial model, before a state is restored: its delays are the ones before training.
        out: the run folder.
        epochs: number of epochs of the whole run.
        tensorboard: whether to write metrics and delay histograms to ``out/tensorboard``.

    Raises:
        MissingPartError: ``tensorboard`` is set and TensorBoard is not installed.
    """

    def __init__(self, model: SpikingNetwork, out: Path, epochs: int, *, tensorboard: bool = False) -> None:
        self.model, self.out, self.epochs = model, out, epochs
        self.before = delays_by_layer(model)
        self.drawn = True
        self.writer = _writer(out / "tensorboard") if tensorboard else None

    def epoch(self, metrics: EpochMetrics) -> None:
        """Log a saved epoch; draw the plots if they are due."""
        number = metrics.epoch
        self.drawn = False
        if self.writer is not None:
            for name in ("loss", "train_accuracy", "validation_accuracy", "delay_mean_steps", "delay_longest_steps", "seconds"):
                value = getattr(metrics, name)
                if value is not None:
                    self.writer.add_scalar(name, value, number)
            for index, rate in enumerate(metrics.rates_per_step):
                self.writer.add_scalar(f"rates_per_step/layer_{index}", rate, number)
            for name, delays in delays_by_layer(self.model).items():
                self.writer.add_histogram(f"delay_steps/{name.replace(', ', '/').replace(' ', '_')}", delays, number)
            self.writer.flush()
        if (number + 1) % -(-self.epochs // _DRAWINGS) == 0:
            self.draw()

    def draw(self) -> None:
        """Draw the plots again if an epoch was saved since."""
        if not self.drawn:
            learning_curve(self.out / "learning.png", self.out / METRICS)
            delay_histograms(self.out / "delays.png", self.before, delays_by_layer(self.model))
            self.drawn = True


def delays_by_layer(model: SpikingNetwork) -> Delays:
    """Copies of all delays in steps, possibly fractional, by population name."""
    found = {}
    for index, block in enumerate(model.blocks):
        recurrent = block.recurrence.delay if block.recurrence is not None else None
        for name, delay in (("recurrent delays", recurrent), ("axonal delays", block.delay)):
            if delay is not None:
                found[f"layer {index}, {name}"] = array(delay.delay).copy()
    return found


def _writer(folder: Path) -> Any:
    require("tensorboard")
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder))
