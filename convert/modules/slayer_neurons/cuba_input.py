"""Reads lava-dl's Input blocks: a step of latency alone, or neurons that the input drives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.neuron import whole_values
from myelin.convert.modules.known import numbers
from myelin.convert.modules.reading import ReadModule
from myelin.convert.modules.slayer_neurons.contract import SlayerNeuron
from myelin.convert.neurons import Cuba
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY


def read_input(entry: SlayerNeuron, found: ReadModule, block: Any, path: str, raw: bool) -> None:
    """Add an Input block to ``found``: its neurons as those of the network's input, its step of latency as a lag.

    SLAYER filters the weighted input by the current decay, and the chip adds it to the voltage: the same only without a filter.

    Raises:
        NetworkError: the block is not the first, or the network's input cannot have its neurons.
    """
    if found.blocks or found.source.neuron is not None:
        raise NetworkError("it stands behind other blocks; an Input block must be the first")
    if block.delay is not None:
        raise NetworkError("it has a delay, which its forward pass does not use; build it with delay=False")
    if block.delay_shift is True:  # the network's input has no latency
        found.delay_input()
    if block.neuron is None:
        return
    neuron, shape = block.neuron, found.source.shape
    entry.require_plain(neuron)
    floats = entry.read(neuron, shape, True, True)
    assert isinstance(floats, FloatCuba)
    if np.any(floats.current_decay != 1):
        raise NetworkError(
            "its neurons filter the input with a current decay below 1, and the chip adds an input to the voltage at "
            "once; build it with current_decay=1, or without neurons"
        )
    _require_kept(found, block, neuron)
    scale, gain = int(neuron.w_scale), entry.gain(neuron)
    one = _whole("weight", (1.0 if block.weight is None else _hooked(block, "weight")) * gain, scale)
    bias = _whole("bias", (0.0 if block.bias is None else _hooked(block, "bias")) * gain, scale)
    threshold = _whole("threshold", floats.threshold or 0.0, scale)
    means = whole_values("means of its norm", floats.bias * scale, f"multiples of 1/{scale}")
    decay = np.rint(floats.voltage_decay * DECAY_UNITY).astype(np.int32)
    cuba = Cuba(threshold, np.full((), DECAY_UNITY, np.int32), decay, means)
    found.source = replace(found.source, neuron=cuba, weight=one, bias=bias)


def _require_kept(found: ReadModule, block: Any, neuron: Any) -> None:
    """Raise NetworkError unless the block's ``pre_hook_fx``, which it applies to its input too, keeps every value of it."""
    values = np.arange(found.source.max_value + 1)
    kept = numbers(block.pre_hook_fx(neuron.voltage_decay.detach().new_tensor(values.tolist())))
    wrong = np.flatnonzero(kept != values)
    if wrong.size:
        raise NetworkError(
            f"it quantises its input too, and turns {wrong[0]} into {kept[wrong[0]]:g}; message_bits="
            f"{found.source.message_bits} allows values of up to {found.source.max_value}: give fewer message_bits, or build "
            "it without neurons"
        )


def _hooked(block: Any, name: str) -> float:
    return float(numbers(block.pre_hook_fx(getattr(block, name))).reshape(-1)[0])


def _whole(name: str, value: float, scale: int) -> int:
    if value * scale != int(value * scale):
        raise NetworkError(f"its {name} is {value:g} and not quantised; a multiple of 1/{scale} is allowed")
    return int(value * scale)
