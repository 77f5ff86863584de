"""Pictures of the tasks: accuracy against parameters and against the longest delay, and histograms of learned delays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from myelin.hw_configs.figures import BLUE, GREEN, ORANGE, figure, save

#: Label of a point, its colour and its mark.
_GROUPS = {
    "with delays": ("integer networks with delays", BLUE, "o"),
    "without": ("integer networks without", GREEN, "s"),
    "reference": ("GRU and LSTM, floats", ORANGE, "^"),
}
#: Steps in a bar of a histogram.
_BAR = 4


def draw(results: Sequence[Mapping[str, Any]], folder: Path) -> list[Path]:
    """Write the pictures that there are results for; returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for task in dict.fromkeys(values["task"] for values in results):
        tables = {values["table"]: values for values in results if values["task"] == task}
        made += _parameters(task, tables.values(), folder / f"results_{task}_parameters.png")
        if "longest" in tables:
            made += _longest(task, tables["longest"], folder / f"results_{task}_longest.png")
        made += _histograms(task, tables.values(), folder / f"results_{task}_delays.png")
    return made


def _parameters(task: str, tables: Iterable[Mapping[str, Any]], path: Path) -> list[Path]:
    """Accuracy on the reported split against the number of parameters, every row of every table once."""
    rows = {row["case"]: row for values in tables for row in values["rows"]}
    picture = figure(5.0, 3.6)
    axes = picture.subplots()
    for group, (label, colour, mark) in _GROUPS.items():
        chosen = [row for row in rows.values() if _group(row) == group]
        if chosen:
            axes.errorbar(
                [row["parameters"] for row in chosen],
                [row["evaluations"]["report"]["accuracy_mean_percent"] for row in chosen],
                [row["evaluations"]["report"]["accuracy_sd_points"] or 0 for row in chosen],
                fmt=mark,
                capsize=2,
                color=colour,
                label=label,
            )
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("parameters")
    axes.set_ylabel("accuracy (%)")
    axes.set_title(task, loc="left", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    save(picture, path)
    return [path]


def _group(row: Mapping[str, Any]) -> str:
    if row["kind"] == "reference":
        return "reference"
    return "with delays" if any(any(counts[1:]) for seed in row["delays"] for counts in seed.values()) else "without"


def _longest(task: str, values: Mapping[str, Any], path: Path) -> list[Path]:
    """Accuracy against the longest delay."""
    dots = []
    for row in values["rows"]:
        longest = row["changes"].get("delay.max_delay_steps", 62)
        found = row["evaluations"]["report"]
        dots.append((longest, found["accuracy_mean_percent"], found["accuracy_sd_points"] or 0))
    steps, mean, spread = zip(*sorted(dots), strict=True)
    picture = figure(4.2, 3.2)
    axes = picture.subplots()
    axes.errorbar(steps, mean, spread, marker="o", capsize=3, color=BLUE)
    axes.set_xlabel("longest delay (steps)")
    axes.set_ylabel("integer network, accuracy (%)")
    axes.set_title(task, loc="left", fontsize=10)
    axes.grid(alpha=0.3)
    save(picture, path)
    return [path]


def _histograms(task: str, tables: Iterable[Mapping[str, Any]], path: Path) -> list[Path]:
    """Learned delays beside the fixed random ones, over the layers and seeds of the first case of the table of delays."""
    named = {values["table"]: values for values in tables}
    if "delays" not in named:
        return []
    rows = {row["case"]: row for row in named["delays"]["rows"]}
    shown = [name for name in rows if name.startswith(("learned delays, both", "fixed random delays, both"))]
    kinds = sorted({kind for name in shown for seed in rows[name]["delays"] for kind in seed})
    if not kinds:
        return []
    picture = figure(3.4 * len(kinds), 3.0)
    for axes, kind in zip(picture.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        for name, colour in zip(shown, (BLUE, GREEN), strict=False):
            counts = np.zeros(64)
            for seed in rows[name]["delays"]:
                found = seed.get(kind, [])
                counts[: len(found)] += found
            bars = counts.reshape(-1, _BAR).sum(axis=1) / max(1, counts.sum())
            axes.stairs(bars, np.arange(0, 65, _BAR), color=colour, label=name, linewidth=1.5)
        axes.set_title(f"{task}, {kind}", loc="left", fontsize=9)
        axes.set_xlabel("delay (steps)")
    picture.axes[0].set_ylabel("share of the neurons")
    picture.axes[0].legend(fontsize=8)
    save(picture, path)
    return [path]
