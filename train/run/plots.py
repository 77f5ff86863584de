"""Plots of a training run: its learning curve, and its delays before and after training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.figures import BLUE, GREEN, GREY, INK, ORANGE, accuracy_axis, figure, save, series
from myelin.train.run.files.metrics import read_metrics

#: Delays in steps, possibly fractional, by population name.
Delays = Mapping[str, npt.NDArray[Any]]
#: Errors have a logarithmic axis if the ratio of the largest to the smallest is at least this.
_LOGARITHMIC = 10


def learning_curve(path: Path, metrics: Path) -> None:
    """Plot accuracy (or error), loss and activity over the epochs of a run's metrics.jsonl; the exported epoch is marked.

    Raises:
        DataError: the file is missing, damaged or holds no epoch.
    """
    rows = read_metrics(metrics)
    epochs = np.array([row.epoch for row in rows])
    rounded = np.array([row.delays_rounded for row in rows])
    exportable = np.array([row.exportable for row in rows])
    traces = rows[0].validation_error is not None
    train, valid = (
        np.array([getattr(row, f"{part}_error") for row in rows], float)
        if traces
        else 100 * np.array([getattr(row, f"{part}_accuracy") for row in rows], float)
        for part in ("train", "validation")
    )
    drawing = figure(9.0, 7.2)
    upper, lower, activity = drawing.subplots(3, 1, sharex=True, height_ratios=[2, 1, 1])
    upper.plot(epochs, train, color=GREY, label="training")
    upper.plot(epochs, valid, color=BLUE, label="validation")
    if exportable.any():
        # among equally good epochs the last one is exported (myelin.train.run.loop)
        best = max(np.flatnonzero(exportable), key=lambda row: (-valid[row] if traces else valid[row], row))
        mark = f"exported: epoch {epochs[best]}, " + (f"{valid[best]:.3g}" if traces else f"{valid[best]:.1f} %")
        upper.plot(epochs[best], valid[best], "o", color=ORANGE, label=mark)
    if rounded.any():
        for axis, text in ((upper, "delays rounded"), (lower, None), (activity, None)):
            axis.axvspan(epochs[rounded][0] - 0.5, epochs[-1] + 0.5, color=GREEN, alpha=0.10, linewidth=0, label=text)
    if traces:
        upper.set_ylabel("mean squared error")
        if train.min() > 0 and max(train.max(), valid.max()) > _LOGARITHMIC * min(train.min(), valid.min()) > 0:
            upper.set_yscale("log")
    else:
        accuracy_axis(upper, [*train, *valid])
    upper.set_title(f"{'Error' if traces else 'Accuracy'} over the epochs", fontsize=10, loc="left")
    drawing.legend(fontsize=8, loc="outside upper right", ncols=4, frameon=False)
    lower.plot(epochs, [row.loss for row in rows], color=INK)
    lower.set_title("Training loss", fontsize=10, loc="left")
    lower.set_ylabel("loss" if traces else "loss (nats)")
    lower.set_ylim(bottom=0)
    for index, rates in enumerate(zip(*(row.rates_per_step for row in rows), strict=True)):
        if any(rates):  # a readout of voltages does not spike
            activity.plot(epochs, rates, color=series(index), label=f"layer {index}")
    if activity.get_lines():
        activity.legend(fontsize=8, frameon=False, ncols=4, loc="lower right")
    activity.set_title("Activity", fontsize=10, loc="left")
    activity.set_ylabel("spikes per neuron\nand step")
    activity.set_xlabel("epoch")
    activity.set_ylim(bottom=0)
    activity.set_xlim(epochs[0] - 0.5, epochs[-1] + 0.5)
    activity.xaxis.get_major_locator().set_params(integer=True)
    for axis in (upper, lower, activity):
        axis.grid(alpha=0.25)
    save(drawing, path)


def delay_histograms(path: Path, before: Delays, now: Delays) -> None:
    """Plot histograms of the delays before training and now: (n,) steps of each population, by name."""
    drawing = figure(9.0, max(2.4, 1.7 * len(now)))
    axes = np.atleast_1d(drawing.subplots(max(1, len(now)), 1, sharex=True))
    longest = max((float(values.max(initial=0)) for values in (*before.values(), *now.values())), default=0.0)
    edges = np.arange(np.ceil(longest) + 2) - 0.5
    for axis, name in zip(axes, now, strict=False):
        axis.hist(before[name], bins=edges, color=GREY, alpha=0.6, label="as drawn")
        axis.hist(now[name], bins=edges, histtype="step", color=BLUE, linewidth=1.4, label="now")
        moved = float(np.abs(now[name] - before[name]).mean())
        axis.set_title(f"{name}: moved {moved:.1f} steps on average", fontsize=10, loc="left")
        axis.set_ylabel("delays")
    if not now:
        axes[0].text(0.5, 0.5, "no delays in this network", ha="center", va="center", transform=axes[0].transAxes)
    else:
        axes[0].legend(fontsize=8, frameon=False)
    axes[-1].set_xlabel("delay (steps)")
    save(drawing, path)
