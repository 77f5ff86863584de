"""Figures as inline SVG: axes, marks, and a frame with title, description and table for every figure.

Colours are classes of the style sheet, so a figure is readable in light and dark mode and on paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from myelin.report.markup import Html, el

#: Width of every figure in its own units, about the width of a phone in pixels, so that its text is readable there.
WIDTH = 440.0
#: Width of a digit of an axis.
_DIGIT = 6.4


@dataclass
class Plot:
    """A rectangle with two axes in which marks are drawn.

    Attributes:
        height: height of the figure.
        x, y: (from, to) values at the left and right, and at the bottom and top, of the rectangle.
        left, right, top, bottom: margins.
        parts: elements drawn so far.
    """

    height: float
    x: tuple[float, float] = (0.0, 1.0)
    y: tuple[float, float] = (0.0, 1.0)
    left: float = 46.0
    right: float = 12.0
    top: float = 10.0
    bottom: float = 40.0
    parts: list[Html] = field(default_factory=list)

    def px(self, value: float) -> float:
        """Position of a value on the x axis."""
        low, high = self.x
        return round(self.left + (value - low) / ((high - low) or 1.0) * (WIDTH - self.left - self.right), 2)

    def py(self, value: float) -> float:
        """Position of a value on the y axis."""
        low, high = self.y
        return round(self.height - self.bottom - (value - low) / ((high - low) or 1.0) * self.inner_height, 2)

    @property
    def inner_height(self) -> float:
        """Height of the rectangle."""
        return self.height - self.top - self.bottom

    def add(self, *parts: Html) -> None:
        """Add elements to the figure."""
        self.parts.extend(parts)

    def text(self, x: float, y: float, text: str, *, anchor: str = "start", size: float = 11, class_: str = "ink") -> None:
        """Draw a text with its baseline at a position of the figure."""
        self.add(el("text", text, x=round(x, 1), y=round(y, 1), text_anchor=anchor, font_size=size, class_=class_))

    def line(self, x1: float, y1: float, x2: float, y2: float, class_: str) -> None:
        """Draw a line between two positions of the figure."""
        self.add(el("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_))

    def axis_x(self, label: str, ticks: Sequence[float] | None = None, *, grid: bool = True) -> None:
        """Draw ticks, grid lines and the label of the x axis."""
        bottom = self.height - self.bottom
        for value in ticks if ticks is not None else nice_ticks(*self.x):
            place = self.px(value)
            self.line(place, self.top if grid else bottom, place, bottom + 3, "grid")
            text = f"{value:,.0f}" if value == int(value) else f"{value:g}"
            beside = min(place, WIDTH - 1 - _DIGIT * len(text) / 2)  # the last number does not leave the figure
            self.text(beside, bottom + 14, text, anchor="middle", size=10, class_="quiet")
        self.text((self.left + WIDTH - self.right) / 2, self.height - 6, label, anchor="middle", class_="quiet")

    def axis_y(self, label: str, ticks: Sequence[float] | None = None) -> None:
        """Draw ticks, grid lines and the label of the y axis, which is above the axis."""
        for value in ticks if ticks is not None else nice_ticks(*self.y, most=5):
            place = self.py(value)
            self.line(self.left - 3, place, WIDTH - self.right, place, "grid")
            self.text(self.left - 6, place + 3.5, short(value), anchor="end", size=10, class_="quiet")
        self.text(4, 11, label, size=10, class_="quiet")


def nice_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers that divide low..high into at most ``most`` parts."""
    span = (high - low) or 1.0
    unit = 10.0 ** math.floor(math.log10(span / most))
    step = next(unit * factor for factor in (1, 2, 5, 10) if span / (unit * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 10) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def whole_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """The values of ``nice_ticks`` without fractions."""
    return [value for value in nice_ticks(low, high, most) if value == int(value)]


def short(value: float) -> str:
    """A number in few characters, such as 12k or 3.4M."""
    for size, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{name}"
    return f"{value:.3g}"


def clipped(text: str, most: int) -> str:
    """``text``, shortened if it is longer than ``most`` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def rect(
    x: float, y: float, width: float, height: float, class_: str, *, title: str = "", opacity: float | None = None
) -> Html:
    """A rectangle; ``title`` is its tooltip."""
    inside = [el("title", title)] if title else []
    shade = None if opacity is None else round(opacity, 3)
    place = {"x": round(x, 2), "y": round(y, 2), "width": round(max(0.0, width), 2), "height": round(max(0.0, height), 2)}
    return el("rect", *inside, **place, class_=class_, fill_opacity=shade)


def figure(
    name: str, plot: Plot, title: str, description: str, *, legend: Sequence[tuple[str, str]] = (), values: Html
) -> Html:
    """A figure with its text alternative, legend, and table of values.

    Args:
        name: unique name of the figure.
        plot: the plot.
        title, description: title, and a description of the content.
        legend: (CSS class of the colour, meaning).
        values: table of the values.
    """
    ids = f"fig-{name}-title", f"fig-{name}-desc"
    drawing = el(
        "svg",
        el("title", title, id=ids[0]),
        el("desc", description, id=ids[1]),
        *plot.parts,
        role="img",
        aria_labelledby=f"{ids[0]} {ids[1]}",
        viewBox=f"0 0 {WIDTH:g} {plot.height:g}",
        xmlns="http://www.w3.org/2000/svg",
    )
    keys = [el("span", el("i", class_=f"key {colour}", aria_hidden="true"), meaning) for colour, meaning in legend]
    return el(
        "figure",
        el("figcaption", el("strong", title), el("br"), description),
        drawing,
        el("div", *keys, class_="legend") if keys else None,
        el("details", el("summary", "Values as a table"), values),
        id=f"fig-{name}",
    )
