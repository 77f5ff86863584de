"""Accuracy against bits of a delay, from the results of a sweep that rounds delays to several grids."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myelin.hw_configs.figures import BLUE, GREEN, ORANGE, figure, save
from myelin.hw_configs.fixed_point import NETX_MAX_DELAY_STEPS

#: bits, mean accuracy of the integer networks and its standard deviation over the seeds (None of one seed), in percent
Dot = tuple[int, float, float | None]


def bits_of(changes: Mapping[str, Any]) -> int:
    """Bits that hold the delays of a case's ``delay.grid_steps`` and ``delay.bits``: log2 of their number, rounded up."""
    longest = NETX_MAX_DELAY_STEPS
    if "delay.bits" in changes:
        longest = min(longest, (1 << changes["delay.bits"]) - 1)
    return math.ceil(math.log2(longest // changes.get("delay.grid_steps", 1) + 1))


def series_of(changes: Mapping[str, Any]) -> list[str]:
    """The curves a case belongs to: delays of full range begin both of training's; none where something else differs too."""
    rounding = changes.get("delay.rounding", "hardening")
    shorter, coarser = "delay.bits" in changes, changes.get("delay.grid_steps", 1) > 1
    if "delay.penalty" in changes or (shorter and coarser):
        return []
    if rounding == "end" and not shorter:
        return ["coarser steps, rounded at the end"]
    if rounding != "hardening":
        return []
    named = {"coarser steps, hardening": not shorter, "shorter delays, hardening": not coarser}
    return [name for name, belongs in named.items() if belongs]


def curves(results: Mapping[str, Any], part: str) -> dict[str, list[Dot]]:
    """By name of a curve, its dots from many bits to few, for the samples of ``part``; curves of one dot are left out."""
    rows = {row["name"]: row for row in results["table"]["rows"]}
    found: dict[str, list[Dot]] = {}
    for point in results["points"]:
        values = rows[point["name"]]["evaluations"][part] if point["name"] in rows else None
        if values is None:
            continue
        dot = (
            bits_of(point["changes"]),
            values["integer_accuracy_mean_percent"],
            values["integer_accuracy_sd_points"],
        )
        for name in series_of(point["changes"]):
            found.setdefault(name, []).append(dot)
    return {name: sorted(dots, reverse=True) for name, dots in found.items() if len({bits for bits, _, _ in dots}) > 1}


def draw(path: Path, results: Mapping[str, Any]) -> bool:
    """Write the curves of each set of samples to ``path`` (PNG); whether there are any."""
    parts = ["validation", *([results["report"]] if results["report"] else [])]
    drawn = [(part, curves(results, part)) for part in parts]
    if not any(found for _, found in drawn):
        return False
    colours = dict(zip(sorted({name for _, found in drawn for name in found}), (BLUE, ORANGE, GREEN), strict=False))
    picture = figure(4.6 * len(parts), 3.6)
    for axes, (part, found) in zip(picture.subplots(1, len(parts), squeeze=False)[0], drawn, strict=True):
        for index, (name, dots) in enumerate(found.items()):
            bits, mean, spread = zip(*dots, strict=True)
            beside = [value + 0.05 * (index - 1) for value in bits]  # bars of equal bits side by side
            axes.errorbar(
                beside, mean, [value or 0 for value in spread], color=colours[name], marker="o", capsize=3, label=name
            )
        axes.set_title("held out of training" if part == "validation" else f"{part} split", loc="left", fontsize=10)
        axes.set_xticks(sorted({bits for dots in found.values() for bits, _, _ in dots}))
        axes.invert_xaxis()
        axes.set_xlabel("bits of a delay")
        axes.set_ylabel("integer network, accuracy (%)")
        axes.grid(alpha=0.3)
    picture.axes[0].legend(fontsize=8, loc="lower left")
    save(picture, path)
    return True
