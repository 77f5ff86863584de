"""Figures of an exploration: accuracy over each knob, and over core memory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from myelin.convert.plots import _BLUE, _GREY, _INK, _ORANGE, _figure, _save
from myelin.hw_configs.figures import STRETCHED_FROM, accuracy_axis, series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 4

Path = str | os.PathLike[str]


def exploration(path: Path, result: Mapping[str, Any]) -> None:
    """Draw a panel for each knob, and one with weight bits and delay bits over core memory if that is known.

    Error bars are the 95 % interval of the difference to the exported network.  The grey line is its accuracy.  All panels have
    the same scale of accuracy.

    Args:
        path: PNG to write.
        result: the values of ``myelin.convert.explore.report.as_dict``.
    """
    knobs = [knob for knob in result["knobs"] if knob["points"]]
    known = [one for one in result["pareto"] if one["core_memory_bytes"] is not None]
    rows = -(-len(knobs) // _COLUMNS)
    figure = _figure(12.0, 0.6 + 2.5 * rows + (3.4 if known else 0))
    grid = figure.add_gridspec(rows + bool(known), _COLUMNS, height_ratios=[2.5] * rows + [3.4] * bool(known))
    exported = result["exported"]["accuracy_percent"]
    for place, knob in enumerate(knobs):
        _knob(figure.add_subplot(grid[divmod(place, _COLUMNS)]), knob, exported)
    if known:
        _pareto(figure.add_subplot(grid[rows, :]), known, result)
    shown = [point["accuracy_percent"] for point in (*known, *(point for knob in knobs for point in knob["points"]))]
    points = [point for knob in knobs for point in knob["points"]]
    lows, highs = ([exported + point[f"difference_{end}_points"] for point in points] for end in ("low", "high"))
    scale = [exported, *shown, *(max(0.0, low) for low in lows)]
    top = min(100.0, max([*scale, *highs]))
    for place, axis in enumerate(figure.axes):
        accuracy_axis(axis, scale)
        if max(scale) < STRETCHED_FROM:
            axis.set_ylim(max(0.0, min(scale) - 3), min(104.0, top + 5))
        if place < len(knobs) and place % _COLUMNS:  # the scale is that of the first in the row
            axis.set_ylabel("")
            axis.tick_params(labelleft=False)
    title = f"Quantisation without training: {result['samples']} samples held out of training, 95 % intervals of the difference"
    figure.suptitle(title, fontsize=10, color=_INK)
    _save(figure, path)


def _knob(axis: Axes, knob: Mapping[str, Any], exported: float) -> None:
    points = knob["points"]
    values = [point["value"] for point in points]
    named = isinstance(values[0], str)
    places = list(range(len(values))) if named else values
    axis.axhline(exported, color=_GREY, linewidth=1)
    axis.plot(places, [point["accuracy_percent"] for point in points], color=_BLUE, linewidth=0 if named else 1)
    for place, point in zip(places, points):
        own, broken = point["accuracy_percent"], bool(point["broken_rules"])
        colour = _ORANGE if broken else _BLUE
        low, high = (exported + point[f"difference_{end}_points"] for end in ("low", "high"))
        axis.plot([place, place], [max(0.0, low), min(100.0, high)], color=colour, linewidth=1)
        axis.plot([place], [own], "o", color=colour, markersize=4, markerfacecolor="white" if broken else colour)
    axis.set_title(knob["name"], fontsize=9, loc="left", color=_INK)
    axis.set_xlabel(knob["unit"] or "rounding")
    shown = list(zip(places, values))
    if knob["name"] == "delay_grid_steps":
        axis.set_xscale("log")
        axis.minorticks_off()
    if len(shown) <= 9:
        axis.set_xticks([place for place, _ in shown], [f"{value:g}" if not named else value for _, value in shown])
    axis.margins(x=0.08 if not named else 0.3)
    axis.grid(alpha=0.25)


def _pareto(axis: Axes, known: list[Mapping[str, Any]], result: Mapping[str, Any]) -> None:
    widths = sorted({one["delay_bits"] for one in known})
    # orange is the line of the best ones
    colours = [colour for colour in map(series, range(len(widths) + 1)) if colour != _ORANGE]
    for place, bits in enumerate(widths):
        own = [one for one in known if one["delay_bits"] == bits]
        axis.plot(
            [one["core_memory_bytes"] / 1024 for one in own], [one["accuracy_percent"] for one in own],
            "o-", color=colours[place % len(colours)], markersize=4, linewidth=0.8, label=f"{bits} delay bits",
        )  # fmt: skip
    best = sorted((one for one in known if one["best"]), key=lambda one: int(one["core_memory_bytes"]))
    axis.step(
        [one["core_memory_bytes"] / 1024 for one in best], [one["accuracy_percent"] for one in best],
        where="post", color=_ORANGE, linewidth=1.4, label="none is smaller and as often right",
    )  # fmt: skip
    names: dict[tuple[float, float], list[str]] = {}
    for one in best:
        at = (one["core_memory_bytes"] / 1024, one["accuracy_percent"])
        names.setdefault(at, []).append(f"{one['weight_bits']}/{one['delay_bits']}")
    for at, texts in names.items():
        axis.annotate(", ".join(texts), at, textcoords="offset points", xytext=(0, 6), fontsize=8, ha="center")
    label = f" ({result['memory_label']})" if result["memory_label"] else ""
    axis.set_xlabel(f"core memory of synapses on {result['target']} (KiB){label}")
    axis.set_title("weight bits / delay bits", fontsize=9, loc="left", color=_INK)
    axis.legend(fontsize=8, frameon=False, loc="lower left", bbox_to_anchor=(0.35, 1.0), ncols=6, borderaxespad=0.1)
    axis.grid(alpha=0.25)
