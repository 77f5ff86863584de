"""Reads lava-dl's Input blocks: a step of latency alone, or neurons that the input drives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.modules.known import numbers
from myelin.convert.modules.reading import ReadModule
from myelin.convert.modules.slayer_neurons.contract import SlayerNeuron
from myelin.convert.neurons import Cuba
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY

#: SLAYER quantises the input itself to its 8 bits, below 4.
_LARGEST_INPUT = 3


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
    found.lag -= int(block.delay_shift is True)  # the network's input has no latency
    if block.neuron is None:
        return
    neuron, shape = block.neuron, found.source.shape
    entry.require_plain(neuron)
    floats = entry.read(neuron, shape, True, True)
    assert isinstance(floats, FloatCuba)
    if np.any(floats.current_decay != 1):
        raise NetworkError(
            "its neurons filter the input with a current decay below 1, and the chip adds an input to the voltage at "
            "once; build "
            "it with current_decay=1, or without neurons"
        )
    if found.source.max_value > _LARGEST_INPUT:
        raise NetworkError(
            f"it quantises its input to 8 bits, below 4, and message_bits={found.source.message_bits} allows larger values; "
            "message_bits of at most 2 can be read"
        )
    scale = int(neuron.w_scale)
    one = scale if block.weight is None else _integer(block, "weight", scale)
    bias = 0 if block.bias is None else _integer(block, "bias", scale)
    threshold = float(floats.threshold or 0.0) * scale
    if threshold != int(threshold):
        raise NetworkError(f"its threshold is {floats.threshold}; a multiple of 1/{scale} is allowed")
    decay = np.rint(floats.voltage_decay * DECAY_UNITY).astype(np.int32)
    cuba = Cuba(int(threshold), np.full((), DECAY_UNITY, np.int32), decay)
    found.source = replace(found.source, neuron=cuba, weight=one, bias=bias)


def _integer(block: Any, name: str, scale: int) -> int:
    value = float(numbers(block.pre_hook_fx(getattr(block, name))).reshape(-1)[0]) * scale
    if value != int(value):
        raise NetworkError(f"its {name} is {value / scale:g} and not quantised; a multiple of 1/{scale} is allowed")
    return int(value)
