"""Section on traces: what the outputs should be, and what both networks give."""

from __future__ import annotations

from myelin.report import charts
from myelin.report.markup import Facts, Html, el, join, table
from myelin.report.svg import figure

#: Largest number of outputs to draw for a sample.
_DRAWN_OUTPUTS = 4


def traces(f: Facts) -> Html:
    """Section with the target and the outputs of some samples."""
    missing = f.missing("validation")
    if missing is not None:
        return missing
    found = f.get("validation.traces")
    names = f.get("validation.classes")
    kinds = [("target", "grey", "target"), ("float", "float", "float side"), ("simulator", "integer", "integers")]
    there = [(key, colour, title) for key, colour, title in kinds if key in found]
    errors = [key for key, _, _ in there if key != "target"]
    shown = []
    for place, number in enumerate(found["samples"]):
        for output in range(min(_DRAWN_OUTPUTS, len(names))):
            series = []
            for key, colour, _ in there:
                values = [step[output] for step in found[key][place]]
                series.append((colour, list(range(len(values))), values))
            plot = charts.curves(series, "step", "output")
            rows = [(f"error (RMSE) of the sample, {title}", f.num(f"validation.errors.{key}[{place}]", ".4g"))
                    for key, _, title in there if key in errors]  # fmt: skip
            title = f"Sample {number}, output {names[output]}"
            text = "What the output should be in each step, and what it is."
            legend = [(colour, label) for _, colour, label in there]
            values_table = table(("traces", "value"), rows)
            shown.append(figure(f"trace-{place}-{output}", plot, title, text, legend=legend, values=values_table))
    left = len(names) - _DRAWN_OUTPUTS
    more = el("p", f"{left} more outputs are not drawn.") if left > 0 else None
    return join((el("div", *shown, class_="grid"), more))
