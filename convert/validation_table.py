"""A validation as text for the screen and as JSON: the same values in both."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from convert.validate import Validation

RULE = "the point estimate decides: FAIL if the integer network loses more than max_drop_points, or any compared value differs"


def as_dict(validation: Validation) -> dict[str, Any]:
    """Every value of the table, with units in the names; ready for JSON."""
    return {
        "data": validation.data,
        "split": validation.split,
        "samples": validation.samples,
        "events_not_in_frames": validation.events_not_in_frames,
        "stages": [asdict(stage) for stage in validation.stages],
        "parities": [{**asdict(parity), "equal": parity.equal} for parity in validation.parities],
        "lava_skipped": validation.lava_skipped,
        "gate": {
            "rule": RULE,
            "max_drop_points": validation.max_drop_points,
            "drop_points": validation.drop_points,
            "drop_bound_points": validation.drop_bound_points,
            "bound_holds": validation.bound_holds,
            "passed": not validation.failures,
            "failures": validation.failures,
        },
    }


def lines(validation: Validation) -> list[str]:
    """The table and the verdict."""
    split = f"{validation.split} split, " if validation.split != "all" else "whole file, "
    result = [
        f"data          {validation.data}: {split}{validation.samples} samples",
        f"not in frames {events_line(validation.events_not_in_frames)}",
        "",
        _row("stage", "accuracy", "95 % interval", "to float", "95 % interval", "agree", "McNemar p"),
    ]
    for index, stage in enumerate(validation.stages):
        accuracy = f"{stage.accuracy_percent:.2f} %", f"{stage.accuracy_low_percent:.2f} .. {stage.accuracy_high_percent:.2f}"
        versus = (
            f"{stage.difference_points:+.2f}",
            f"{stage.difference_low_points:+.2f} .. {stage.difference_high_points:+.2f}",
            f"{stage.agreement_percent:.1f} %",
            f"{stage.mcnemar_p:.3f}",
        )
        result.append(_row(stage.description, *accuracy, *(versus if index else ("-", "", "", ""))))
    result.append("differences in percent points on the same samples (Tango's interval, exact McNemar test)")
    result += ["", *map(str, validation.parities)]
    if validation.lava_skipped:
        result.append(f"Lava was skipped: {validation.lava_skipped}")
    return [*result, "", *verdict(validation)]


def verdict(validation: Validation) -> list[str]:
    """PASS or FAIL, and what the data can and cannot rule out."""
    if validation.failures:
        return [f"FAIL: {reason}" for reason in validation.failures]
    drop, allowed, bound = validation.drop_points, validation.max_drop_points, validation.drop_bound_points
    change = f"loses {drop:.2f} points" if drop > 0 else f"gains {-drop:.2f} points" if drop < 0 else "loses nothing"
    passed = (
        f"PASS: the integer network {change} against the float network, a loss of {allowed:g} points is allowed; "
        "the estimate decides"
    )
    if validation.bound_holds:
        reach = f"reaches a loss of {bound:.2f} points" if bound > 0 else "holds no loss at all"
        return [passed, f"      proven at this sample size: the 95 % interval {reach}"]
    return [
        passed,
        f"      not proven: with {validation.samples} samples the 95 % interval reaches a loss of {bound:.2f} points; "
        "more samples narrow it",
    ]


def _row(stage: str, accuracy: str, interval: str, to_float: str, interval_2: str, agree: str, p: str) -> str:
    return f"{stage:34} {accuracy:>9}  {interval:>16}  {to_float:>9}  {interval_2:>18}  {agree:>8}  {p:>9}".rstrip()


def events_line(events: dict[str, int]) -> str:
    """``12 of 3400 events (0.35 %): 12 late``."""
    offered = events["events"]
    missed = {name: count for name, count in events.items() if name != "events" and count}
    total = sum(missed.values())
    if not total:
        return f"none of {offered} events"
    reasons = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in missed.items())
    return f"{total} of {offered} events ({100 * total / offered:.2f} %): {reasons}"
