"""Common parts of all figures: colours, style of the axes, and files written completely or not at all.

Figures do not use pyplot, so they need no global state and no display.
"""

from __future__ import annotations

import io
import os
from functools import cache
from typing import TYPE_CHECKING

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.files import write_atomically

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito 2008: distinguishable for colour-blind readers
INK, BLUE, ORANGE, GREEN, GREY = "#222222", "#0072B2", "#D55E00", "#009E73", "#9A9A9A"
PURPLE, AMBER, SKY = "#CC79A7", "#E69F00", "#56B4E9"
#: Colours of layers and of other categories, in turn; the page of a report has the same as series0, series1, ...
SERIES = (BLUE, ORANGE, GREEN, PURPLE, GREY, INK, AMBER, SKY)
#: Colours of the stages from floats to integers: the floats, one quantisation alone, one more each, the integer network.
FLOAT_STAGE, ALONE_STAGE, CUMULATED_STAGE, INTEGER_STAGE = BLUE, GREY, GREEN, ORANGE
_DPI = 130
#: From this accuracy in percent on, the axis is stretched towards 100.
STRETCHED_FROM = 90.0
_PERCENTS = (0, 50, 80, 90, 95, 98, 99, 100)


def series(place: int) -> str:
    """The colour of the category at index ``place``."""
    return SERIES[place % len(SERIES)]


def accuracy_axis(axis: Axes, percents: Sequence[float], *, label: str = "accuracy (%)") -> None:
    """Scale and label the y axis for ``percents``, the accuracies that it shows.

    If the best of them is at least 90 %, the axis is stretched towards 100: where networks come close to it, one point more
    counts more, and would be lost on an even scale.  The values are where its labels say.
    """
    import numpy as np

    best = max(percents, default=100.0)
    if best < STRETCHED_FROM:
        axis.set_ylabel(label)
        return
    low = min(percents, default=0.0)
    axis.set_yscale("function", functions=(lambda a: -np.log(102 - np.minimum(a, 101.9)), lambda y: 102 - np.exp(-y)))
    bottom = max([mark for mark in _PERCENTS if mark <= low], default=0)
    marks = [mark for mark in _PERCENTS if mark >= bottom]
    extra = [20] if bottom == 0 else []
    axis.set_ylim(bottom, 100.4)
    ticks = sorted({*marks, *extra})
    axis.set_yticks(ticks, [str(mark) for mark in ticks])
    axis.set_ylabel(f"{label}, stretched")


def figure(width: float, height: float) -> Figure:
    """An empty figure of ``width`` x ``height`` inches, which a notebook shows as a picture."""
    return _shown()(figsize=(width, height), layout="constrained")


@cache
def _shown() -> type[Figure]:
    from matplotlib.figure import Figure  # imported here, since the import takes 0.5 s

    class ShownFigure(Figure):
        """A figure that notebooks show without pyplot."""

        def _repr_png_(self) -> bytes:
            return png(self)

    return ShownFigure


def png(figure: Figure) -> bytes:
    """``figure`` as the content of a PNG file."""
    for axis in figure.axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
        axis.xaxis.label.set_fontsize(9)
        axis.yaxis.label.set_fontsize(9)
    content = io.BytesIO()
    figure.savefig(content, dpi=_DPI, format="png")
    return content.getvalue()


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write ``figure`` as a PNG file, completely or not at all.

    Raises:
        ConfigError: the file cannot be written.
    """
    content = png(figure)
    try:
        write_atomically(path, content)
    except OSError as error:
        raise ConfigError(f"{os.fspath(path)} cannot be written: {error.strerror or error}") from error
