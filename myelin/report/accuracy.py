"""Sections on accuracy: every stage with intervals, runs that must be equal, classes."""

from __future__ import annotations

from myelin.report import charts
from myelin.report.markup import Facts, Html, el, join, listing, table
from myelin.report.svg import figure

_COLOURS = {"float": "float", "delays": "grey", "weights": "grey", "decays": "grey", "simulator": "integer"}


def stages(f: Facts) -> Html:
    """Section with the accuracy of every stage, and its difference to the floats."""
    missing = f.missing("validation")
    if missing is not None:
        return missing
    found = f.get("validation.stages")
    order = [number for number, stage in enumerate(found) if stage["name"] not in ("delays", "weights", "decays")]
    alone = [number for number, stage in enumerate(found) if number not in order]
    order = [order[0], *alone, *order[1:]]
    allowed = f.get("validation.gate.max_drop_points")
    rows, changes = [], []
    for number in order:
        stage = found[number]
        name = f"only {stage['description']}" if number in alone else stage["description"]
        colour = _COLOURS.get(stage["name"], "green")
        ends = (f"accuracy_{which}percent" for which in ("", "low_", "high_"))
        rows.append((name, *(stage[end] for end in ends), colour))
        if stage["to_float"] is not None:
            compared = (stage["to_float"][f"difference_{which}points"] for which in ("", "low_", "high_"))
            changes.append((name, *compared, colour))
    values = table(
        (
            "stage",
            "right",
            "accuracy, %",
            "95 % from",
            "to",
            "to floats, points",
            "95 % from",
            "to",
            "same class, %",
            "spikes, %",
        ),
        [_stage_row(f, number, number in alone) for number in order],
    )
    best = [charts.intervals(rows, "accuracy (%)")]
    lines = [(0.0, "floats"), (-allowed, f"allowed: -{allowed:g}")]
    best.append(charts.intervals(changes, "difference to the float network (percent points)", lines=lines))
    text = (
        "Accuracy of every stage",
        "Dot: accuracy on the samples; line: its 95 % interval (Wilson).",
    )
    other = (
        "Difference to the float network, on the same samples",
        "Negative: the integers lose. Dashed: no difference, and the loss that the gate allows; line: 95 % interval (Tango).",
    )
    legend = [
        ("float", "float network"),
        ("grey", "one quantisation alone"),
        ("green", "one more each"),
        ("integer", "integers"),
    ]
    return join(
        (
            el("p", "Measured on ", f.num("validation.samples"), " samples (split: ", f.text("validation.split"),
               "), allowed loss ", f.num("validation.gate.max_drop_points", "g"), " points. The gate ",
               f.text("validation.gate.rule"), "."),
            el(
                "div",
                figure("stages", best[0], *text, legend=legend, values=values),
                figure("differences", best[1], *other, legend=legend, values=_bootstrap(f, order)),
                class_="grid",
            ),
            el("h3", "What must be equal"),
            _parities(f),
        )
    )  # fmt: skip


def _stage_row(f: Facts, number: int, alone: bool) -> list[object]:
    at = f"validation.stages[{number}]"
    row: list[object] = [join(("only " if alone else None, f.text(f"{at}.description"))), f.num(f"{at}.correct_samples")]
    row += [f.num(f"{at}.accuracy_{which}percent", ".2f") for which in ("", "low_", "high_")]
    if f.get(f"{at}.to_float") is None:
        return [*row, "", "", "", "", ""]
    to = f"{at}.to_float"
    row += [f.num(f"{to}.difference_{which}points", "+.2f") for which in ("", "low_", "high_")]
    return [*row, f.num(f"{to}.agreement_percent", ".1f"), f.num(f"{to}.spike_rate_change_percent", "+.2f")]


def _bootstrap(f: Facts, order: list[int]) -> Html:
    rows = []
    for number in order:
        to = f"validation.stages[{number}].to_float"
        if f.get(to) is not None:
            names = ("difference_points", "bootstrap_low_points", "bootstrap_high_points")
            counts = (f.num(f"{to}.only_{which}_right_samples") for which in ("other", "this"))
            shown = (f.num(f"{to}.{name}", "+.2f") for name in names)
            rows.append([f.text(f"validation.stages[{number}].description"), *shown, *counts, f.num(f"{to}.mcnemar_p", ".3f")])
    heads = ("stage", "points", "bootstrap 95 % from", "to", "only floats right", "only this right", "McNemar p")
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
    golden = el(
        "p", "Golden values: ", f.num(f"{network}.golden_different_values"), " of ", f.num(f"{network}.golden_values", ",d"),
        " differ. The integers were compared with: ", f.text(f"{network}.reference"), ".",
    )  # fmt: skip
    heads = ("compared", "outcome", "samples", "values", "different", "why not")
    return join((table(heads, rows), golden, listing(failures) if failures else None))


def classes(f: Facts) -> Html:
    """Section with confusion matrices and the changes of each class."""
    missing = f.missing("validation")
    if missing is not None:
        return missing
    names = [str(name) for name in f.get("validation.classes")]
    shown = []
    for which, title in (("float", "Float network"), ("integer", "Integer network")):
        at = f"validation.confusion.{which}"
        counts = f.get(at)
        rows = [[f.text(f"validation.classes[{row}]"), *(f.num(f"{at}[{row}][{column}]") for column in range(len(names)))]
                for row in range(len(names))]  # fmt: skip
        text = "Rows: the true class; columns: what was predicted. Orange: wrong, in a scale of its own."
        legend = [("right", "right"), ("wrong", "wrong")]
        values = table(("true \\ predicted", *names), rows)
        shown.append(figure(f"confusion-{which}", charts.matrix(counts, names), f"Confusion, {title.lower()}", text,
                            legend=legend, values=values))  # fmt: skip
    return join((el("div", *shown, class_="grid"), _changes(f)))


def _changes(f: Facts) -> Html:
    changes = f.get("validation.by_class")
    changed = [n for n, one in enumerate(changes) if one["only_float_right_samples"] or one["only_integer_right_samples"]]
    head = ("class", "samples", "floats right", "integers right", "points", "lost", "gained")
    rows = []
    for number in range(len(changes)):
        at = f"validation.by_class[{number}]"
        counts = [f.num(f"{at}.{name}") for name in ("samples", "float_correct_samples", "integer_correct_samples")]
        moved = [f.num(f"{at}.only_{which}_right_samples") for which in ("float", "integer")]
        rows.append([f.text(f"{at}.name"), *counts, f.num(f"{at}.difference_points", "+.1f"), *moved])
    if not changed:
        return join((el("p", "No class changes: both networks get the same samples of every class right."), table(head, rows)))
    drawn = [
        (str(changes[n]["name"]), [changes[n]["integer_correct_samples"] - changes[n]["float_correct_samples"]])
        for n in changed
    ]
    plot = charts.bars(drawn, ["integer"], "samples that the integers get right more (+) or fewer (-)", whole=True)
    text = "Classes in which either network is right where the other is not; no bar: as many lost as gained."
    drawing = figure("class-changes", plot, "What changes, class by class", text, values=table(head, rows))
    return el("div", drawing, class_="grid")
