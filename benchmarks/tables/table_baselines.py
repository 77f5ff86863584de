"""The tables of ``benchmarks.train_step`` and ``benchmarks.inference`` as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.table_words import machine_line, number, times

_PEERS = {
    "published": {"dense": "DelRec, published order", "conv": "ConvDelRec, published order"},
    "rearranged": {"dense": "DelRec, its order arranged for BLAS ¹"},
    "lava-dl": {"dense": "lava-dl's `cuba.Recurrent` ²"},
}
_OURS = {"dense": "Myelin, dense", "conv": "Myelin, convolutional"}


def train_step_table(results: dict[str, Any]) -> str:
    """Milliseconds per step at the judged point, the sweep as ratios, memory, and the fraction of the peak."""
    judged, points = results["judged_point"], results["points"]
    held = {(row["recurrence"], row["name"]): row["mb"] for row in results["memory"]}
    at = [point for point in points if (point["neurons"], point["lags"]) == (judged["neurons"], judged["lags"])]
    lines = [
        f"Forward and backward of one recurrent layer of {judged['neurons']} neurons, {judged['steps']} steps, batch "
        f"{judged['batch']}, recurrent spikes arriving after 1 to {judged['lags']} steps. Spikes are equal, and gradients to "
        "float32's rounding; checked at every point.",
        "",
        "| | ms a step | memory of a step | ours is faster by, median (range) | ours with rounded delays |",
        "|---|---|---|---|---|",
    ]
    for point in at:
        kind = point["recurrence"]
        for name, key in (("delays spread", "ours_seconds"), ("delays rounded", "ours_rounded_seconds")):
            memory = f"{number(held[kind, 'ours'])} MB" if key == "ours_seconds" else ""
            lines.append(f"| {_OURS[kind]}, {name} | {number(1e3 * point[key]['median'])} | {memory} | | |")
        for row in point["rows"]:
            taken, memory = number(1e3 * row["seconds"]["median"]), f"{number(held[kind, row['name']])} MB"
            ratios = f"{times(row['ours_is_faster'])} | {times(row['ours_rounded_is_faster'])}"
            lines.append(f"| {_PEERS[row['name']][kind]} | {taken} | {memory} | {ratios} |")
    lines += [
        "",
        "¹ all lags and samples in one matrix product, no tensor written in place: the same operations, faster than in the "
        "published code's layout. ² without recurrent delays, which it lacks: less work; its gradient does not reach back "
        "through the neurons' states.",
        "",
        "The published order does the same work whether delays are spread or rounded. Times as fast as it over size, ours with "
        "spread (rounded) delays:",
        "",
        *_sweep(points),
        "",
        *_shares(results),
        machine_line(results),
    ]
    return "\n".join(lines)


def _sweep(points: list[dict[str, Any]]) -> list[str]:
    """Speed relative to the published order: one row per recurrence and neurons, one column per lags."""
    lags = sorted({point["lags"] for point in points})
    lines = [f"| neurons | {' | '.join(f'{lag} lags' for lag in lags)} |", "|---" * (len(lags) + 1) + "|"]
    for kind in ("dense", "conv"):
        for neurons in sorted({point["neurons"] for point in points}):
            found = {p["lags"]: p["rows"][0] for p in points if (p["recurrence"], p["neurons"]) == (kind, neurons)}
            cells = [
                f"{number(found[lag]['ours_is_faster']['median'])} ({number(found[lag]['ours_rounded_is_faster']['median'])})"
                for lag in lags
            ]
            lines.append(f"| {neurons}, {kind} | {' | '.join(cells)} |")
    return lines


def _shares(results: dict[str, Any]) -> list[str]:
    shares = ", ".join(
        f"{point['ours_share_of_blas']:.0%} ({point['ours_rounded_share_of_blas']:.0%}) at {point['neurons']} neurons"
        for point in results["points"]
        if point["recurrence"] == "dense" and point["lags"] == results["judged_point"]["lags"]
    )
    return [
        f"The dense step needs three products of batch · steps · N · N; counted as these alone, ours reaches {shares} of the "
        f"{number(results['blas_gflop_per_s'])} GFLOP/s of torch's product of 2048 x 2048 in the same run.",
        "",
    ]


def inference_table(results: dict[str, Any]) -> str:
    """Milliseconds per call at the judged point, singly and in batches, the sweep as ratios, and memory."""
    judged, points = results["judged_point"], results["points"]
    held = {(row["recurrence"], row["name"]): row["mb"] for row in results["memory"]}
    batches = sorted({point["batch"] for point in points})
    at = {p["batch"]: p for p in points if (p["neurons"], p["lags"]) == (judged["neurons"], judged["lags"])}
    size = judged["neurons"]
    lines = [
        f"Inference in whole numbers, 140 -> {size} -> {size} -> 20, {judged['steps']} steps, recurrent spikes arriving after "
        f"1 to {judged['lags']} steps; every output is equal. Ratios are medians (ranges).",
        "",
        "| samples | | ms | Myelin, convolutional, is faster by | Myelin, dense, is faster by | memory |",
        "|---|---|---|---|---|---|",
    ]
    for batch, point in at.items():
        last = batch == batches[-1]
        for kind in ("conv", "dense"):
            memory = f"{number(held[kind, 'ours'])} MB" if last else ""
            taken = number(1e3 * point["ours_seconds"][kind]["median"])
            lines.append(f"| {batch} | {_OURS[kind]} | {taken} | | | {memory} |")
        for row in point["rows"]:
            kind = row["recurrence"]
            memory = f"{number(held[kind, 'published'])} MB" if last else ""
            cells = [
                number(1e3 * row["seconds"]["median"]),
                *(times(row[f"ours_{mine}_is_faster"]) for mine in ("conv", "dense")),
            ]
            lines.append(f"| {batch} | {_PEERS['published'][kind]} | {' | '.join(cells)} | {memory} |")
    lines += ["", f"ConvDelRec (DelRec) of Myelin beside published DelRec over size, {batches[-1]} samples, times as fast:", ""]
    lags = sorted({point["lags"] for point in points})
    lines += [f"| neurons | {' | '.join(f'{lag} lags' for lag in lags)} |", "|---" * (len(lags) + 1) + "|"]
    for neurons in sorted({point["neurons"] for point in points}):
        cells = []
        for lag in lags:
            found = next(p for p in points if (p["neurons"], p["lags"], p["batch"]) == (neurons, lag, batches[-1]))
            row = next(row for row in found["rows"] if row["recurrence"] == "dense")
            cells.append(f"{number(row['ours_conv_is_faster']['median'])} ({number(row['ours_dense_is_faster']['median'])})")
        lines.append(f"| {neurons} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", machine_line(results)])
