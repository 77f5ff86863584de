"""Pictures of the tasks: accuracy against parameters and against the longest delay, and histograms of learned delays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from myelin.hw_configs.figures import BLUE, GREEN, ORANGE, figure, save

_COLOURS = {"network": BLUE, "reference": ORANGE}


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
    for kind, colour in _COLOURS.items():
        chosen = [row for row in rows.values() if row["kind"] == kind]
        if chosen:
            axes.errorbar(
                [row["parameters"] for row in chosen],
                [row["evaluations"]["report"]["accuracy_mean_percent"] for row in chosen],
                [row["evaluations"]["report"]["accuracy_sd_points"] or 0 for row in chosen],
                fmt="o",
                capsize=2,
                color=colour,
                label="integer networks" if kind == "network" else "GRU and LSTM, floats",
            )
    axes.set_xscale("log")
    axes.set_xlabel("parameters")
    axes.set_ylabel("accuracy (%)")
    axes.set_title(task, loc="left", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    save(picture, path)
    return [path]


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
            counts = np.zeros(63)
            for seed in rows[name]["delays"]:
                found = seed.get(kind, [])
                counts[: len(found)] += found
            axes.step(np.arange(63), counts / max(1, counts.sum()), where="mid", color=colour, label=name)
        axes.set_title(f"{task}, {kind}", loc="left", fontsize=9)
        axes.set_xlabel("delay (steps)")
    picture.axes[0].set_ylabel("share of the neurons")
    picture.axes[0].legend(fontsize=8)
    save(picture, path)
    return [path]
