"""The recurrence of SLAYER's KWTA blocks: every neuron excites itself and inhibits all others by 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.floats.neuron import FloatArray
from myelin.convert.modules.known import numbers


def kwta_weights(block: Any, *, raw: bool) -> FloatArray:
    """Weights (N, N) of the recurrence, with 8 bits as in the forward pass unless ``raw``: ``(1 + self_excitation) I - 1``."""
    neurons, neuron = int(block.num_neurons), block.neuron
    excitation = block.self_excitation.detach().clamp(0, 1)
    weight = (1 + excitation) * excitation.new_tensor(np.eye(neurons)) - 1
    return numbers(weight if raw or neuron.quantize_8bit is None else neuron.quantize_8bit(weight))


def kwta_input(block: Any) -> float:
    """What the block adds to every neuron's summed input in every step: ``threshold (N - 2 K) / N``, scaled and rounded."""
    neurons, neuron = int(block.num_neurons), block.neuron
    share = neuron.threshold * (neurons - 2 * block.num_winners) / neurons / neuron.w_scale
    value = block.self_excitation.detach().new_tensor([share])
    return float(numbers(value if neuron.quantize_8bit is None else neuron.quantize_8bit(value))[0])
