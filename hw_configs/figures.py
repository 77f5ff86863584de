"""Shared style of all figures: colours and axes; a figure file is written atomically.

Figures are made without pyplot, so no global state and no display are needed.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from myelin.hw_configs.files import atomic_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe & Ito 2008: distinguishable for colour-blind readers
INK, BLUE, ORANGE, GREEN, GREY = "#222222", "#0072B2", "#D55E00", "#009E73", "#9A9A9A"
_DPI = 130


def figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` x ``height`` inches."""
    from matplotlib.figure import Figure  # takes 0.5 s to import, so only when drawing

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write ``figure`` to ``path`` as PNG, atomically."""
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
        axis.xaxis.label.set_fontsize(9)
        axis.yaxis.label.set_fontsize(9)
    with atomic_file(path) as temporary:
        figure.savefig(temporary, dpi=_DPI, format="png")
