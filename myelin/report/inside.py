"""Sections on the content of the network: golden samples, delays, weights."""

from __future__ import annotations

from myelin.report import charts
from myelin.report.markup import Facts, Html, el, join, table
from myelin.report.svg import figure


def samples(f: Facts) -> Html:
    """Section with rasters of golden samples, floats against integers."""
    missing = f.missing("golden")
    if missing is not None:
        return missing
    shown = []
    for number, sample in enumerate(f.get("golden.samples")):
        at = f"golden.samples[{number}]"
        rows = []
        for place in range(len(sample["populations"])):
            here = f"{at}.populations[{place}]"
            counts = (f.num(f"{here}.{name}_spikes") for name in ("both", "only_float", "only_integer"))
            rows.append([f.text(f"{here}.where"), f.num(f"{here}.neurons"), *counts])
        plot = charts.raster(sample["populations"], f.get("golden.steps"), f.get("golden.step_ms"))
        title = f"Sample {sample['sample']}" + (f": {sample['label']}" if sample["label"] else "")
        said = [f"{who} say {sample[key]}" for who, key in (("floats", "float_prediction"), ("integers", "integer_prediction"))
                if sample[key]]  # fmt: skip
        text = f"{', '.join(said).capitalize()}. Each dot is a spike." if said else "Each dot is a spike."
        legend = [("both", "both networks"), ("float", "only the float network"), ("integer", "only the integers")]
        legend = legend if f.get("golden.floats") else [("both", "the integers")]
        head = ("population", "neurons", "spikes of both", "only floats", "only integers")
        shown.append(figure(f"raster-{number}", plot, title, text, legend=legend, values=table(head, rows)))
    return join(
        (
            el("p", "Drawn: ", f.text("golden.data"), *(("" , ) if f.get("golden.split") is None else
               (", split ", f.text("golden.split"))), ", ", f.num("golden.steps"), " steps",
               *(() if f.get("golden.step_ms") is None else (" of ", f.num("golden.step_ms", "g"), " ms")), "."),
            el("div", *shown, class_="grid"),
        )
    )  # fmt: skip


def delays(f: Facts) -> Html:
    """Section with delays before training, after training and as whole steps."""
    missing = f.missing("delays")
    if missing is not None:
        return missing
    found = f.get("delays")
    if not found:
        return charts.nothing("This network has no axonal delays.")
    shown = []
    for number, one in enumerate(found):
        at = f"delays[{number}]"
        edges, whole, initial = one["edges_steps"], one["whole_counts"], one["initial_counts"]
        plot = charts.columns(edges, whole, "integer", "delay (steps)", "delays", most=max(initial or [1]))
        if initial is not None:
            charts.outline(plot, edges, initial, "float")
        means = {
            "mean as training began": "initial_mean_steps",
            "mean after training, fractional": "trained_mean_steps",
            "mean of whole steps": "whole_mean_steps",
            "mean move while learning": "learned_move_mean_steps",
        }
        rows = [(label, f.num(f"{at}.{name}", ".2f")) for label, name in means.items()]
        rows += [("longest", f.num(f"{at}.whole_longest_steps")), ("the target's limit", f.num(f"{at}.limit_steps"))]
        rows += [("mean change by rounding", f.num(f"{at}.rounding_mean_steps", ".3f"))]
        rows += [("largest change by rounding", f.num(f"{at}.rounding_longest_steps", ".3f"))]
        legend = [("integer", "whole steps, as exported")]
        text = f"{one['delays']} delays."
        if initial is not None:
            legend.append(("float", "as training began"))
            text = f"{one['delays']} delays; as training began they were drawn from its seed, and are here drawn from it again."
        title = f"Delays of {one['where']}"
        shown.append(figure(f"delays-{number}", plot, title, text, legend=legend, values=table(("delays", "steps"), rows)))
        if one["rounding_counts"] is None:
            continue
        rounding = charts.columns(
            one["rounding_edges_steps"], one["rounding_counts"], "float", "whole minus fractional (steps)", "delays"
        )
        pairs = zip(one["rounding_edges_steps"], range(len(one["rounding_counts"])))
        rows = [(f"{low:+.2f}", f.num(f"{at}.rounding_counts[{place}]")) for low, place in pairs]
        text = "What becoming whole steps changes: the trained delays have fractions, the chip's have none."
        title = f"Rounding of {one['where']}"
        values = table(("from", "delays"), rows)
        shown.append(figure(f"delay-rounding-{number}", rounding, title, text, values=values))
    return el("div", *shown, class_="grid")


def weights(f: Facts) -> Html:
    """Section with the weights on the integer grid."""
    missing = f.missing("weights")
    if missing is not None:
        return missing
    shown = []
    for number, one in enumerate(f.get("weights")):
        at = f"weights[{number}]"
        plot = charts.columns(one["edges"], one["counts"], "integer", "integer weight", "weights")
        rows = [
            ("weights", f.num(f"{at}.weights", ",d")),
            ("step of the grid", f.num(f"{at}.unit")),
            ("least", f.num(f"{at}.low")),
            ("largest", f.num(f"{at}.high")),
            ("different values", f.num(f"{at}.different_values")),
            ("zero", join((f.num(f"{at}.zero_weights", ",d"), " (", f.num(f"{at}.zero_percent", ".1f"), " %)"))),
            (
                "at an end of the grid",
                join((f.num(f"{at}.at_ends_weights"), " (", f.num(f"{at}.at_ends_percent", ".1f"), " %)")),
            ),
            ("root mean square", f.num(f"{at}.weight_rms", ".2f")),
            ("root mean square of rounding", f.num(f"{at}.rounding_rms", ".3f")),
            ("cut off at an end", f.num(f"{at}.clipped_weights")),
        ]
        title = f"Weights of {one['where']}"
        text = "How often each integer occurs. Many at an end: the range is small; few values: the grid is coarse."
        shown.append(figure(f"weights-{number}", plot, title, text, values=table(("weights", "integers"), rows)))
    return el("div", *shown, class_="grid")
