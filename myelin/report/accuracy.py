"""Sections on accuracy: every stage with intervals, runs that must be equal, classes."""

from __future__ import annotations

from typing import NamedTuple

from myelin.report import charts
from myelin.report.markup import Facts, Html, el, join, listing, table
from myelin.report.svg import figure

_HEADS = ("compared", "outcome", "samples", "values", "different", "why not")
#: Number of classes in the chart of changes; the table below it has all.
_MOST_CLASSES = 20
_COLOURS = {"float": "float", "delays": "grey", "weights": "grey", "decays": "grey", "simulator": "integer"}


class MeasureFields(NamedTuple):
    """Names of the values of a validation, by its task; and how they are shown.

    Attributes:
        title: what is measured.
        measure: value and interval of a stage.
        change, bootstrap: difference to the float side, with the gate's interval, and with the bootstrap's.
        counts: samples (steps) that only the other and only this stage gets right, or in which this one is worse and better.
        form, unit: format and unit of the measure.
        of: unit of the change, in words.
        test: name of the test.
    """

    title: str
    measure: tuple[str, str, str]
    change: tuple[str, str, str]
    bootstrap: tuple[str, str, str]
    counts: tuple[str, str]
    heads: tuple[str, str]
    form: str
    unit: str
    of: str
    test: str


_ACCURACY = MeasureFields(
    "Accuracy",
    ("accuracy_percent", "accuracy_low_percent", "accuracy_high_percent"),
    ("difference_points", "difference_low_points", "difference_high_points"),
    ("difference_points", "bootstrap_low_points", "bootstrap_high_points"),
    ("only_other_right_samples", "only_this_right_samples"),
    ("only floats right", "only this right"),
    ".2f",
    " %",
    "points",
    "McNemar p",
)
_ERROR = MeasureFields(
    "Error (RMSE)",
    ("rmse", "rmse_low", "rmse_high"),
    ("rmse_change_percent", "rmse_change_low_percent", "rmse_change_high_percent"),
    ("rmse_change_percent", "rmse_bootstrap_low_percent", "rmse_bootstrap_high_percent"),
    ("worse_samples", "better_samples"),
    ("samples worse", "samples better"),
    ".4g",
    "",
    "%",
    "p",
)


def fields(f: Facts) -> MeasureFields:
    """The names for the task of the validation."""
    task = f.get("validation").get("task", "classes")
    if task == "trace":
        return _ERROR
    return _ACCURACY if task == "classes" else _ACCURACY._replace(title="Accuracy of the labelled steps", test="p")


def stages(f: Facts) -> Html:
    """Section with the measure of every stage, and its difference to the floats."""
    missing = f.missing("validation")
    if missing is not None:
        return missing
    names = fields(f)
    found = f.get("validation.stages")
    alone = [number for number, stage in enumerate(found) if stage["name"] in f.get("validation.alone")]
    rest = [number for number in range(len(found)) if number not in alone]
    order = [rest[0], *alone, *rest[1:]]
    allowed = f.get("validation.gate.max_drop_points")
    rows, changes = [], []
    for number in order:
        stage = found[number]
        name = f"only {stage['description']}" if number in alone else stage["description"]
        colour = _COLOURS.get(stage["name"], "green")
        rows.append((name, *(stage[end] for end in names.measure), colour))
        if stage["to_float"] is not None:
            changes.append((name, *(stage["to_float"][end] for end in names.change), colour))
    values = table(
        (
            "stage", "right", f"{names.title.lower()}{',' if names.unit else ''}{names.unit}", "95 % from", "to",
            f"to floats, {names.of}", "95 % from", "to", "same class, %", "spikes, %",
        ),
        [_stage_row(f, names, number, number in alone) for number in order],
    )  # fmt: skip
    text = f"{names.title} of every stage", "Dot: value on the samples; line: its 95 % interval."
    legend = [("float", "float side"), ("integer", "integers")]
    if alone:
        legend[1:1] = [("grey", "one quantisation alone"), ("green", "one more each")]
    label = names.title.lower() + (" (%)" if names.unit else "")
    shown = [figure("stages", charts.intervals(rows, label), *text, legend=legend, values=values)]
    if changes:
        shown.append(_differences(f, names, changes, order, allowed, legend))
    return join((_measured_on(f), el("div", *shown, class_="grid"), el("h3", "What must be equal"), _parities(f)))


def _measured_on(f: Facts) -> Html:
    said: list[object] = ["Measured on ", f.num("validation.samples"), " samples (split: ", f.text("validation.split"), ")"]
    if f.get("validation").get("reference"):
        said += [", compared with ", f.text("validation.reference.name"), " (", f.text("validation.reference.kind"), ")"]
    if f.get("validation.gate.max_drop_points") is None:
        return el("p", *said, ". ", f.text("validation.gate.message"), ".")
    unit = " % more error" if f.get("validation.gate").get("unit") == "percent" else " points"
    allowed = (", allowed loss ", f.num("validation.gate.max_drop_points", "g"), unit)
    return el("p", *said, *allowed, ". The gate ", f.text("validation.gate.rule"), ".")


def _differences(
    f: Facts,
    names: MeasureFields,
    changes: list[charts.Interval],
    order: list[int],
    allowed: float,
    legend: list[tuple[str, str]],
) -> Html:
    worse = -allowed if names.of == "points" else allowed
    lines = [(0.0, "floats"), (worse, f"allowed: {worse:+g}")]
    label = "difference to the float side (percent points)" if names.of == "points" else "change of the error (%)"
    title = "Difference to the float side, on the same samples"
    side = "Negative" if names.of == "points" else "Positive"
    text = (
        f"{side}: the integers do worse. Dashed: no difference, which an interval around it leaves open, and the loss that the "
        "gate allows; line: 95 % interval."
    )
    plot = charts.intervals(changes, label, lines=lines)
    return figure("differences", plot, title, text, legend=legend, values=_bootstrap(f, names, order))


