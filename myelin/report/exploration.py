"""Section on the effect of other quantisation settings, from the result of ``myelin explore``."""

from __future__ import annotations

from myelin.report import charts
from myelin.report.markup import Facts, Html, el, table
from myelin.report.svg import figure

_HEAD = (
    "accuracy, %", "95 % from", "to", "to the exported, points", "95 % from", "to", "spikes that differ, %",
    "core memory, bytes",
)  # fmt: skip


def exploration(f: Facts) -> Html:
    """Section with a chart and a table for every knob, and for weight and delay bits against core memory."""
    missing = f.missing("exploration")
    if missing is not None:
        return missing
    shown = []
    for number, knob in enumerate(f.get("exploration.knobs")):
        at = f"exploration.knobs[{number}]"
        if not knob["points"]:
            shown.append(el("p", f.text(f"{at}.title"), ": ", f.text(f"{at}.left_out")))
            continue
        rows, drawn = [], []
        for place, point in enumerate(knob["points"]):
            here = f"{at}.points[{place}]"
            value = f.text(f"{here}.value") if isinstance(point["value"], str) else f.num(f"{here}.value", "g")
            rows.append([value, *_cells(f, here)])
            drawn.append(_interval(str(point["value"]), point))
        unit = f", in {knob['unit']}" if knob["unit"] else ""
        text = f"Accuracy with 95 % intervals when nothing but this is changed{unit}."
        plot = charts.intervals(drawn, "accuracy (%)")
        values = table(("value", *_HEAD), rows)
        shown.append(figure(f"exploration-{number}", plot, knob["title"], text, values=values))
    pareto = f.get("exploration.pareto")
    if pareto:
        rows, drawn = [], []
        for place, point in enumerate(pareto):
            here = f"exploration.pareto[{place}]"
            rows.append([f.num(f"{here}.weight_bits"), f.num(f"{here}.delay_bits"), *_cells(f, here)])
            if point["best"]:
                memory = "" if point["core_memory_bytes"] is None else f", {point['core_memory_bytes'] / 1024:.1f} KiB"
                drawn.append(_interval(f"{point['weight_bits']} and {point['delay_bits']} bits{memory}", point))
        text = "Bits of weights and of delays: the combinations than which none is both smaller and more accurate."
        plot = charts.intervals(drawn, "accuracy (%)")
        values = table(("weight bits", "delay bits", *_HEAD), rows)
        shown.append(figure("exploration-memory", plot, "Accuracy against core memory", text, values=values))
    said = el("p", "On ", f.num("exploration.samples"), " samples that training held out; memory: ",
              f.text("exploration.memory_label"), ".")  # fmt: skip
    return el("div", said, el("div", *shown, class_="grid"))


def _interval(name: str, point: dict[str, float]) -> tuple[str, float, float, float, str]:
    accuracy = [float(point[f"accuracy_{end}percent"]) for end in ("", "low_", "high_")]
    return name, accuracy[0], accuracy[1], accuracy[2], "integer"


def _cells(f: Facts, at: str) -> list[object]:
    cells: list[object] = [f.num(f"{at}.accuracy_{end}percent", ".2f") for end in ("", "low_", "high_")]
    cells += [f.num(f"{at}.difference_{end}points", "+.2f") for end in ("", "low_", "high_")]
    cells.append(f.num(f"{at}.spike_mismatch_percent", ".1f"))
    known = f.get(f"{at}.core_memory_bytes") is not None
    cells.append(f.num(f"{at}.core_memory_bytes", ",d") if known else "not public")
    return cells
