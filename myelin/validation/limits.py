"""The limits of the integers on all samples of a validation: the rule on the range of states, which `myelin check` applies too.

Training, the simulator and the chip compute the same beyond these limits, or the comparison of their outputs shows it.  But
there a sum is lost: a readout of voltages is reset, a current changes its sign.  Floats do neither.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from myelin.convert.artifact.provenance import Origin
from myelin.convert.opened import Opened
from myelin.convert.profile.profiler import Profile
from myelin.convert.rules import Violation, notes, state_ranges
from myelin.convert.rules.states import StateRange, states
from myelin.convert.rules.violation import Case
from myelin.hw_configs.errors import TargetError
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target
from myelin.hw_configs.terminal.screen import judged, warned
from myelin.hw_configs.written import counted

#: The target for a network that was exported for none: its 24 bit are those of the integers everywhere.
TARGET = "loihi2"


@dataclass(frozen=True)
class Limits:
    """What the rule finds on all samples.

    Attributes:
        target: name of the target whose limits were applied.
        samples, steps: size of the input.
        violations: states that leave the range.
        notes: states that saturate, as they do on the target.
        ranges: of every state of every population.
    """

    target: str
    samples: int
    steps: int
    violations: tuple[Violation, ...]
    notes: tuple[str, ...]
    ranges: tuple[StateRange, ...]

    @property
    def failures(self) -> list[str]:
        """The violations in sentences."""
        return [violation.message for violation in self.violations]

    def lines(self) -> list[str]:
        """Lines for the screen."""
        if not (self.violations or self.notes):
            return [f"states        within the limits of {self.target} in all {counted(self.samples, 'sample')}"]
        failed = [judged(f"states        {text}", False) for text in self.failures]
        return [*failed, *(warned(f"states        {text}") for text in self.notes)]

    def as_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return {
            "target": self.target,
            "samples": self.samples,
            "violations": self.failures,
            "notes": list(self.notes),
            "ranges": [found._asdict() for found in self.ranges],
        }


def limits_of(opened: Opened, profile: Profile) -> Limits:
    """Apply the rule to the profile of all samples, for the target that the artifact was exported for."""
    target = _target(opened)
    found = tuple(states(Case(opened.network, target, profile)))
    ranges = tuple(state_ranges(profile))
    return Limits(target.name, profile.samples, profile.steps, found, tuple(notes(target, profile)), ranges)


def _target(opened: Opened) -> Target:
    if opened.artifact is not None:
        with contextlib.suppress(TargetError):  # a target of the user's own file, which is not here
            named = load_target(Origin.of(opened.artifact).target)
            if named.state_bits is not None:
                return named
    return load_target(TARGET)
