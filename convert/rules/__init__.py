"""Hardware rules: what of a network a target cannot hold, every violation at once, each with its cure."""

from convert.rules.states import StateRange, calibrate, notes, state_ranges
from convert.rules.synapses import weight_bits
from convert.rules.table import RULES, check, not_checked
from convert.rules.violation import Rule, Violation

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
