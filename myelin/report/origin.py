"""Sections on the origin of the network: training, sweeps, versions and hashes."""

from __future__ import annotations

from myelin.report import charts
from myelin.report.markup import Facts, Html, el, items, join, table
from myelin.report.svg import figure


def training(f: Facts) -> Html:
    """Section on the origin and the training: network, data and target; facts of the user."""
    origin = f.get("origin")
    facts: list[tuple[object, object]] = [
        ("name", f.text("name")),
        ("made from", f.text("origin.source")),
        ("judged for", f.text("target.title")),
        ("classes or outputs", f.num("origin.classes")),
    ]
    missing = f.missing("training")
    if missing is None:
        facts += _trained(f)
    shown: list[object] = [items(facts)]
    for name, title in (("user", "What its maker says of it"), ("quantisation", "How it was quantised")):
        if origin[name]:
            rows = [[f.text(f"origin.{name}[{n}].name"), el("code", f.text(f"origin.{name}[{n}].value"))]
                    for n in range(len(origin[name]))]  # fmt: skip
            shown += [el("h3", title), table(("name", "value"), rows)]
    if origin["note"]:
        shown.append(el("p", "When it was read: ", f.text("origin.note"), "."))
    if missing is not None:
        shown.append(missing)
        return join((*shown, _curve(f) if f.get("learning_curve") is not None else None))
    config = [[f.text(f"training.config[{n}].name"), el("code", f.text(f"training.config[{n}].value"))]
              for n in range(len(f.get("training.config")))]  # fmt: skip
    all_of_it = el("details", el("summary", "The whole configuration"), table(("name", "value"), config))
    return join((*shown, _curve(f), all_of_it))


def _trained(f: Facts) -> list[tuple[object, object]]:
    at = "training.record"
    facts: list[tuple[object, object]] = [
        ("trained for", f.text("trained_for")),
        ("trained on", f.text(f"{at}.data.name")),
        ("samples for training", f.num(f"{at}.data.train_samples", ",d")),
        ("samples held out of training", f.num(f"{at}.data.validation_samples", ",d")),
        ("parameters", f.num(f"{at}.parameters", ",d")),
        ("of them recurrent", f.num(f"{at}.recurrent_parameters", ",d")),
        ("epochs done", f.num(f"{at}.epochs_done")),
        ("exported epoch", f.num(f"{at}.best.epoch")),
        ("accuracy held out, at that epoch", join((f.num("best_validation_accuracy_percent", ".2f"), " %"))),
    ]
    if "sha256" in f.get(at)["data"]:
        facts.append(("fingerprint of the data", el("code", f.text(f"{at}.data.sha256"))))
    return facts


def _curve(f: Facts) -> Html:
    missing = f.missing("learning_curve")
    if missing is not None:
        return missing
    rows = f.get("learning_curve")
    best = None if f.get("training") is None else f.get("training.record.best.epoch")
    there = [(row["epoch"], row["validation_accuracy_percent"]) for row in rows if row["epoch"] == best]
    mark = (*there[0], f"exported: epoch {best}") if there and there[0][1] is not None else None
    epochs = [row["epoch"] for row in rows]
    plot = charts.curves(
        [(colour, epochs, [row[f"{part}_accuracy_percent"] for row in rows]) for part, colour in
         (("train", "grey"), ("validation", "float"))], "epoch", "accuracy (%)", mark=mark,
    )  # fmt: skip
    values = [
        [f.num(f"learning_curve[{n}].epoch"), f.num(f"learning_curve[{n}].loss", ".4f"),
         *(f.num(f"learning_curve[{n}].{part}_accuracy_percent", ".2f") for part in ("train", "validation"))]
        for n in range(len(rows))
    ]  # fmt: skip
    legend = [("grey", "training"), ("float", "held out of training"), *([("integer", "the exported epoch")] if mark else ())]
    text = "Accuracy over the epochs of training."
    shown = table(("epoch", "loss", "training, %", "held out, %"), values)
    return el("div", figure("learning-curve", plot, "Learning", text, legend=legend, values=shown), class_="grid")


