"""A picture of the cores of a mapping: one cell per core; the colour shows the layer, the height how full the core is."""

from __future__ import annotations

import os

import numpy as np

from myelin.convert.mapping.mapping import Mapping
from myelin.convert.mapping.populations import LABELS, RESOURCES
from myelin.convert.plots import _figure, _save

#: Number of cores in a row, and the most cores drawn: cells of a larger board would be too small to see.
_COLUMNS, _MOST = 16, 2048


def core_map(path: str | os.PathLike[str], mapping: Mapping) -> None:
    """Draw the used cores in order, with a bar for each layer: its share of the core's fullest resource.

    Args:
        path: the PNG file to write.
        mapping: a mapping in which every neuron has a core.
    """
    from matplotlib import colormaps
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Patch, Rectangle

    fill = mapping.fill()
    drawn = min(mapping.cores, _MOST)
    rows = -(-drawn // _COLUMNS)
    figure = _figure(9.0, 1.8 + 0.42 * rows + 0.16 * len(mapping.layouts))
    axis = figure.subplots()
    palette = colormaps["tab10" if len(mapping.layouts) <= 10 else "tab20"]
    colours = [palette(place % palette.N) for place in range(len(mapping.layouts))]
    filled = np.zeros(drawn)
    for place, layout in enumerate(mapping.layouts):
        bars = []
        for part in layout.parts:
            if part.core < drawn:
                share = float((part.load[: len(RESOURCES)] / mapping.limits[: len(RESOURCES)])[fill[part.core].argmax()])
                share = min(share, fill[part.core].max() - filled[part.core])  # delay slots of a shared core do not add up
                row, column = divmod(part.core, _COLUMNS)
                bars.append(Rectangle((column + 0.06, row + 0.94 - 0.88 * (filled[part.core] + share)), 0.88, 0.88 * share))
                filled[part.core] += share
        axis.add_collection(PatchCollection(bars, facecolor=colours[place], linewidth=0))
    cells = [Rectangle((core % _COLUMNS + 0.06, core // _COLUMNS + 0.06), 0.88, 0.88) for core in range(drawn)]
    axis.add_collection(PatchCollection(cells, facecolor="none", edgecolor="#777777", linewidth=0.6))
    for core in range(0, drawn, mapping.cores_per_chip):
        if mapping.chips > 1:
            row, column = divmod(core, _COLUMNS)
            axis.text(column + 0.1, row + 0.3, f"chip {core // mapping.cores_per_chip}", fontsize=6)
    axis.set_xlim(0, _COLUMNS)
    axis.set_ylim(rows, 0)
    axis.set_aspect("equal")
    axis.set_xticks(np.arange(0, _COLUMNS, 4) + 0.5, [str(number) for number in range(0, _COLUMNS, 4)])
    axis.set_yticks(np.arange(rows) + 0.5, [str(number * _COLUMNS) for number in range(rows)])
    axis.set_xlabel("core; a cell is full where it has used up one of its limits")
    some = f", the first {drawn} drawn" if drawn < mapping.cores else ""
    title = (
        f"{mapping.cores} core{'' if mapping.cores == 1 else 's'} of {mapping.target.title}, strategy {mapping.strategy}{some}"
    )
    axis.set_title(title, fontsize=10, loc="left")
    names = [f"{layout.population.name} on {len(layout.parts)}: {LABELS[layout.binding]}" for layout in mapping.layouts]
    handles = [Patch(facecolor=colour, label=name) for colour, name in zip(colours, names)]
    figure.legend(handles=handles, fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    _save(figure, path)
