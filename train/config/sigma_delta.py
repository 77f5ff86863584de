"""The section ``sigma_delta`` of a configuration: its network consists of sigma-delta neurons."""

from __future__ import annotations

from dataclasses import dataclass

from myelin.hw_configs.fixed_point import WEIGHT_SCALE
from myelin.train.config.checks import require


@dataclass(frozen=True)
class SigmaDeltaConfig:
    """Delta encoders at the input, sigma-delta neurons in the layers, and a readout of their sums.

    The sections ``neuron`` and ``readout`` keep their defaults, since their constants are those of CUBA neurons; a layer has no
    recurrence.  A layer's own ``threshold`` takes the place of the one here.

    Attributes:
        threshold: of the layers' neurons: a change of the activation above it is sent; a multiple of 1/64.
        activation: "relu" or "unit".
        cumulative_error: whether neurons and encoders add up the error of what they did not send.
        bias: whether every neuron (every channel of a layer with channels) has a learnt bias.
        input_threshold: of the delta encoders: a change of the input above it is sent.
        input_weight: a count of 1 at the input is this integer, of which 64 are 1 in SLAYER's units.
    """

    threshold: float = 1 / 16
    activation: str = "relu"
    cumulative_error: bool = False
    bias: bool = False
    input_threshold: float = 1 / 16
    input_weight: int = 1

    def __post_init__(self) -> None:
        for name in ("threshold", "input_threshold"):
            value = getattr(self, name)
            whole = value >= 0 and value * WEIGHT_SCALE == int(value * WEIGHT_SCALE)
            require(f"sigma_delta.{name}", value, whole, "a multiple of 1/64 of at least 0")
        require("sigma_delta.activation", self.activation, self.activation in ("relu", "unit"), "relu or unit")
        require("sigma_delta.input_weight", self.input_weight, self.input_weight >= 1, "at least 1")
