"""What is kept of a sweep, and its table in the README."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def condensed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of a sweep's ``sweep.json`` all but the list of its runs."""
    return {key: value for key, value in values.items() if key not in ("runs", "version", "fingerprint")}


def sweep_table(results: Mapping[str, Any]) -> str:
    """Markdown: accuracy of the integer networks, what it differs by from the reference and from the float network."""
    table, points = results["table"], results["points"]
    part = results["report"] or "validation"
    sizes = sorted({size for row in table["rows"] for size in row["evaluations"][part]["samples_by_seed"]})
    what = f"the {part} split" if results["report"] else "the part held out of training"
    epochs = points[0]["changes"].get("train.epochs")
    bases = " and ".join(f"`{base}`" for base in dict.fromkeys(point["base"] for point in points))
    told = bases + (f", {epochs} epochs" if epochs else "")
    unfinished = table["runs"] - table["runs_done"]
    lines = [
        f"{told}, {len(results['seeds'])} seeds, {results['data']['name']}; accuracy on {what}, "
        f"{'..'.join(str(size) for size in dict.fromkeys((sizes[0], sizes[-1])))} samples a seed."
        + (f" {unfinished} of {table['runs']} runs are missing." if unfinished else ""),
        "",
        "| | integer network, % | to the first row, points | to its float network, points | mean delay, steps | recurrent "
        "weights and delays |",
        "|---|---|---|---|---|---|",
        *(_row(row, row["evaluations"][part]) for row in table["rows"]),
        "",
        "Mean ± standard deviation over the seeds; differences on the same samples with the same seeds (95 % interval); the "
        "float network has the same parameters before weights and delays are rounded.",
    ]
    return "\n".join(lines)


def _row(row: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    mean, sd = values["integer_accuracy_mean_percent"], values["integer_accuracy_sd_points"]
    delay = row["delay_mean_steps"]
    cells = [
        row["case"],
        f"{mean:.1f}" if sd is None else f"{mean:.1f} ± {sd:.1f}",
        _difference(values["to_reference"]) if row["reference"] else "",
        _difference(values["to_float"]),
        "" if delay is None else f"{delay:.1f}",
        f"{row['recurrent_parameters']:,}",
    ]
    return f"| {' | '.join(cells)} |"


def _difference(paired: Mapping[str, Any] | None) -> str:
    if paired is None:
        return ""
    low, high = paired["difference_low_points"], paired["difference_high_points"]
    return f"{paired['difference_points']:+.1f} ({low:+.1f} to {high:+.1f})"
