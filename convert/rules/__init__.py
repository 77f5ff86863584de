"""Hardware rules: all properties of a network that a target does not support, each with a cure."""

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
