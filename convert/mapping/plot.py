"""A picture of a mapping: a cell per core with its load and its fullest limit; and what each layer uses of each limit."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from myelin.convert.mapping.mapping import Mapping
from myelin.convert.mapping.populations import LABELS, RESOURCES
from myelin.convert.plots import _INK, _figure, _save
from myelin.hw_configs.figures import series

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most cores in a row, and the most cores drawn: cells of a larger board would be too small to see.
_COLUMNS, _MOST = 16, 2048
#: Height of a cell in inches: of a few, and of many.
_TALL, _LOW = 0.75, 0.46


def core_map(path: str | os.PathLike[str], mapping: Mapping) -> None:
    """Draw the used cores in order, with a bar for each layer: its share of the core's fullest resource.

    A cell says how full its core is and of what.  Below, the fullest core of each layer shows how near it is to each limit
    that is public.

    Args:
        path: the PNG file to write.
        mapping: a mapping in which every neuron has a core.
    """
    from matplotlib.patches import Patch

    drawn = min(mapping.cores, _MOST)
    columns = min(_COLUMNS, drawn)
    rows = -(-drawn // columns)
    known = [place for place in range(len(RESOURCES)) if np.isfinite(mapping.limits[place])]
    cell = _TALL if drawn <= _COLUMNS else _LOW
    heights = [cell * rows + 0.75, 0.55 + len(known) * (0.12 + 0.11 * min(len(mapping.layouts), 12))]
    figure = _figure(9.0, sum(heights) + 0.25 + 0.17 * -(-len(mapping.layouts) // 2))
    upper, lower = figure.subplots(2, 1, height_ratios=heights)
    _cells(upper, mapping, drawn, columns)
    _limits(lower, mapping, known)
    names = [f"{layout.population.name} on {len(layout.parts)}: {LABELS[layout.binding]}" for layout in mapping.layouts]
    handles = [Patch(facecolor=series(place), label=name) for place, name in enumerate(names)]
    figure.legend(handles=handles, fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    _save(figure, path)


def _cells(axis: Axes, mapping: Mapping, drawn: int, columns: int) -> None:
    """A cell for each core, filled as far as its fullest resource, in the colours of the layers on it."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    fill, rows = mapping.fill(), -(-drawn // columns)
    filled = np.zeros(drawn)
    for place, layout in enumerate(mapping.layouts):
        bars = []
        for part in layout.parts:
            if part.core < drawn:
                share = float((part.load[: len(RESOURCES)] / mapping.limits[: len(RESOURCES)])[fill[part.core].argmax()])
                share = min(share, fill[part.core].max() - filled[part.core])  # delay slots of a shared core do not add up
                row, column = divmod(part.core, columns)
                bars.append(Rectangle((column + 0.04, row + 0.94 - 0.88 * (filled[part.core] + share)), 0.92, 0.88 * share))
                filled[part.core] += share
        axis.add_collection(PatchCollection(bars, facecolor=series(place), linewidth=0))
    cells = [Rectangle((core % columns + 0.04, core // columns + 0.06), 0.92, 0.88) for core in range(drawn)]
    axis.add_collection(PatchCollection(cells, facecolor="none", edgecolor="#777777", linewidth=0.6))
    around = [withStroke(linewidth=1.8, foreground="white")]  # readable on every colour
    for core in range(drawn):
        row, column = divmod(core, columns)
        if mapping.chips > 1 and core % mapping.cores_per_chip == 0:
            axis.text(column + 0.08, row + 0.28, f"chip {core // mapping.cores_per_chip}", fontsize=5.5, path_effects=around)
        limit = LABELS[RESOURCES[int(fill[core].argmax())].name].replace(" ", "\n" if columns > 8 else " ")
        axis.annotate(
            f"{_percent(fill[core].max())}\n{limit}", (column + 0.5, row + 0.56), ha="center", va="center",
            fontsize=5.5 if columns > 8 else 8, color=_INK, path_effects=around,
        )  # fmt: skip
    axis.set_xlim(0, columns)
    axis.set_ylim(rows, 0)
    marks = range(0, columns, 4 if columns > 8 else 1)
    axis.set_xticks([mark + 0.5 for mark in marks], [str(mark) for mark in marks])
    axis.set_yticks(np.arange(rows) + 0.5, [str(number * columns) for number in range(rows)])
    axis.set_xlabel("core; a cell is full where it has used up the limit that it names")
    some = f", the first {drawn} drawn" if drawn < mapping.cores else ""
    many = f"{mapping.cores} core{'' if mapping.cores == 1 else 's'}"
    title = f"{many} of {mapping.target.title}, strategy {mapping.strategy}{some}"
    axis.set_title(title, fontsize=10, loc="left")


def _limits(axis: Axes, mapping: Mapping, known: list[int]) -> None:
    """A group of bars for each public limit: what the fullest core of each layer uses of it, in percent."""
    count = len(mapping.layouts)
    high = 0.8 / max(1, count)
    for place, layout in enumerate(mapping.layouts):
        most = [max((part.load[one] for part in layout.parts), default=0) / mapping.limits[one] * 100 for one in known]
        heights = np.arange(len(known)) - 0.4 + (place + 0.5) * high
        axis.barh(heights, most, height=0.9 * high, color=series(place))
        if count <= 4:
            for at, share in zip(heights, most):
                axis.annotate(
                    _percent(share / 100), (share, at), xytext=(3, 0), textcoords="offset points", fontsize=6, va="center"
                )
    axis.set_yticks(range(len(known)), [RESOURCES[one].label for one in known])
    axis.invert_yaxis()
    axis.set_xlim(0, 105)
    axis.axvline(100, color=_INK, linestyle="--", linewidth=1)
    axis.grid(axis="x", alpha=0.25)
    axis.set_xlabel("used by the fullest core of each layer (% of the limit)")
    hidden = [resource.label for place, resource in enumerate(RESOURCES) if place not in known]
    axis.set_title("What limits a core" + (f"; not public: {', '.join(hidden)}" if hidden else ""), fontsize=10, loc="left")


def _percent(share: float) -> str:
    """A share as percent: one decimal below ten, none above."""
    return f"{100 * share:.1f} %" if 0 < 100 * share < 9.95 else f"{100 * share:.0f} %"
