"""Figure of a validation: accuracy of every stage, and its difference to the float network with the allowed loss."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from myelin.convert.plots import _INK, Path, _figure, _save
from myelin.hw_configs.figures import ALONE_STAGE, CUMULATED_STAGE, FLOAT_STAGE, INTEGER_STAGE
from myelin.hw_configs.written import counted
from myelin.validation.stages import ALONE, CUMULATED, ValidationStage, there
from myelin.validation.validate import Validation

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def stages_with_intervals(path: Path, validation: Validation) -> None:
    """Write the PNG ``path``: two panels with 95 % intervals.

    One shows the accuracy in percent, the other the difference to the float side in percent points, with the allowed loss of
    the gate as a line; for traces the error, and its change in percent.
    """
    first, *others = there(CUMULATED, validation.outcomes)
    alone = there(ALONE, validation.outcomes)
    rows = [("", first), *(("only ", name) for name in alone), *(("", name) for name in others)]
    stages = [validation.stage(name) for _, name in rows]
    names = [prefix + stage.description for (prefix, _), stage in zip(rows, stages)]
    colours = [FLOAT_STAGE, *[ALONE_STAGE] * len(alone), *[CUMULATED_STAGE] * (len(others) - 1), INTEGER_STAGE][-len(rows) :]
    trace, gate = validation.task == "trace", validation.gate
    figure = _figure(11.0, 1.4 + 0.36 * len(rows))
    left, right = figure.subplots(1, 2, sharey=True)
    _bars(left, [stage.measure for stage in stages], colours)
    left.set_yticks(range(len(rows)), names, fontsize=9)
    left.invert_yaxis()
    left.set_xlabel("error (RMSE)" if trace else "accuracy (%)")
    _bars(right, [_difference(stage) for stage in stages], colours)
    right.axvline(0, color=_INK, linewidth=0.8)
    if gate is not None:
        allowed = gate.max_drop if trace else -gate.max_drop
        right.axvline(allowed, color=_INK, linestyle="--", linewidth=1)
        right.annotate(
            f"allowed: {allowed:+g}", (allowed, 1), xytext=(3, -9), xycoords=("data", "axes fraction"),
            textcoords="offset points", fontsize=8,
        )  # fmt: skip
    right.set_xlabel("change of the error (%)" if trace else "difference to the float network (points)")
    samples = f"{counted(validation.samples, 'sample')} of {os.path.basename(validation.data)}"
    figure.suptitle(f"{samples}: {'no reference' if gate is None else gate.outcome}", fontsize=11)
    _save(figure, path)


def _difference(stage: ValidationStage) -> tuple[float, float, float]:
    found = stage.to_float
    return (0.0, 0.0, 0.0) if found is None else found.change


def _bars(axes: Axes, values: Sequence[tuple[float, float, float]], colours: Sequence[str]) -> None:
    for row, ((value, low, high), colour) in enumerate(zip(values, colours)):
        reach = [[max(0.0, value - low)], [max(0.0, high - value)]]
        axes.errorbar([value], [row], xerr=reach, fmt="o", color=colour, capsize=3, markersize=5)
    axes.grid(axis="x", alpha=0.3)
