"""Hardware rules: what of a network a target cannot hold, every violation at once, each with its cure."""

from myelin.convert.rules.states import StateRange, calibrate, notes, state_ranges
from myelin.convert.rules.synapses import weight_bits
from myelin.convert.rules.table import RULES, check, not_checked
from myelin.convert.rules.violation import Rule, Violation

__all__ = [
    "RULES",
    "Rule",
    "StateRange",
    "Violation",
    "calibrate",
    "check",
    "not_checked",
    "notes",
    "state_ranges",
    "weight_bits",
]
