"""The result of the hardware rules as values for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from myelin.convert.opened import note_lines
from myelin.convert.profile.profiler import Profile
from myelin.convert.rules import Violation, not_checked, notes, state_ranges
from myelin.hw_configs.target import Target
from myelin.hw_configs.terminal.screen import judged, warned
from myelin.hw_configs.written import counted


def as_dict(
    violations: Sequence[Violation], target: Target, calibration: Profile | None, input_of: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The JSON values that `myelin check` writes, with units in their names.

    Args:
        violations: the result of ``myelin.convert.rules.check``.
        target, calibration: the arguments passed to it.
        input_of: the source of the calibration's input; None without a calibration.
    """
    return {
        "target": target.name,
        "holds": not violations,
        "violations": [
            {
                "rule": violation.rule,
                "where": violation.where,
                "what": violation.what,
                f"got_{violation.unit}": violation.got,
                f"limit_{violation.unit}": violation.limit,
                "cure": violation.cure,
                "message": violation.message,
            }
            for violation in violations
        ],
        "notes": notes(target, calibration),
        "not_checked": not_checked(target, calibration),
        "calibration": None if input_of is None else dict(input_of),
        "states": [] if calibration is None else [state._asdict() for state in state_ranges(calibration)],
    }


def lines(result: Mapping[str, Any]) -> list[str]:
    """What ``as_dict`` gave, with ``network``, for the screen: violations, notes, what was not checked, the verdict."""
    calibrated = [] if result["calibration"] is None else [f"calibrated on {result['calibration']['text']}"]
    count = len(result["violations"])
    verdict = "holds" if result["holds"] else "does not hold"
    return [
        *note_lines(result),
        *calibrated,
        *(judged(violation["message"], False) for violation in result["violations"]),
        *map(warned, result["notes"]),
        *result["not_checked"],
        judged(f"{result['target']} {verdict} {result['network']}: {counted(count, 'violation')}", result["holds"]),
    ]
