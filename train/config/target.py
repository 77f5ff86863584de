"""Fills in a target's limits and rejects what it does not support, before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.fixed_point import BIAS_MANT_MAX, DECAY_UNITY, NETX_MAX_DELAY_STEPS, WEIGHT_BITS, WEIGHT_SCALE
from myelin.hw_configs.target import Target
from myelin.train.config.config import Config

#: Largest threshold of training in 1/64: SLAYER's margin above it is lost from 64 on.
THRESHOLD_LIMIT = 64 * WEIGHT_SCALE - 1
_DECAYS = ("current_decay", "voltage_decay")


def resolve_for_target(config: Config, target: Target) -> Config:
    """``config`` with the values that it leaves to the target: longest delay, weight grid, ranges of what neurons learn.

    Rejects what training cannot change.  The rules on the exported integers make the final check.

    Raises:
        ConfigError: the target does not support the configuration; the message lists every reason.
    """
    found = list(misfits(config, target))
    if found:
        listed = "; ".join(f"({number}) {text}" for number, text in enumerate(found, 1)) if len(found) > 1 else found[0]
        raise ConfigError(f"{target.name} does not hold {config.name}, nothing was trained: {listed}")
    ranges = {
        f"{name}_{end}": getattr(target, f"{name}_{end}")
        for name in _DECAYS
        for end in ("min", "max")
        if getattr(config.neuron, f"{name}_{end}") is None and config.sigma_delta is None
    }
    if any(map(config.learns_threshold, config.parts)) and config.neuron.threshold_max is None:
        ranges["threshold_max"] = min(target.threshold_max or THRESHOLD_LIMIT, THRESHOLD_LIMIT)
    return replace(
        config,
        neuron=replace(config.neuron, **ranges),
        delay=replace(config.delay, max_delay_steps=_longest_delay(config, target)),
        train=replace(config.train, weight_bits=_grid_bits(config, target)),
    )


def misfits(config: Config, target: Target) -> Iterator[str]:
    """A message for every configured value that ``target`` does not support: the value, the limit, a cure."""
    longest = _longest_delay(config, target)
    held = config.delay.longest_within(longest if target.delay_steps_max is None else min(longest, target.delay_steps_max))
    most_bits = WEIGHT_BITS if target.weight_bits is None else target.weight_bits
    threshold = None if target.threshold_max is None else target.threshold_max / WEIGHT_SCALE
    numbers: list[tuple[str, float, float | None]] = [
        ("data.message_bits", config.data.message_bits, target.message_bits_max),
        ("delay.max_delay_steps", longest, target.delay_steps_max),
        ("delay.high", config.delay.high, held),
        ("train.weight_bits", _grid_bits(config, target), most_bits),
    ]
    if config.sigma_delta is None:
        own = [(f"layers.{index}.threshold", layer.threshold) for index, layer in enumerate(config.layers)]
        thresholds = [("neuron.threshold", config.neuron.threshold), *own]
        numbers += [(key, value, threshold) for key, value in thresholds if value is not None]
    if config.readout.spiking:
        numbers.append(("readout.threshold", config.readout.threshold, threshold))
    if config.neuron.threshold_max is not None:
        numbers.append(("neuron.threshold_max", config.neuron.threshold_max, target.threshold_max))
    if any(config.has_bias(part) or part.norm != "none" for part in config.parts):
        numbers.append(("neuron.bias_exp", config.neuron.bias_exp, target.bias_exp_max))
        limits = [limit for limit in (target.bias_mant_max, target.bias_mant_min) if limit is not None]
        if any(abs(limit) < BIAS_MANT_MAX for limit in limits):
            yield (
                f"biases are trained with mantissas of -{BIAS_MANT_MAX}..{BIAS_MANT_MAX}, {target.name} holds "
                f"{target.bias_mant_min}..{target.bias_mant_max}; train without a bias and without a norm"
            )
    for key, got, most in numbers:
        if most is not None and got > most:
            yield f"{key} is {got:g}, {target.name} holds {most:g}; train with --set {key}={most:g}"
    if config.sigma_delta is None:
        yield from _decays(config, target)
    yield from _sizes(config, target)
    models = target.neuron_models
    lacking = [] if models is None else [name for name in config.neuron_models if name not in models]
    if lacking and models is not None:
        yield (
            f"neurons are {', '.join(lacking)}, {target.name} holds {', '.join(models)}; name a target with "
            f"{'sigma-delta' if config.sigma_delta is not None else ' and '.join(name.upper() for name in lacking)} neurons"
        )
    if target.layer_kinds is not None:
        for index, layer in enumerate(config.layers):
            known = ", ".join(target.layer_kinds)
            kinds = {"kind": layer.kind} | ({} if layer.recurrent == "none" else {"recurrent": f"recurrent {layer.recurrent}"})
            for key, kind in kinds.items():
                if kind not in target.layer_kinds:
                    name = f"layers.{index}.{key}"
                    yield f"{name} is {kind}, {target.name} holds {known}; train with another {name}"


def _sizes(config: Config, target: Target) -> Iterator[str]:
    """Messages for layers too large for any mapping: more neurons than the target has, or more input axons than a core has.

    The axons counted are those that dense connections need for a single neuron.  The synapse memory depends on the trained
    weights; `myelin map` checks it.
    """
    if not target.has_cores:
        return
    cores, chips = target.cores_to_plan_with, target.chips or 1
    shapes = [config.data.input_shape]
    for layer in config.layers:
        shapes.append(layer.output_shape(shapes[-1]))
    if cores is not None and target.neurons_per_core is not None:
        held, got = cores * chips * target.neurons_per_core, sum(math.prod(shape) for shape in shapes[1:])
        if got > held:
            yield f"layers.*.neurons add up to {got}, {target.name} holds {held} on {cores * chips} cores; train smaller layers"
    if target.axons_in_per_core is None:
        return
    sizes = [math.prod(shape) for shape in shapes]
    dense = [("readout", sizes[-1], 0)]  # name, inputs from the previous layer and from the layer itself
    for index, layer in enumerate(config.layers):
        dense.append(
            (f"layers.{index}", sizes[index] * (layer.kind == "dense"), sizes[index + 1] * (layer.recurrent == "dense"))
        )
    for name, before, within in dense:
        if before + within > target.axons_in_per_core:
            cure = "train fewer neurons before it" + (", or a convolutional recurrence" if within else "")
            held = target.axons_in_per_core
            yield f"{name}: a neuron has {before + within} inputs, {target.name} holds {held} a core; {cure}"


def facts(target: Target) -> dict[str, Any]:
    """The target as run.json records it: its known limits, and the names of those that are not public."""
    return {"name": target.name, "title": target.title, "limits": target.limits, "not_public": list(target.unknown)}


def _decays(config: Config, target: Target) -> Iterator[str]:
    for name in _DECAYS:
        low, high = getattr(target, f"{name}_min"), getattr(target, f"{name}_max")
        for section, neuron in (("neuron", config.neuron), ("readout", config.readout)):
            given = getattr(neuron, name)
            inside = math.isfinite(given * DECAY_UNITY)
            whole = round(given * DECAY_UNITY) if inside else int(math.copysign(2**31, given))
            nearest = _outside(whole, low, high)
            if nearest is not None:
                held = f"{0 if low is None else low}..{DECAY_UNITY if high is None else high}/{DECAY_UNITY}"
                cure = f"train with --set {section}.{name}={nearest / DECAY_UNITY:.6g}"
                said = f"{whole}/{DECAY_UNITY}" if inside else f"{given:g}"
                yield f"{section}.{name} is {said}, {target.name} holds {held}; {cure}"
        for end in ("min", "max"):
            whole = getattr(config.neuron, f"{name}_{end}")
            nearest = None if whole is None else _outside(whole, low, high)
            if nearest is not None:
                key = f"neuron.{name}_{end}"
                yield f"{key} is {whole}, {target.name} holds {nearest}; train with --set {key}={nearest}"


def _outside(value: int, low: int | None, high: int | None) -> int | None:
    """The nearest allowed value; None if ``value`` is allowed."""
    if low is not None and value < low:
        return low
    return high if high is not None and value > high else None


def _longest_delay(config: Config, target: Target) -> int:
    if config.delay.max_delay_steps is not None:
        return config.delay.max_delay_steps
    return min(NETX_MAX_DELAY_STEPS, NETX_MAX_DELAY_STEPS if target.delay_steps_max is None else target.delay_steps_max)


def _grid_bits(config: Config, target: Target) -> int:
    if config.train.weight_bits is not None:
        return config.train.weight_bits
    return min(WEIGHT_BITS, WEIGHT_BITS if target.weight_bits is None else target.weight_bits)
