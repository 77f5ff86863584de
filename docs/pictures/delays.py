"""Draws ``delays.svg``: a spike's way from neuron to neuron, in training and on the chip."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from myelin.hw_configs.figures import BLUE, INK, ORANGE

SENT, DELAY, STEPS = 3, 5, 14
ARRIVES = SENT + 1 + DELAY


def row(axes: Axes, y: float, label: str) -> None:
    """A line of steps."""
    axes.plot([0, STEPS], [y, y], color=INK, lw=0.8)
    axes.text(-0.4, y, label, ha="right", va="center")
    for step in range(STEPS + 1):
        axes.plot([step, step], [y - 0.05, y + 0.05], color=INK, lw=0.8)


def draw() -> None:
    """Write the picture."""
    plt.rcParams.update({"font.size": 10, "svg.fonttype": "none", "svg.hashsalt": "myelin", "font.family": "sans-serif"})
    figure, (spread, rounded, chip) = plt.subplots(3, 1, figsize=(9, 7.2), gridspec_kw={"height_ratios": [1.2, 1, 1]})
    for axes in (spread, rounded, chip):
        axes.set_axis_off()
        axes.set_xlim(-3.4, STEPS + 0.6)
    for axes, title in (
        (spread, "In training, at first: the arrival is spread"),
        (rounded, "In training, later: the arrival is one step"),
    ):
        axes.set_ylim(-0.45, 2.2)
        axes.set_title(title, loc="left", fontsize=11)
        row(axes, 1.5, "neuron j sends")
        row(axes, 0.0, "neuron i receives")
        axes.plot([SENT, SENT], [1.5, 1.95], color=BLUE, lw=3)
        axes.text(SENT, 2.02, "t", ha="center", va="bottom", color=BLUE)
    sigma, delay = 2.0, DELAY + 0.3
    taps = np.arange(STEPS + 1)
    heights = np.maximum(0, 1 + sigma - np.abs(taps - SENT - 1 - delay)) / (1 + sigma) ** 2
    line = np.linspace(SENT + delay - 1 - sigma + 1, SENT + 1 + delay + 1 + sigma, 200)
    spread.plot(line, 2.2 * np.maximum(0, 1 + sigma - np.abs(line - SENT - 1 - delay)) / (1 + sigma) ** 2, color=ORANGE, lw=1)
    for step, height in zip(taps, heights, strict=True):
        spread.plot([step, step], [0, 2.2 * height], color=ORANGE, lw=3)
    spread.annotate("", (SENT + 1 + delay, 1.05), (SENT, 1.05), arrowprops={"arrowstyle": "->", "color": INK})
    spread.text(SENT + 3.2, 1.12, "1 + d = 6.3 steps; σ fades", ha="center", va="bottom")
    spread.text(SENT + 1 + delay, -0.12, "the gradient moves the centre", ha="center", va="top", color=ORANGE)
    rounded.plot([ARRIVES, ARRIVES], [0, 0.6], color=ORANGE, lw=3)
    rounded.annotate("", (ARRIVES, 1.05), (SENT, 1.05), arrowprops={"arrowstyle": "->", "color": INK})
    rounded.text((SENT + ARRIVES) / 2, 1.12, "1 + round(d) = 6 steps", ha="center", va="bottom")
    rounded.text(ARRIVES, -0.12, "straight-through, then frozen", ha="center", va="top", color=ORANGE)
    chip.set_ylim(-0.9, 1.7)
    chip.set_title("On the chip: a ring of sums at neuron i, one slot for each step of arrival", loc="left", fontsize=11)
    for slot in range(8):
        face = ORANGE if slot == DELAY + 1 else "none"
        chip.add_patch(plt.Rectangle((slot * 1.5, 0), 1.4, 0.8, facecolor=face, edgecolor=INK, lw=0.8))
        chip.text(slot * 1.5 + 0.7, -0.12, f"t + {slot}" if slot else "t, read", ha="center", va="top")
    chip.text(-0.4, 0.4, "neuron i", ha="right", va="center")
    chip.text((DELAY + 1) * 1.5 + 0.7, 0.4, "+ w", ha="center", va="center", color="white", fontweight="bold")
    chip.annotate(
        "spike of j, delay 5", ((DELAY + 1) * 1.5 + 0.7, 0.82), (0.7, 1.35), va="center",
        arrowprops={"arrowstyle": "->", "color": BLUE, "connectionstyle": "angle3,angleA=0,angleB=90"}, color=BLUE,
    )  # fmt: skip
    figure.tight_layout()
    figure.savefig(Path(__file__).with_suffix(".svg"), metadata={"Date": None})


if __name__ == "__main__":
    draw()
