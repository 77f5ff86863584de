"""A validation as text for the screen; ``myelin.validation.as_json`` has the same values for JSON."""

from __future__ import annotations

from collections.abc import Iterator

from myelin.convert.artifact.examine import Examination
from myelin.convert.compare import report as divergence_report
from myelin.convert.samples import events_line
from myelin.validation.gate import verdict
from myelin.validation.stages import ALONE, CUMULATED, INTEGER, StageComparison, ValidationStage
from myelin.validation.validate import FLOAT, ClassChange, Validation

_ROW = "{:31} {:>9} {:>16}  {:>9} {:>16} {:>16} {:>8} {:>10} {:>9}".format


def lines(validation: Validation) -> list[str]:
    """Tables and verdict as lines."""
    split = f"{validation.split} split, " if validation.split != "all" else "whole file, "
    return [
        f"data          {validation.data}: {split}{len(validation.labels)} samples",
        f"not in frames {events_line(validation.events_not_in_frames)}",
        *network_lines(validation.examination),
        "",
        *_stage_lines(validation),
        "",
        *_rate_lines(validation.stage(FLOAT), validation.stage(INTEGER)),
        *_class_lines(validation.by_class),
        "",
        *map(str, validation.equalities),
        *_divergence_lines(validation),
        "",
        *_verdict_lines(validation),
    ]


def network_lines(examination: Examination) -> list[str]:
    """Lines that report whether the network is the trained one."""
    if examination.failures:
        return [f"network       {failure}" for failure in examination.failures]
    compared = f"the integers of {examination.reference}" if examination.reference else "compared with nothing"
    return [f"network       {compared}; all {examination.golden.values} golden values come out"]


def _stage_lines(validation: Validation) -> Iterator[str]:
    heads = ("to float", "95 % interval", "bootstrap", "agree", "McNemar p", "spikes")
    yield _ROW("stage", "accuracy", "95 % interval", *heads)
    yield _row(validation.stage(FLOAT), None)
    yield "each alone"
    for name in ALONE:
        yield _row(validation.stage(name), validation.stage(name).to_float, "  ")
    yield "one after the other"
    for name in CUMULATED[1:]:
        yield _row(validation.stage(name), validation.stage(name).to_float, "  ")
    yield _ROW("each against the one before", "", "", "to before", *heads[1:])
    for name in CUMULATED[1:]:
        yield _ROW(f"  {validation.stage(name).description}", "", "", *_against(validation.stage(name).to_previous)).rstrip()
    yield "differences in percent points on the same samples: Tango's interval, paired bootstrap, exact McNemar test"


def _row(stage: ValidationStage, comparison: StageComparison | None, indent: str = "") -> str:
    interval = f"{stage.accuracy_low_percent:.2f} .. {stage.accuracy_high_percent:.2f}"
    row = _ROW(indent + stage.description, f"{stage.accuracy_percent:.2f} %", interval, *_against(comparison))
    return row.rstrip()


def _against(comparison: StageComparison | None) -> tuple[str, ...]:
    if comparison is None:
        return ("-", "", "", "", "", "")
    return (
        f"{comparison.difference_points:+.2f}",
        f"{comparison.difference_low_points:+.2f} .. {comparison.difference_high_points:+.2f}",
        f"{comparison.bootstrap_low_points:+.2f} .. {comparison.bootstrap_high_points:+.2f}",
        f"{comparison.agreement_percent:.1f} %",
        f"{comparison.mcnemar_p:.3f}",
        _percent(comparison.spike_rate_change_percent),
    )


def _percent(change: float | None) -> str:
    return "-" if change is None else f"{change:+.1f} %"


def _rate_lines(before: ValidationStage, after: ValidationStage) -> Iterator[str]:
    assert after.to_float is not None
    for layer, rate in before.spikes_per_neuron_step_by_layer.items():
        now, change = after.spikes_per_neuron_step_by_layer[layer], after.to_float.spike_rate_change_percent_by_layer[layer]
        yield f"spikes        layer {layer}: {rate:.4f} per neuron and step as floats, {now:.4f} now ({_percent(change)})"


def _class_lines(changes: tuple[ClassChange, ...]) -> Iterator[str]:
    changed = [change for change in changes if change.only_float_right_samples or change.only_integer_right_samples]
    yield f"classes       {len(changed)} of {len(changes)} change{':' if changed else ''}"
    for change in changed:
        right = f"{change.float_correct_samples} -> {change.integer_correct_samples} of {change.samples} right"
        lost, gained = change.only_float_right_samples, change.only_integer_right_samples
        points = "-" if change.difference_points is None else f"{change.difference_points:+.1f} points"
        yield f"              {change.name:20} {right:24} {points:>13}   lost {lost}, gained {gained}"


def _divergence_lines(validation: Validation) -> Iterator[str]:
    for equality in validation.equalities:
        if equality.divergence is not None:
            yield ""
            yield f"first divergence, {equality.name}"
            yield from divergence_report.lines(equality.divergence)


def _verdict_lines(validation: Validation) -> list[str]:
    word = {"passes": "PASS", "fails": "FAIL", "undecided": "UNDECIDED"}[validation.gate.outcome]
    others = [failure for failure in validation.failures if failure != verdict(validation.gate)]
    first, *rest = verdict(validation.gate).split("; ")
    return [*(f"FAIL: {failure}" for failure in others), f"{word}: {first}", *(f"{'':6}{part}" for part in rest)]
