"""Figures of a sweep: accuracy of every row with its seeds, and accuracy against a numeric key of the grid."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from myelin.convert.plots import _INK, _figure, _save
from myelin.hw_configs.figures import FLOAT_STAGE, INTEGER_STAGE, SERIES, series

#: A key has a logarithmic axis if the ratio of its largest to its smallest value is at least this.
_LOGARITHMIC = 20
#: Styles of lines, in turn, when the colours are used up.
_STYLES = ("-", "--", ":")

Path = str | os.PathLike[str]


def accuracy_by_case(path: Path, table: Mapping[str, Any], parts: Mapping[str, str]) -> None:
    """Draw the accuracy of the integer network for every row of a sweep's table: a dot per seed, a bar at their mean.

    Args:
        path: PNG to write.
        table: result of ``myelin.sweep.table.make_table``, with at least one row.
        parts: name of an evaluation -> title; one panel each.
    """
    rows = table["rows"]
    figure = _figure(2.6 + 3.6 * len(parts), 1.2 + 0.36 * len(rows))
    panels = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    for axis, (part, title) in zip(panels, parts.items()):
        for place, row in enumerate(rows):
            values = row["evaluations"][part]
            seeds = values["integer_accuracy_by_seed_percent"]
            axis.plot(seeds, [place] * len(seeds), "o", color=INTEGER_STAGE, alpha=0.45, markersize=5, linestyle="none")
            axis.plot([values["float_accuracy_mean_percent"]], [place], "x", color=FLOAT_STAGE, markersize=6)
            mean = values["integer_accuracy_mean_percent"]
            axis.plot([mean, mean], [place - 0.3, place + 0.3], color=INTEGER_STAGE, linewidth=2)
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_xlabel("accuracy (%)")
        axis.grid(axis="x", alpha=0.25)
    panels[0].set_yticks(range(len(rows)), [_name(row) for row in rows])
    panels[0].set_ylim(len(rows) - 0.5, -0.5)
    handles = panels[0].get_lines()[:3]
    names = ["integer network, a seed", "float network, mean", "integer network, mean"]
    figure.legend(handles, names, fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    _save(figure, path)


def accuracy_by_key(path: Path, table: Mapping[str, Any], key: str, parts: Mapping[str, str]) -> None:
    """Draw the accuracy of the integer network against ``key`` of the grid.

    There is a line for each case and each combination of the other keys.  Error bars are one standard deviation over the seeds.

    Args:
        path: PNG to write.
        table: result of ``myelin.sweep.table.make_table``.
        key: key of the grid with numeric values.
        parts: name of an evaluation -> title; one panel each.
    """
    curves: dict[str, list[dict[str, Any]]] = {}
    for row in table["rows"]:
        curves.setdefault(_name(row, without=key), []).append(row)
    figure = _figure(1.5 + 4.5 * len(parts), 4.2 + 0.18 * len(curves))
    panels = figure.subplots(1, len(parts), sharey=True, squeeze=False)[0]
    values = sorted({row["grid"][key] for row in table["rows"]})
    logarithmic = values[0] > 0 and values[-1] >= _LOGARITHMIC * values[0]
    places = np.log(values) if logarithmic else np.array(values, float)
    gap = float(np.diff(places).min(initial=np.inf)) if len(values) > 1 else 1.0
    for axis, (part, title) in zip(panels, parts.items()):
        for place, (name, rows) in enumerate(curves.items()):
            rows = sorted(rows, key=lambda row: float(row["grid"][key]))
            found = [row["evaluations"][part] for row in rows]
            # shifted a little, so that bars at the same value do not hide each other
            aside = (place - (len(curves) - 1) / 2) * min(0.02, 0.4 / len(curves)) * gap
            numbers = np.array([row["grid"][key] for row in rows], float)
            axis.errorbar(
                numbers * np.exp(aside) if logarithmic else numbers + aside,
                [values["integer_accuracy_mean_percent"] for values in found],
                yerr=[values["integer_accuracy_sd_points"] or 0.0 for values in found],
                color=series(place), linestyle=_STYLES[place // len(SERIES) % len(_STYLES)], marker="o", markersize=4,
                capsize=3, linewidth=1.2, label=name,
            )  # fmt: skip
        if logarithmic:
            axis.set_xscale("log")
            axis.minorticks_off()
        axis.set_xticks(values, [f"{value:g}" for value in values])
        axis.set_title(title, fontsize=9, loc="left", color=_INK)
        axis.set_xlabel(key)
        axis.grid(alpha=0.25)
    panels[0].set_ylabel("accuracy of the integer network (%), sd over seeds")
    figure.legend(*panels[0].get_legend_handles_labels(), fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    _save(figure, path)


def _name(row: Mapping[str, Any], without: str | None = None) -> str:
    from myelin.sweep.file import label

    grid = [f"{label(key, row['grid'])} {value}" for key, value in row["grid"].items() if key != without]
    return ", ".join([row["case"], *grid])
