"""Integer neurons in a float network, for neurons whose floats would make no sense."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from myelin.convert.arrays import Shape
from myelin.convert.floats.neuron import FloatArray, FloatNeuron
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import SDNN_SPIKE_EXP, WEIGHT_SCALE


@dataclass(frozen=True, eq=False)
class IntegerNeuron(FloatNeuron):
    """Integer neurons, which become themselves when the network's other values become integers; they cannot run in floats.

    Attributes:
        neuron: the integer neurons.
        gives: the output of their layer.
    """

    neuron: Neuron
    gives: Literal["spikes", "state"] = "spikes"

    STATES: ClassVar[tuple[str, ...]] = ()

    @property
    def output(self) -> Literal["spikes", "state"]:
        """The output of their layer."""
        return self.gives

    def check_shape(self, shape: Shape) -> None:
        """Raise NetworkError unless every constant broadcasts to ``shape``."""
        self.neuron.check_shape(shape)

    def step(self, states: dict[str, FloatArray], x: FloatArray) -> tuple[dict[str, FloatArray], FloatArray]:
        """NetworkError: they compute with integers only."""
        raise NetworkError(
            f"{self.neuron.LABEL} compute with integers only, so the float network does not run; use its integer network"
        )

    def output_scale(self, scale: int) -> int:
        """As the integer neurons have it, in SLAYER's units."""
        return self.neuron.readout_scale(WEIGHT_SCALE << SDNN_SPIKE_EXP) if self.gives == "state" else self.neuron.spike_scale

    @property
    def takes_messages(self) -> bool:
        """As the integer neurons."""
        return self.neuron.TAKES_MESSAGES

    def structure(self) -> Neuron:
        """The integer neurons."""
        return self.neuron

    def rounded(self, scale: int) -> Neuron:
        """The integer neurons, whatever the scale."""
        return self.neuron

    def exact(self, scale: int) -> Neuron:
        """The integer neurons, whatever the scale."""
        return self.neuron


def as_float_neuron(neuron: FloatNeuron | Neuron, output: Literal["spikes", "state"]) -> FloatNeuron:
    """``neuron`` itself if it is in floats, else the integer neurons in a float network's layer with this output."""
    return IntegerNeuron(neuron, output) if isinstance(neuron, Neuron) else neuron
