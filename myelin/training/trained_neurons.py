"""Constants of float neurons as training has them: one line of ``TRAINED`` for each kind of neuron."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.neuron import FloatArray
from myelin.convert.registry import Handlers


@dataclass(frozen=True, eq=False)
class TrainedNeuron:
    """Constants of a population of CUBA neurons; arrays are scalar () or broadcastable to the layer's shape.

    Attributes:
        threshold: None for a readout of states.
        current_decay, voltage_decay: share lost per step, 0..1.
        bias: added to the voltage in every step.
    """

    threshold: float | None
    current_decay: FloatArray
    voltage_decay: FloatArray
    bias: FloatArray


#: Float neuron -> its constants in training.
TRAINED: Handlers[Callable[[Any], TrainedNeuron]] = Handlers("has {name} neurons; they cannot be trained here")


@TRAINED.register(FloatCuba)
def _cuba(neuron: FloatCuba) -> TrainedNeuron:
    return TrainedNeuron(neuron.threshold, neuron.current_decay, neuron.voltage_decay, neuron.bias)
