"""The table of all rules, and the check of a network against it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from myelin.convert.network import Network
from myelin.convert.rules import controller, neurons, states, synapses
from myelin.convert.rules.violation import Case, Rule, Violation
from myelin.hw_configs.target import Target

if TYPE_CHECKING:
    from myelin.convert.profile.profiler import Profile

#: All rules; the tests cover each limit of each.  The mapping reports what another mapping can cure.
RULES: tuple[Rule, ...] = (
    Rule("neuron model", ("neuron_models",), neurons.model),
    Rule("layer kind", ("layer_kinds",), synapses.kind),
    Rule("delay", ("delay_steps_max",), synapses.delay),
    Rule("weight", ("weight_bits",), synapses.width),
    Rule("weight exponent", ("weight_exp_min", "weight_exp_max"), synapses.exponent),
    Rule("current decay", ("current_decay_min", "current_decay_max"), neurons.constants("current decay")),
    Rule("voltage decay", ("voltage_decay_min", "voltage_decay_max"), neurons.constants("voltage decay")),
    Rule("threshold", ("threshold_max",), neurons.constants("threshold")),
    Rule("state readout", (), neurons.state_readout),
    Rule("bias mantissa", ("bias_mant_min", "bias_mant_max"), neurons.constants("bias mantissa")),
    Rule("bias exponent", ("bias_exp_max",), neurons.constants("bias exponent")),
    Rule("message bits", ("message_bits_max",), neurons.message_bits),
    Rule("sigma-delta constants", ("state_bits",), neurons.encoder),
    Rule("axons in", ("axons_in_per_core",), synapses.axons_in, of_cores=True),
    Rule("axons out", ("axons_out_per_core", "neurons_per_core"), synapses.axons_out, of_cores=True),
    Rule("fan-in", ("core_memory_bytes", "packing"), synapses.memory, of_cores=True),
    Rule("states", ("state_bits",), states.states, calibrated=True),
    Rule("flash", ("flash_bytes",), controller.flash, of_controller=True),
    Rule("RAM", ("ram_bytes",), controller.ram, of_controller=True),
)


def check(network: Network, target: Target, calibration: Profile | None = None) -> list[Violation]:
    """All violations of ``target``'s rules by ``network``, as far as the target's numbers are public.

    Args:
        network: the network to check.
        target: the target with its limits.
        calibration: the result of ``calibrate``; without it the states are not checked.
    """
    case = Case(network, target, calibration)
    applied = (rule for rule in RULES if _concerns(rule, target) and not _gap(rule, target, calibration))
    found = [violation for rule in applied for violation in rule.find(case)]
    return sorted(found, key=lambda violation: _order(violation.where))


def not_checked(target: Target, calibration: Profile | None = None) -> list[str]:
    """The rules that ``check`` cannot apply to ``target``, one line for each: missing numbers, or no calibration."""
    reasons = {rule.name: _gap(rule, target, calibration) for rule in RULES if _concerns(rule, target)}
    lines = [f"{name}: {reason}, not checked" for name, reason in reasons.items() if reason]
    return lines if not target.has_cores else [*lines, "cores: whether all layers fit on them is for `myelin map`, not checked"]


def _concerns(rule: Rule, target: Target) -> bool:
    if rule.of_controller:  # portable C is of no board, so its memory has no limits that could be public
        return target.flash_bytes is not None or target.ram_bytes is not None
    return target.has_cores or not rule.of_cores


def _gap(rule: Rule, target: Target, calibration: Profile | None) -> str:
    """The reason why the rule cannot be applied; empty if it can."""
    missing = [name for name in rule.needs if getattr(target, name) is None]
    if missing:
        return f"{', '.join(missing)} of {target.name} not public"
    return "no input to calibrate with (--data PATH)" if rule.calibrated and calibration is None else ""


def _order(where: str) -> int:
    return int(where.split()[1]) if where.startswith("layer ") else -1
