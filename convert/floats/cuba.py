"""CUBA neurons in floats."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from myelin.convert.floats.neuron import FloatArray, FloatNeuron, frozen_float, whole_values
from myelin.convert.neurons import Cuba
from myelin.convert.quantise.scalar import STATE_THRESHOLD, bias_fields, fitting, round_bias, whole
from myelin.hw_configs.fixed_point import (
    BIAS_EXP_MAX,
    BIAS_MANT_MAX,
    DECAY_UNITY,
    STATE_SCALE,
    STATE_SHIFT,
    THRESHOLD_MAX,
    WEIGHT_SCALE,
)


@dataclass(frozen=True, eq=False)
class FloatCuba(FloatNeuron):
    """Constants of a population of CUBA neurons; per step, with x the summed input::

        u <- (1 - current_decay) u + x
        v <- (1 - voltage_decay) v + u + bias
        s  = v > threshold;  v <- 0 where s

    Attributes:
        threshold: one number for the layer, not negative; None for a readout of states, which never spikes.
        current_decay, voltage_decay: share lost per step, 0..1; scalar () or broadcastable to the layer's shape.  A LIF neuron
            without synapse filter has current_decay 1.
        bias: added to the voltage in every step; scalar () or broadcastable to the layer's shape.

    Raises:
        NetworkError: a value is not numeric, NaN, infinite or outside its range.
    """

    threshold: float | None
    current_decay: FloatArray
    voltage_decay: FloatArray
    bias: FloatArray = field(default_factory=lambda: np.zeros(()))

    STATES: ClassVar[tuple[str, ...]] = ("u", "v")
    READOUT: ClassVar[str | None] = "v"
    CONSTANTS: ClassVar[tuple[tuple[str, float, float], ...]] = (
        ("current_decay", 0.0, 1.0),
        ("voltage_decay", 0.0, 1.0),
        ("bias", -np.inf, np.inf),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.threshold is not None:
            threshold = float(frozen_float("threshold", self.threshold, 0.0).reshape(-1)[0])
            object.__setattr__(self, "threshold", threshold)

    @property
    def output(self) -> Literal["spikes", "state"]:
        """The output: spikes if there is a threshold, else the state, the voltage."""
        return "spikes" if self.threshold is not None else "state"

    def step(self, states: dict[str, FloatArray], x: FloatArray) -> tuple[dict[str, FloatArray], FloatArray]:
        """u, v and the spikes from the equations above."""
        u = (1 - self.current_decay) * states["u"] + x
        v = (1 - self.voltage_decay) * states["v"] + u + self.bias
        spikes = v > (np.inf if self.threshold is None else self.threshold)
        return {"u": u, "v": np.where(spikes, 0.0, v)}, spikes.astype(np.float64)

    def structure(self) -> Cuba:
        """CUBA neurons with all constants zero."""
        none = np.zeros((), np.int32)
        return Cuba(0, none, none)

    def rounded(self, scale: int) -> Cuba:
        """The nearest integers: threshold and bias times ``2 ** scale`` in their units, decays in 1/4096."""
        mantissa, exponent = round_bias(np.ldexp(self.bias, scale + STATE_SHIFT))
        return Cuba(
            STATE_THRESHOLD if self.threshold is None else round(math.ldexp(self.threshold, scale)),
            whole(self.current_decay * DECAY_UNITY),
            whole(self.voltage_decay * DECAY_UNITY),
            mantissa,
            exponent,
        )

    def exact(self, scale: int) -> Cuba:
        """See ``FloatNeuron.exact``; a readout that never spikes gets the highest threshold that fits 17 bits."""
        threshold = THRESHOLD_MAX
        if self.threshold is not None:
            threshold = int(whole_values("threshold", np.array(self.threshold) * scale, f"multiples of 1/{scale}"))
        current, voltage = (
            whole_values(name.replace("_", " "), getattr(self, name) * DECAY_UNITY, "multiples of 1/4096")
            for name in ("current_decay", "voltage_decay")
        )
        states = scale << STATE_SHIFT
        bias = whole_values("biases", self.bias * states, f"multiples of 1/{states}")
        return Cuba(threshold, current, voltage, *bias_fields(bias))

    def fitting_scale(self, scale: int) -> int:
        """The largest scale up to ``scale`` at which the threshold fits 17 bit and the bias its mantissa and exponent."""
        if self.threshold:
            scale = min(scale, fitting(self.threshold, THRESHOLD_MAX))
        if self.bias.any():
            scale = min(scale, fitting(float(np.abs(self.bias).max()), BIAS_MANT_MAX) + BIAS_EXP_MAX - STATE_SHIFT)
        return scale

    def calibrated(self, scale: float, threshold: float, bias: float) -> Cuba:
        """See ``FloatNeuron.calibrated``."""
        shifted = self.bias + bias * (self.threshold or 0.0) if self.bias.any() else self.bias
        mantissa, exponent = round_bias(shifted * scale * (1 << STATE_SHIFT))
        level = STATE_THRESHOLD if self.threshold is None else round(scale * threshold * self.threshold)
        current, voltage = (whole(decay * DECAY_UNITY) for decay in (self.current_decay, self.voltage_decay))
        return Cuba(level, current, voltage, mantissa, exponent)

    def scale_limits(self, threshold_max: int) -> list[float]:
        """Upper bounds on the scale from threshold and bias, with room for a factor of 1.5."""
        limits = [threshold_max / (1.5 * self.threshold)] if self.threshold else []
        if self.bias.any():
            limits.append((BIAS_MANT_MAX << BIAS_EXP_MAX) / (1 << STATE_SHIFT) / (1.5 * float(np.abs(self.bias).max())))
        return limits

    @property
    def has_threshold(self) -> bool:
        """True if the neurons spike."""
        return self.threshold is not None

    @property
    def has_bias(self) -> bool:
        """True if any neuron has a nonzero bias."""
        return bool(self.bias.any())

    @property
    def largest_constant(self) -> float:
        """The threshold, which the voltage must be able to reach."""
        return self.threshold or 0.0

    def kept(self) -> tuple[float, ...]:
        """The mean remaining shares of u and of v per step."""
        return tuple(1 - float(np.mean(decay)) for decay in (self.current_decay, self.voltage_decay))

    def rounding_errors(self, rounded: Cuba, scale: int) -> tuple[float, float]:
        """Relative error of the threshold, and largest error of a decay."""
        decay = max(
            float(np.abs(getattr(rounded, name) / DECAY_UNITY - getattr(self, name)).max())
            for name in ("current_decay", "voltage_decay")
        )
        return abs(math.ldexp(rounded.threshold, -scale) / self.threshold - 1) if self.threshold else 0.0, decay


def float_cuba(neuron: Cuba, output: str) -> FloatCuba:
    """The float neurons of integer CUBA neurons in a layer with this output, exact, in SLAYER's unit."""
    return FloatCuba(
        neuron.threshold / WEIGHT_SCALE if output == "spikes" else None,
        neuron.current_decay / DECAY_UNITY,
        neuron.voltage_decay / DECAY_UNITY,
        neuron.bias_mant * float(1 << neuron.bias_exp) / STATE_SCALE,
    )
