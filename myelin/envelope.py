"""The one form of the JSON that commands write: which command of which version said what, and how it came out.

``format``: version of this form. ``myelin``: version of the program. ``command``: its name on the command line. ``verdict``:
of the command's gate, null where it has none. ``result``: the values that the screen shows, with units in their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from myelin.hw_configs.version import VERSION

FORMAT = 1
Verdict = Literal["pass", "fail", "undecided"] | None
_KEYS = {"format", "myelin", "command", "verdict", "result"}


def envelope(command: str, result: Mapping[str, Any], verdict: Verdict = None) -> dict[str, Any]:
    """``result`` of ``command`` in its envelope."""
    return {"format": FORMAT, "myelin": VERSION, "command": command, "verdict": verdict, "result": dict(result)}


def passed(holds: bool) -> Verdict:
    """The verdict of a gate that knows two answers."""
    return "pass" if holds else "fail"


def result_of(values: Any) -> Any:
    """What is in an envelope; values of before there was one as they are."""
    return values["result"] if isinstance(values, dict) and values.keys() == _KEYS else values
