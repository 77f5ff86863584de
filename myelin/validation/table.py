"""A validation as text for the screen; ``myelin.validation.as_json`` has the same values for JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from myelin.convert.artifact.examine import Examination
from myelin.convert.artifact.provenance import Origin
from myelin.convert.compare import report as divergence_report
from myelin.convert.opened import note_lines
from myelin.convert.published_steps import EXPLAINED
from myelin.convert.samples import events_line
from myelin.hw_configs.terminal.screen import Tone, Toned, judged, table
from myelin.hw_configs.written import counted, thousands
from myelin.validation.gate import NOT_JUDGED, verdict
from myelin.validation.reference import FLOAT
from myelin.validation.stages import ALONE, CUMULATED, INTEGER, StageComparison, ValidationStage, there

if TYPE_CHECKING:
    from myelin.validation.validate import Validation

#: Number of classes whose changes are shown; from more, those with most.
_MOST_CLASSES = 12
#: Tone of the verdict for each outcome of the gate.
_TONES: dict[str, Tone] = {"passes": "good", "fails": "bad", "undecided": "warning"}


def shown(validation: Validation) -> list[str]:
    """A validation as lines for the screen: the network and the tables."""
    opened = validation.opened
    assert opened is not None
    said = opened.title
    if opened.artifact is not None:
        origin = Origin.of(opened.artifact)
        said = f"{origin.name}, exported for {origin.target}"
    return [f"validate      {opened.name}: {said}", *note_lines({"note": opened.note}), *lines(validation)]


def lines(validation: Validation) -> list[str]:
    """Tables and verdict as lines."""
    answers = {"classes": "", "steps": ", a class for each step", "trace": ", traces"}[validation.task]
    reference = validation.reference or {"kind": "none", "name": "only what must be equal is judged"}
    with_floats = FLOAT in validation.outcomes
    return [
        f"data          {validation.data}: {validation.part}, {counted(validation.samples, 'sample')}{answers}",
        f"not in frames {events_line(validation.events_not_in_frames)}",
        f"reference     {reference['kind']}: {reference['name']}",
        *([] if validation.unit is None else [f"unit          {validation.unit.scale:g} is 1.0: {validation.unit.source}"]),
        *([] if validation.examination is None else network_lines(validation.examination)),
        "",
        *_stage_lines(validation),
        *_published_lines(validation),
        "",
        *([] if validation.messages is None else [f"messages      {validation.messages}"]),
        *(_rate_lines(validation.stage(FLOAT), validation.stage(INTEGER)) if with_floats else ()),
        *(_class_lines(validation) if with_floats and validation.task != "trace" else ()),
        "",
        *([] if validation.limits is None else validation.limits.lines()),
        *(str(one) if one.holds else judged(str(one), False) for one in validation.equalities),
        *_divergence_lines(validation),
        "",
        *_verdict_lines(validation),
    ]


def network_lines(examination: Examination) -> list[str]:
    """Lines that report whether the network is the trained one."""
    if examination.failures:
        return [judged(f"network       {failure}", False) for failure in examination.failures]
    compared = f"the integers of {examination.reference}" if examination.reference else "compared with nothing"
    return [f"network       {compared}; all {thousands(examination.golden.values)} golden values come out"]


def _stage_lines(validation: Validation) -> Iterator[str]:
    trace = validation.task == "trace"
    test = "McNemar p" if validation.task == "classes" else "p"
    agree = "worse" if trace else "agree"
    heads = ("to float", "95 % interval", "bootstrap", agree, test, "spikes")
    first, *others = there(CUMULATED, validation.outcomes)
    alone = there(ALONE, validation.outcomes)
    rows = [_row(validation, first)]
    if alone:
        rows += [_title("each alone"), *(_row(validation, name, "  ") for name in alone), _title("one after the other")]
    rows += [_row(validation, name, "  " if alone else "") for name in others]
    if alone:
        rows.append(("each against the one before", "", "", "to before", *heads[1:]))
        for stage in map(validation.stage, others):
            rows.append((f"  {stage.description}", "", "", *_against(validation, stage.to_previous)))
    yield from table(("stage", "RMSE" if trace else "accuracy", "95 % interval", *heads), rows, "<>>>>>>>>")
    yield validation.tests


def _title(text: str) -> tuple[str, ...]:
    return (text, *[""] * 8)


def _published_lines(validation: Validation) -> Iterator[str]:
    """The figure that published scripts report, beside that of the labelled steps."""
    found = {"before": FLOAT, "integers": INTEGER}
    stages = {said: validation.stage(name) for said, name in found.items() if name in validation.outcomes}
    told = [f"{said} {one.published_percent:.2f} %" for said, one in stages.items() if one.published_percent is not None]
    if told:
        yield f"published     {', '.join(told)}: {EXPLAINED}"


def _row(validation: Validation, name: str, indent: str = "") -> tuple[str, ...]:
    stage = validation.stage(name)
    value, low, high = stage.measure
    form, unit = (".4f", "") if validation.task == "trace" else (".2f", " %")
    against = _against(validation, stage.to_float)
    return (indent + stage.description, f"{value:{form}}{unit}", f"{low:{form}} .. {high:{form}}", *against)


def _against(validation: Validation, comparison: StageComparison | None) -> tuple[str, ...]:
    if comparison is None:
        return ("-", "", "", "", "", "")
    change, low, high = comparison.change
    agree = (
        f"{comparison.agreement_percent:.1f} %"
        if comparison.agreement_percent is not None
        else (f"{comparison.worse_samples} of {validation.samples}")
    )
    return (
        f"{change:+.2f}",
        f"{low:+.2f} .. {high:+.2f}",
        f"{comparison.bootstrap[1]:+.2f} .. {comparison.bootstrap[2]:+.2f}",
        agree,
        f"{comparison.p:.3f}",
        _percent(comparison.spike_rate_change_percent),
    )


def _percent(change: float | None) -> str:
    return "-" if change is None else f"{change:+.1f} %"


def _rate_lines(before: ValidationStage, after: ValidationStage) -> Iterator[str]:
    if after.to_float is None:
        return
    for layer, rate in before.spikes_per_neuron_step_by_layer.items():
        now, change = after.spikes_per_neuron_step_by_layer[layer], after.to_float.spike_rate_change_percent_by_layer[layer]
        where = "input" if layer == "-1" else f"layer {layer}"
        yield f"spikes        {where}: {rate:.4f} per neuron and step as floats, {now:.4f} now ({_percent(change)})"


def _class_lines(validation: Validation) -> Iterator[str]:
    changes, what = validation.by_class, " steps" if validation.task == "steps" else ""
    changed = [change for change in changes if change.only_float_right_samples or change.only_integer_right_samples]
    shown = changed
    if len(changed) > _MOST_CLASSES:
        largest = sorted(changed, key=lambda one: -one.only_float_right_samples - one.only_integer_right_samples)
        shown = [change for change in changed if change in largest[:_MOST_CLASSES]]
    which = f"; the {len(shown)} with most samples that change (--json has all)" if len(shown) < len(changed) else ""
    yield f"classes       {len(changed)} of {len(changes)} change{which}{':' if changed else ''}"
    rows = []
    for change in shown:
        right = f"{change.float_correct_samples} -> {change.integer_correct_samples} of {change.samples}{what} right"
        lost, gained = change.only_float_right_samples, change.only_integer_right_samples
        points = "-" if change.difference_points is None else f"{change.difference_points:+.1f} points"
        rows.append((change.name, right, points, f"lost {lost}, gained {gained}"))
    yield from table(("",) * 4, rows, "<<><", indent=14)[1:] if rows else ()


def _divergence_lines(validation: Validation) -> Iterator[str]:
    for equality in validation.equalities:
        if equality.divergence is not None:
            yield ""
            yield f"first divergence, {equality.name}"
            yield from divergence_report.lines(equality.divergence)


def _verdict_lines(validation: Validation) -> list[str]:
    if validation.gate is None:
        equal = "FAIL" if validation.failures else "EQUAL"
        told = judged(f"{equal}: {NOT_JUDGED}", not validation.failures)
        return [*(judged(f"FAIL: {failure}", False) for failure in validation.failures), told]
    word = {"passes": "PASS", "fails": "FAIL", "undecided": "UNDECIDED"}[validation.gate.outcome]
    others = [failure for failure in validation.failures if failure != verdict(validation.gate)]
    first, *rest = verdict(validation.gate).split("; ")
    tone = _TONES[validation.gate.outcome]
    failed = [judged(f"FAIL: {failure}", False) for failure in others]
    return [*failed, Toned(f"{word}: {first}", tone), *(f"{'':6}{part}" for part in rest)]