def _stage_row(f: Facts, names: MeasureFields, number: int, alone: bool) -> list[object]:
    at = f"validation.stages[{number}]"
    row: list[object] = [join(("only " if alone else None, f.text(f"{at}.description"))), f.num(f"{at}.correct_samples")]
    row += [f.num(f"{at}.{name}", names.form) for name in names.measure]
    if f.get(f"{at}.to_float") is None:
        return [*row, "", "", "", "", ""]
    to = f"{at}.to_float"
    row += [f.num(f"{to}.{name}", "+.2f") for name in names.change]
    return [*row, f.num(f"{to}.agreement_percent", ".1f"), f.num(f"{to}.spike_rate_change_percent", "+.2f")]


def _bootstrap(f: Facts, names: MeasureFields, order: list[int]) -> Html:
    rows = []
    for number in order:
        to = f"validation.stages[{number}].to_float"
        if f.get(to) is not None:
            counts = (f.num(f"{to}.{name}") for name in names.counts)
            shown = (f.num(f"{to}.{name}", "+.2f") for name in names.bootstrap)
            p = f.num(f"{to}.{'mcnemar_p' if names.test == 'McNemar p' else 'p'}", ".3f")
            rows.append([f.text(f"validation.stages[{number}].description"), *shown, *counts, p])
    heads = ("stage", names.of, "bootstrap 95 % from", "to", *names.heads, names.test)
    return table(heads, rows)


def _parities(f: Facts) -> Html:
    rows = []
    for number, parity in enumerate(f.get("validation.parities")):
        at = f"validation.parities[{number}]"
        outcome = {True: "equal", False: "DIFFERENT", None: "not run"}[parity["equal"]]
        why = f.text(f"{at}.skipped") if parity["skipped"] is not None else ""
        counts = ("", "", "") if parity["equal"] is None else (
            f.num(f"{at}.samples"), f.num(f"{at}.values", ",d"), f.num(f"{at}.different_values", ",d"))  # fmt: skip
        rows.append([f.text(f"{at}.name"), outcome, *counts, el("span", why)])
    network = "validation.network"
    failures = [f.text(f"{network}.failures[{number}]") for number in range(len(f.get(f"{network}.failures")))]
    if f.get(f"{network}.as_expected") is None:
        return table(_HEADS, rows)
    golden = el(
        "p", "Golden values: ", f.num(f"{network}.golden_different_values"), " of ", f.num(f"{network}.golden_values", ",d"),
        " differ. The integers were compared with: ", f.text(f"{network}.reference"), ".",
    )  # fmt: skip
    return join((table(_HEADS, rows), golden, listing(failures) if failures else None))


def classes(f: Facts) -> Html:
    """Section with confusion matrices and the changes of each class."""
    missing = f.missing("validation")
    if missing is not None:
        return missing
    names = [str(name) for name in f.get("validation.classes")]
    shown = []
    what = "steps" if f.get("validation").get("task") == "steps" else "samples"
    for which, title in (("float", "Float network"), ("integer", "Integer network")):
        at = f"validation.confusion.{which}"
        counts = f.get(at)
        if counts is None:
            continue
        rows = [[f.text(f"validation.classes[{row}]"), *(f.num(f"{at}[{row}][{column}]") for column in range(len(names)))]
                for row in range(len(names))]  # fmt: skip
        text = f"{what.title()}. Rows: the true class; columns: what was predicted. Orange: wrong, in a scale of its own."
        legend = [("right", "right"), ("wrong", "wrong")]
        values = table(("true \\ predicted", *names), rows)
        shown.append(figure(f"confusion-{which}", charts.matrix(counts, names), f"Confusion, {title.lower()}", text,
                            legend=legend, values=values))  # fmt: skip
    return join((el("div", *shown, class_="grid"), _changes(f, what) if f.get("validation.by_class") else None))


def _changes(f: Facts, what: str) -> Html:
    changes = f.get("validation.by_class")
    changed = [n for n, one in enumerate(changes) if one["only_float_right_samples"] or one["only_integer_right_samples"]]
    head = ("class", what, "floats right", "integers right", "points", "lost", "gained")
    rows = []
    for number in range(len(changes)):
        at = f"validation.by_class[{number}]"
        counts = [f.num(f"{at}.{name}") for name in ("samples", "float_correct_samples", "integer_correct_samples")]
        moved = [f.num(f"{at}.only_{which}_right_samples") for which in ("float", "integer")]
        rows.append([f.text(f"{at}.name"), *counts, f.num(f"{at}.difference_points", "+.1f"), *moved])
    if not changed:
        return join((el("p", f"No class changes: both networks get the same {what} of every class right."), table(head, rows)))
    gains = [changes[n]["integer_correct_samples"] - changes[n]["float_correct_samples"] for n in changed]
    drawn = [(str(changes[n]["name"]), [gain]) for n, gain in zip(changed, gains)]
    text = "Classes in which either network is right where the other is not; no bar: as many lost as gained."
    if len(drawn) > _MOST_CLASSES:
        drawn = sorted(drawn, key=lambda one: -abs(one[1][0]))[:_MOST_CLASSES]
        text = f"The {_MOST_CLASSES} of {len(changed)} changed classes whose number of right {what} changes most."
    plot = charts.bars(drawn, ["integer"], f"{what} that the integers get right more (+) or fewer (-)", whole=True)
    drawing = figure("class-changes", plot, "What changes, class by class", text, values=table(head, rows))
    return el("div", drawing, class_="grid")
