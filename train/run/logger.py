"""Plots of a run during training."""

from __future__ import annotations

import time
from pathlib import Path

from myelin.train.kernels.layout import array
from myelin.train.model import SpikingNetwork
from myelin.train.run.files.metrics import METRICS, EpochMetrics
from myelin.train.run.plots import Delays, delay_histograms, learning_curve

LEARNING, DELAYS = "learning.png", "delays.png"
#: Number of times that the plots are drawn in a run; also drawn at its end or interruption.
_DRAWINGS = 4
#: Seconds of training between two drawings, at least: each takes a part of a second, and a run may take no more.
_APART_S = 5.0


class RunLogger:
    """Draws ``learning.png`` and ``delays.png`` into the run folder.

    Args:
        model: the initial model, before a state is restored: its delays are the ones before training.
        out: the run folder.
        epochs: number of epochs of the whole run.

    Attributes:
        drawn: whether the plots show all epochs that were saved.
    """

    def __init__(self, model: SpikingNetwork, out: Path, epochs: int) -> None:
        self.model, self.out, self.epochs = model, out, epochs
        self.before = delays_by_layer(model)
        self.drawn, self._last_s = True, time.perf_counter()

    def resumed(self, epochs: int) -> None:
        """Look whether the plots show the run as it was after ``epochs``: a kill may have come before they were drawn."""
        metrics = self.out / METRICS
        self.drawn = not epochs or all(
            path.is_file() and path.stat().st_mtime_ns >= metrics.stat().st_mtime_ns
            for path in (self.out / LEARNING, self.out / DELAYS)
        )

    def epoch(self, metrics: EpochMetrics) -> None:
        """Draw the plots if they are due after a saved epoch."""
        self.drawn = False
        due = (metrics.epoch + 1) % -(-self.epochs // _DRAWINGS) == 0
        if due and time.perf_counter() - self._last_s >= _APART_S:
            self.draw()

    def draw(self) -> None:
        """Draw the plots again if an epoch was saved since."""
        if not self.drawn:
            learning_curve(self.out / LEARNING, self.out / METRICS)
            delay_histograms(self.out / DELAYS, self.before, delays_by_layer(self.model))
            self.drawn, self._last_s = True, time.perf_counter()


def delays_by_layer(model: SpikingNetwork) -> Delays:
    """Copies of all delays in steps, possibly fractional, by population name."""
    found = {}
    for index, block in enumerate(model.blocks):
        recurrent = block.recurrence.delay if block.recurrence is not None else None
        for name, delay in (("recurrent delays", recurrent), ("axonal delays", block.delay)):
            if delay is not None:
                found[f"layer {index}, {name}"] = array(delay.delay).copy()
    return found
