"""Figure of a validation: accuracy of every stage, and its difference to the float network with the allowed loss."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from myelin.convert.plots import _BLUE, _GREEN, _INK, _ORANGE, Path, _figure, _save
from myelin.validation.stages import ALONE, CUMULATED, ValidationStage
from myelin.validation.validate import Validation

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def stages_with_intervals(path: Path, validation: Validation) -> None:
    """Write the PNG ``path``: two panels with 95 % intervals.

    One shows the accuracy in percent, the other the difference to the float network in percent points, with the allowed loss of
    the gate as a line.
    """
    rows = [("", name) for name in CUMULATED[:1]] + [("alone: ", name) for name in ALONE]
    rows += [("", name) for name in CUMULATED[1:]]
    stages = [validation.stage(name) for _, name in rows]
    names = [prefix + stage.description for (prefix, _), stage in zip(rows, stages)]
    colours = [_INK, *[_BLUE] * len(ALONE), *[_ORANGE] * (len(CUMULATED) - 2), _GREEN]
    figure = _figure(11.0, 1.4 + 0.36 * len(rows))
    left, right = figure.subplots(1, 2, sharey=True)
    values = [(s.accuracy_percent, s.accuracy_low_percent, s.accuracy_high_percent) for s in stages]
    _bars(left, values, colours)
    left.set_yticks(range(len(rows)), names, fontsize=9)
    left.invert_yaxis()
    left.set_xlabel("accuracy (%)")
    _bars(right, [_difference(stage) for stage in stages], colours)
    right.axvline(0, color=_INK, linewidth=0.8)
    right.axvline(-validation.gate.max_drop_points, color=_INK, linestyle="--", linewidth=1)
    right.annotate(
        f"allowed: -{validation.gate.max_drop_points:g}", (-validation.gate.max_drop_points, 1), xytext=(3, -9),
        xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=8,
    )  # fmt: skip
    right.set_xlabel("difference to the float network (points)")
    samples = f"{len(validation.labels)} samples of {os.path.basename(validation.data)}"
    figure.suptitle(f"{samples}: {validation.gate.outcome}", fontsize=11)
    _save(figure, path)


def _difference(stage: ValidationStage) -> tuple[float, float, float]:
    found = stage.to_float
    if found is None:
        return 0.0, 0.0, 0.0
    return found.difference_points, found.difference_low_points, found.difference_high_points


def _bars(axes: Axes, values: Sequence[tuple[float, float, float]], colours: Sequence[str]) -> None:
    for row, ((value, low, high), colour) in enumerate(zip(values, colours)):
        reach = [[max(0.0, value - low)], [max(0.0, high - value)]]
        axes.errorbar([value], [row], xerr=reach, fmt="o", color=colour, capsize=3, markersize=5)
    axes.grid(axis="x", alpha=0.3)
