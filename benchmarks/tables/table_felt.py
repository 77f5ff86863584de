"""Tables of what people feel: whole blocks, the epoch, the first minute, few samples."""

from __future__ import annotations

from typing import Any

from benchmarks.tables.table_words import machine_line, number, times

_OF = {"dense": "dense", "conv": "convolutional"}
_TREES = {"this": "this version", "now": "this version", "other": "the version before", "before": "the version before"}


def blocks_table(results: dict[str, Any]) -> str:
    """A whole block's step beside other libraries' blocks."""
    at = results["point"]
    lines = [
        f"Forward and backward of a whole block, {at['neurons']} to {at['neurons']} neurons, {at['steps']} steps, batch "
        f"{at['batch']}: feed-forward product, recurrence, neurons. Ours with delays, the others without; each as active "
        "as its column says.",
        "",
        "| | active | ms, median (range) | ours is faster by, median (range) | ours with rounded delays |",
        "|---|---|---|---|---|",
    ]
    for found in results["blocks"]:
        for key, name, word in (("ours_seconds", "ours", "spread"), ("ours_rounded_seconds", "ours, rounded", "rounded")):
            lines.append(
                f"| Myelin, {_OF[found['recurrence']]}, delays {word} | {found['active'][name]:.1%} | {_ms(found[key])} | | |"
            )
        lines += [
            f"| {row['name']} | {found['active'][row['name']]:.1%} | {_ms(row['seconds'])} | {times(row['ours_is_faster'])} | "
            f"{times(row['ours_rounded_is_faster'])} |"
            for row in found["rows"]
        ]
    return "\n".join([*lines, "", machine_line(results)])


def epoch_table(results: dict[str, Any]) -> str:
    """Seconds of a training epoch, alone and beside busy processes."""
    other = any(row["tree"] == "other" for row in results["rows"])
    lines = [
        f"An epoch of `{results['experiment']}` on spoken digits, alone and beside processes of the same priority that do "
        "nothing but count.",
        "",
        "| | beside | s, median (range) | times its quiet epoch | this version is faster by |",
        "|---|---|---|---|---|",
    ]
    for row in results["rows"]:
        faster = times(row["this_is_faster"]) if other and row["tree"] == "other" else ""
        beside = f"{row['busy']} processes" if row["busy"] else "nothing"
        slower = times(row["times_quiet"]) if row["busy"] else ""
        lines.append(f"| {_TREES[row['tree']]} | {beside} | {times(row['seconds'])} | {slower} | {faster} |")
    return "\n".join([*lines, "", machine_line(results)])


def first_minute_table(results: dict[str, Any]) -> str:
    """Seconds to the first step of training."""
    lines = [
        "Seconds from the command to its first training step; an empty cache is that of a machine that has never compiled.",
        "",
        "| command | cache of compiled code | | s |",
        "|---|---|---|---|",
        *(
            f"| `{row['command']}` | {row['cache']} | {_TREES[row['checkout']]} | {row['first_step_s']:.1f} |"
            for row in results["rows"]
        ),
    ]
    return "\n".join([*lines, "", machine_line(results)])


def few_table(results: dict[str, Any]) -> str:
    """Samples a second of the simulator for few samples."""
    compared = any(row["is_faster"] for row in results["rows"])
    lines = [
        "`simulate` of few samples and `Simulator.step`, prepared networks and threads kept; "
        f"{results['network'].split(',')[0]}.",
        "",
        "| recurrence | call | a second, median (range) |" + (" faster than the version before by |" if compared else ""),
        "|---|---|---|" + ("---|" if compared else ""),
    ]
    for row in results["rows"]:
        call = "a step" if row["call"] == "step" else f"{row['samples']} sample{'s' * (row['samples'] > 1)}"
        faster = f" {times(row['is_faster']['before'])} |" if "before" in row["is_faster"] else " |" if compared else ""
        lines.append(f"| {_OF[row['recurrence']]} | {call} | {times(row['a_second']['now'])} |{faster}")
    beside = "; ".join(
        f"beside {row['busy_processes']} busy processes {number(row['is_slower']['now'])} times as long (fair: {row['fair']:g})"
        for row in results["beside_other_work"]
    )
    if beside:
        lines += ["", f"{results['beside_other_work'][0]['samples']} samples {beside}."]
    return "\n".join([*lines, "", machine_line(results)])


def _ms(seconds: dict[str, float]) -> str:
    return times({key: 1000 * value for key, value in seconds.items()})
