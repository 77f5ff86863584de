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
    from matplotlib.figure import Figure

# Okabe & Ito 2008: distinguishable for colour-blind readers
INK, BLUE, ORANGE, GREEN, GREY = "#222222", "#0072B2", "#D55E00", "#009E73", "#9A9A9A"
_DPI = 130


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
