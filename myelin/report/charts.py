"""Charts of the report: values with intervals, bars, matrices, rasters, cores, curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from myelin.report.markup import Html, el
from myelin.report.svg import WIDTH, Plot, clipped, nice_ticks, rect, whole_ticks

#: Width of the label of a reference line.
_LABEL_WIDTH = 70.0
#: (name, value, low, high, CSS class of the colour)
Interval = tuple[str, float, float, float, str]


def intervals(rows: Sequence[Interval], label: str, *, lines: Sequence[tuple[float, str]] = ()) -> Plot:
    """Plot a dot with its interval for each row; ``lines``: (value, name) of reference lines."""
    low = min([row[2] for row in rows] + [value for value, _ in lines])
    high = max([row[3] for row in rows] + [value for value, _ in lines])
    margin = 0.06 * ((high - low) or 1.0)
    plot = Plot(52 + 24 * len(rows) + 12 * bool(lines), x=(low - margin, high + margin), left=178, top=8 + 12 * bool(lines))
    plot.axis_x(label)
    places = [plot.px(value) for value, _ in lines]
    crowded = len(places) > 1 and max(places) - min(places) < _LABEL_WIDTH
    for place, (_, name) in zip(places, lines):
        plot.line(place, plot.top, place, plot.height - plot.bottom, "mark")
        anchor = "end" if place + _LABEL_WIDTH / 2 > WIDTH else "middle"
        if crowded:
            anchor = "end" if place == min(places) else "start"
        plot.text(place, plot.top - 3, name, anchor=anchor, size=10)
    for number, (name, value, start, end, colour) in enumerate(rows):
        y = plot.top + 24 * number + 14
        plot.text(plot.left - 8, y + 4, clipped(name, 30), anchor="end")
        plot.line(plot.px(start), y, plot.px(end), y, f"whisker {colour}")
        said = f"{name}: {value:.2f} ({start:.2f} to {end:.2f})"
        plot.add(el("circle", el("title", said), cx=plot.px(value), cy=y, r=4.5, class_=f"fill {colour}"))
    return plot


def bars(
    rows: Sequence[tuple[str, Sequence[float]]], colours: Sequence[str], label: str, *, left: float = 120, whole: bool = False
) -> Plot:
    """Plot stacked horizontal bars from zero; a row with a single part may be negative.

    ``whole``: the axis shows counts, without fractions.
    """
    ends = [sum(parts) for _, parts in rows]
    low, high = min(0.0, *ends), max(0.0, *ends)
    plot = Plot(50 + 20 * len(rows), x=(low, high if high > low else low + 1.0), left=left, top=6, right=18)
    plot.axis_x(label, whole_ticks(low, high) if whole else None)
    for number, (name, parts) in enumerate(rows):
        y, start = plot.top + 20 * number + 3, 0.0
        plot.text(plot.left - 8, y + 11, clipped(name, int(left / 6.2)), anchor="end")
        for part, colour in zip(parts, colours):
            x1, x2 = sorted((plot.px(start), plot.px(start + part)))
            plot.add(rect(x1, y, x2 - x1, 14, f"fill {colour}", title=f"{name}: {part:g}"))
            start += part
    zero = plot.px(0)
    plot.line(zero, plot.top, zero, plot.height - plot.bottom, "axis")
    return plot


def columns(edges: Sequence[float], counts: Sequence[float], colour: str, label: str, what: str, *, most: float = 1) -> Plot:
    """Plot a histogram with ``counts`` between adjacent ``edges``; the axis reaches at least to ``most``."""
    plot = Plot(190, x=(edges[0], edges[-1]), y=(0, max([*counts, most])), top=18)
    plot.axis_y(what, whole_ticks(*plot.y, most=5))
    plot.axis_x(label, grid=False)
    for low, high, count in zip(edges, edges[1:], counts):
        if count:
            x1, x2, y = plot.px(low), plot.px(high), plot.py(count)
            gap = 0.08 * (x2 - x1)
            plot.add(
                rect(x1 + gap, y, x2 - x1 - 2 * gap, plot.py(0) - y, f"fill {colour}", title=f"{low:g} to {high:g}: {count:g}")
            )
    plot.line(plot.left, plot.py(0), WIDTH - plot.right, plot.py(0), "axis")
    return plot


def outline(plot: Plot, edges: Sequence[float], counts: Sequence[float], colour: str) -> None:
    """Draw a second histogram over the first, as a line."""
    steps = [f"M{plot.px(edges[0])} {plot.py(0)}"]
    for low, high, count in zip(edges, edges[1:], counts):
        steps.append(f"L{plot.px(low)} {plot.py(count)}L{plot.px(high)} {plot.py(count)}")
    plot.add(el("path", d="".join([*steps, f"L{plot.px(edges[-1])} {plot.py(0)}"]), class_=f"curve {colour}"))


def matrix(counts: Sequence[Sequence[int]], names: Sequence[str]) -> Plot:
    """Plot counts of (true, predicted): the diagonal in one colour, other cells in another, darker for larger counts."""
    size = len(counts)
    plot = Plot(WIDTH, left=78, top=12, right=8, bottom=74)
    cell = min(WIDTH - plot.left - plot.right, plot.inner_height) / max(1, size)
    most = max(max((max(row) for row in counts), default=1), 1)
    font = max(4.0, min(11.0, 0.8 * cell))
    for row, line in enumerate(counts):
        y = plot.top + row * cell
        plot.text(plot.left - 5, y + 0.5 * cell + 0.35 * font, clipped(names[row], 11), anchor="end", size=round(font, 1))
        for column, count in enumerate(line):
            x = plot.left + column * cell
            colour = "right" if row == column else "wrong"
            shade = 0.0 if not count else 0.18 + 0.82 * (count / most if row == column else min(1.0, 4 * count / most))
            said = f"true {names[row]}, predicted {names[column]}: {count}"
            plot.add(
                rect(x, y, cell - 0.6, cell - 0.6, f"fill {colour}" if count else "cell", title=said, opacity=shade or None)
            )
            if count and size <= 26:
                class_ = "onfill" if shade > 0.55 else "ink"
                place = {"x": round(x + cell / 2 - 0.3, 1), "y": round(y + 0.5 * cell + 0.3 * font, 1)}
                plot.add(el("text", count, **place, text_anchor="middle", font_size=round(0.8 * font, 1), class_=class_))
    bottom = plot.top + size * cell
    for column in range(size):
        x, y = plot.left + (column + 0.5) * cell, bottom + 8
        turned = {"transform": f"rotate(-60 {x:.1f} {y:.1f})", "x": round(x, 1), "y": round(y, 1)}
        plot.add(el("text", clipped(names[column], 11), **turned, text_anchor="end", font_size=round(font, 1), class_="ink"))
    plot.text(4, 9, "true", size=10, class_="quiet")
    plot.text(WIDTH - 8, WIDTH - 6, "predicted", anchor="end", size=10, class_="quiet")
    return plot


def raster(populations: Sequence[Mapping[str, Any]], steps: int, step_ms: float | None) -> Plot:
    """Plot the spikes of populations, one below the other; shows which spikes occur in both networks or in one only.

    Args:
        populations: ``where``, ``drawn_neurons``, and lists of [step, neuron] in ``both``, ``only_float``, ``only_integer``.
        steps: length of the sample.
        step_ms: length of a step in milliseconds; None for an axis in steps.
    """
    unit = "time (steps)" if step_ms is None else "time (ms)"
    step_ms = 1.0 if step_ms is None else step_ms
    high, gap = 96.0, 22.0
    plot = Plot(44 + (high + gap) * len(populations), x=(0, steps * step_ms), left=40)
    plot.axis_x(unit, grid=False)
    width = (plot.px(step_ms) - plot.px(0)) * 0.86
    for number, population in enumerate(populations):
        top = 18 + number * (high + gap)
        neurons = max(1, population["drawn_neurons"])
        tall = max(high / neurons, 0.9)
        plot.add(rect(plot.left, top, WIDTH - plot.left - plot.right, high, "frame"))
        plot.text(plot.left, top - 5, clipped(population["where"], 60), size=10)
        plot.text(plot.left - 5, top + 8, "0", anchor="end", size=9, class_="quiet")
        plot.text(plot.left - 5, top + high, str(neurons - 1), anchor="end", size=9, class_="quiet")
        for kind, colour in (("both", "both"), ("only_float", "float"), ("only_integer", "integer")):
            larger = 1.0 if kind == "both" else 2.0  # rare, and the important ones
            dots = "".join(
                f"M{plot.px(step * step_ms):g} {top + high * (neuron + 0.5) / neurons:.1f}h{width:.1f}"
                for step, neuron in population[kind]
            )
            if dots:
                plot.add(el("path", d=dots, class_=f"dots {colour}", stroke_width=round(larger * min(tall, 3.0), 2)))
    return plot


def cores(entries: Sequence[Mapping[str, Any]], colours: Mapping[str, int], most: int = 512) -> Plot:
    """Plot one cell per core, filled as far as the fullest of its limits, in the colour of its population.

    If several populations share a core, each takes a part of the filled height in proportion to its neurons.
    """
    from myelin.convert.mapping.populations import LABELS  # imported here, since it loads the compiled loops

    shown = list(entries)[:most]
    across = min(16, max(4, len(shown)))  # a few cores are drawn larger
    cell = (WIDTH - 20) / across
    rows = -(-len(shown) // across)
    plot = Plot(rows * (cell + 4) + 16, left=10)
    for number, core in enumerate(shown):
        x, y = 10 + (number % across) * cell, 8 + (number // across) * (cell + 4)
        inner, filled = cell - 3, 0.0
        plot.add(rect(x, y, inner, inner, "frame"))
        total = sum(part["neurons"] for part in core["parts"]) or 1
        for part in core["parts"]:
            share = inner * min(100.0, core["fill_percent"]) / 100 * part["neurons"] / total
            said = f"core {core['core']}: {part['where']}, {part['neurons']} neurons; core {core['fill_percent']:.1f} % full"
            filled += share
            colour = f"fill series{colours[part['where']] % 8}"
            plot.add(rect(x, y + inner - filled, inner, share, colour, title=said, opacity=0.5))  # text stands on it
        plot.text(x + 3, y + 9, str(core["core"]), size=8, class_="quiet")
        middle, size = x + inner / 2, 11 if across <= 6 else 9 if across < 13 else 7
        plot.text(middle, y + inner / 2 + 3, f"{core['fill_percent']:.0f} %", anchor="middle", size=size)
        if across <= 8 and core["fullest"]:
            name = clipped(LABELS.get(core["fullest"], str(core["fullest"])), 15)
            plot.text(middle, y + inner / 2 + 14, name, anchor="middle", size=min(9.0, 0.13 * cell))
    return plot


def curves(
    series: Sequence[tuple[str, Sequence[float], Sequence[float]]],
    x_label: str,
    y_label: str,
    *,
    dots: bool = False,
    mark: tuple[float, float, str] | None = None,
) -> Plot:
    """Plot lines of (CSS class of the colour, x values, y values), with a dot at every value if ``dots``.

    ``mark``: (x, y, name) of a dot of its own.
    """
    xs = [value for _, values, _ in series for value in values]
    ys = [value for _, _, values in series for value in values]
    margin = 0.05 * ((max(ys) - min(ys)) or 1.0)
    low, high = min(ys) - margin, max(ys) + margin
    if min(ys) >= 0 and max(ys) <= 100 and "%" in y_label:  # there is nothing below 0 and above 100 %
        low, high = max(0.0, low), min(100.0, high)
    plot = Plot(220, x=(min(xs), max(xs) if max(xs) > min(xs) else min(xs) + 1), y=(low, high), top=18)
    plot.axis_y(y_label, nice_ticks(low, high, most=8))
    whole = x_label == "epoch"
    plot.axis_x(x_label, whole_ticks(*plot.x) if whole else None, grid=False)
    for colour, x_values, y_values in series:
        points = [(plot.px(x), plot.py(y)) for x, y in zip(x_values, y_values)]
        plot.add(el("polyline", points=" ".join(f"{x:g},{y:g}" for x, y in points), class_=f"curve {colour}"))
        for x, y in points if dots else ():
            plot.add(el("circle", cx=x, cy=y, r=3.5, class_=f"fill {colour}"))
    if mark is not None:
        x, y, name = mark
        plot.add(el("circle", el("title", name), cx=plot.px(x), cy=plot.py(y), r=4.5, class_="fill integer"))
    return plot


def nothing(text: str) -> Html:
    """A placeholder text for a figure without content."""
    return el("p", text, class_="missing")
