"""The tables of ``benchmarks.gpu``, as Markdown."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.table_words import number


def gpu_table(results: dict[str, Any]) -> str:
    """The card, whether its results equal the CPU's, samples a second of networks, and milliseconds a step of layers."""
    card, rows = results["card"], results["parity"]
    software = ", ".join(f"{name} {version}" for name, version in card["software"].items())
    spikes, wrong = (sum(row[key] for row in rows) for key in ("spikes", "different_spikes"))
    largest = max((max(row["gradient_differences"].values()) for row in rows), default=0.0)
    lines = [
        f"{card['name']}, {card['memory_gb']:g} GB, {card['processors']} multiprocessors, compute capability "
        f"{card['compute_capability']}, CUDA {card['cuda']}; {software}.",
        "",
        f"Against the compiled loops on the CPU, {len(rows)} layers: {number(wrong)} of {number(spikes)} spikes differ, "
        f"gradients by at most {largest:.1e} of the largest.",
        "",
        "| DelRec at the size of SHD | batch | delays | samples/s, a step | samples/s, from events | times 815, the goal |",
        "|---|---|---|---|---|---|",
    ]
    for row in results["networks"]:
        step, events = (number(row[f"samples_per_s_{part}"]["median"]) for part in ("of_a_step", "from_events"))
        name = "dense" if row["recurrence"] == "dense" else "convolutional"
        lines.append(f"| {name} | {row['batch']} | {row['delays']} | {step} | {events} | {row['times_the_goal']:g} |")
    lines += [
        "",
        "| one layer | neurons | batch | delays | | ms, median (range) | kernels are faster by |",
        "|---|---|---|---|---|---|---|",
    ]
    for found in results["layers"]:
        point = found["point"]
        where = (
            f"| {point['recurrence']} | {point['neurons']} | {point['batch']} | {'rounded' if point['hard'] else 'spread'} |"
        )
        for row in found["rows"]:
            low, middle, high = (f"{1000 * row['seconds'][key]:.3g}" for key in ("low", "median", "high"))
            lines.append(f"{where} {row['name']} | {middle} ({low}..{high}) | {row['kernels_are_faster']:g} |")
    for found in results["settings"]:
        point, own = found["point"], found["built_in"]
        lines += [
            "",
            f"Other blocks and products, {point['recurrence']}, {point['neurons']} neurons, batch {point['batch']} "
            f"(built in: {own['columns']}, {own['precision']}):",
            "",
            "| neurons of a block | products | ms | spikes that differ | largest difference of a gradient |",
            "|---|---|---|---|---|",
        ]
        for row in found["rows"]:
            took, largest = f"{1000 * row['seconds']['median']:.3g}", f"{row['gradient_difference']:.1e}"
            lines.append(f"| {row['columns']} | {row['precision']} | {took} | {row['different_spikes']} | {largest} |")
    if results["skipped"]:
        lines += ["", f"{results['skipped']} further measurements were left out when the time was over."]
    return "\n".join(lines)