def sweep(f: Facts) -> Html:
    """Section with the rows of a sweep, and a curve if one key of its grid is numeric."""
    missing = f.missing("sweep")
    if missing is not None:
        return missing
    part = f.get("sweep_part")
    rows, drawn, values = f.get("sweep.table.rows"), [], []
    for number, row in enumerate(rows):
        found, at = row["evaluations"][part], f"sweep.table.rows[{number}]"
        here = f"{at}.evaluations.{part}"
        which = [f"integer_accuracy_{end}_percent" for end in ("mean", "min", "max")]
        name = ", ".join([row["case"], *(f"{key.rpartition('.')[2]} {value}" for key, value in row["grid"].items())])
        drawn.append((name, *(found[end] for end in which), "integer"))
        to = [
            f.num(f"{here}.to_float.difference_{end}points", "+.2f") if found["to_float"] else ""
            for end in ("", "low_", "high_")
        ]
        grid = [f.text(f"{at}.grid_list[{place}]") for place in range(len(row["grid_list"]))]
        label = join((f.text(f"{at}.case"), *(join((", ", entry)) for entry in grid)))
        values.append([label, *(f.num(f"{here}.{end}", ".2f") for end in which), *to])
    head = ("case", "mean, %", "lowest", "highest", "to its floats, points", "95 % from", "to")
    text = "Accuracy of the integer networks; dot: mean over the seeds, line: lowest to highest seed (no confidence interval)."
    shown = [figure("sweep", charts.intervals(drawn, "accuracy (%)"), "Other choices that were trained", text,
                    values=table(head, values))]  # fmt: skip
    keys = [key for key in rows[0]["grid"] if len({row["grid"][key] for row in rows if _number(row["grid"].get(key))}) > 1]
    for place, key in enumerate(keys):
        lines: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            if _number(row["grid"].get(key)):
                rest = ", ".join([row["case"], *(f"{name} {value}" for name, value in row["grid"].items() if name != key)])
                mean = row["evaluations"][part]["integer_accuracy_mean_percent"]
                lines.setdefault(rest, []).append((float(row["grid"][key]), mean))
        colours = ("float", "integer", "green", "grey")
        series = [(colours[n % 4], *map(list, zip(*sorted(points)))) for n, points in enumerate(lines.values())]
        legend = [(colours[n % 4], name) for n, name in enumerate(lines)]
        plot = charts.curves(series, key, "accuracy (%)", dots=True)  # type: ignore[arg-type]
        told = "Mean accuracy of the integer networks over the seeds."
        shown.append(figure(f"sweep-{place}", plot, f"Accuracy over {key}", told, legend=legend, values=table(head, values)))
    return el("div", *shown, class_="grid")


def _number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def provenance(f: Facts) -> Html:
    """Section with versions, hashes, and the events lost in the conversion to frames."""
    versions = [
        [f.text(f"environment.versions[{n}].name"), *(
            f.text(f"environment.versions[{n}].{stage}") for stage in ("training", "export", "report"))]
        for n in range(len(f.get("environment.versions")))
    ]  # fmt: skip
    files = [[f.text(f"environment.files[{n}].name"), el("code", f.text(f"environment.files[{n}].sha256"))]
             for n in range(len(f.get("environment.files")))]  # fmt: skip
    lost: list[object] = []
    if f.get("validation") is not None:
        at = "validation.events_not_in_frames"
        counts = [(name.replace("_", " "), f.num(f"{at}.{name}", ",d")) for name in f.get(at)]
        lost = [el("h3", "Events of the data that validation ran on"), items(counts)]
    facts = items(
        [
            ("artifact", f.text("environment.artifact") if f.get("environment.artifact") else "none"),
            ("report made on", f.text("environment.system")),
            ("cores of that machine", f.num("environment.cores")),
        ]
    )
    return join(
        (
            facts,
            el("h3", "Versions"),
            table(("package", "training", "export", "report"), versions),
            *((el("h3", "SHA-256 of the artifact's files"), table(("file", "SHA-256"), files)) if files else ()),
            *lost,
        )
    )
