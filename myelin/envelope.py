"""The common form of the JSON that all commands write.

``format``: version of this form. ``myelin``: version of the program. ``command``: its name on the command line. ``verdict``:
verdict of the command's gate, or null if it has none. ``result``: the values shown on the screen, with units in their names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from myelin.hw_configs.version import VERSION

FORMAT = 1
Verdict = Literal["pass", "fail", "undecided"] | None
_KEYS = {"format", "myelin", "command", "verdict", "result"}


def envelope(command: str, result: Mapping[str, Any], verdict: Verdict = None) -> dict[str, Any]:
    """``result`` of ``command`` in the common form."""
    return {"format": FORMAT, "myelin": VERSION, "command": command, "verdict": verdict, "result": dict(result)}


def passed(holds: bool) -> Verdict:
    """The verdict of a gate with two outcomes."""
    return "pass" if holds else "fail"


def result_of(values: Any) -> Any:
    """The ``result`` in an envelope; older values without an envelope are returned unchanged."""
    return values["result"] if isinstance(values, dict) and values.keys() == _KEYS else values
