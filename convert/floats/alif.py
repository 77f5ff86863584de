"""ALIF neurons in floats."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from myelin.convert.floats.neuron import FloatArray, FloatNeuron, frozen_float, whole_values
from myelin.convert.neurons import Alif
from myelin.convert.quantise.scalar import bias_fields, fitting, round_bias, whole
from myelin.hw_configs.fixed_point import (
    BIAS_EXP_MAX,
    BIAS_MANT_MAX,
    DECAY_UNITY,
    STATE_SCALE,
    STATE_SHIFT,
    THRESHOLD_MAX,
    WEIGHT_SCALE,
)

_DECAYS = ("current_decay", "voltage_decay", "threshold_decay", "refractory_decay")


@dataclass(frozen=True, eq=False)
class FloatAlif(FloatNeuron):
    """Constants of a population of ALIF neurons; per step, with x the summed input::

        i     <- (1 - current_decay) i + x
        v     <- (1 - voltage_decay) v + i + bias
        theta <- (1 - threshold_decay) (theta - threshold) + threshold
        r     <- (1 - refractory_decay) r
        s      = v - r >= theta;  r <- r + 2 theta and theta <- theta + threshold_step where s

    Attributes:
        threshold: the threshold at rest, one number for the layer, not negative.
        threshold_step: rise of the threshold at a spike, one number for the layer, not negative.
        current_decay, voltage_decay, threshold_decay, refractory_decay: share lost per step, 0..1; scalar () or broadcastable
            to the layer's shape.
        bias: added to the voltage in every step; scalar () or broadcastable to the layer's shape.

    Raises:
        NetworkError: a value is not numeric, NaN, infinite or outside its range.
    """

    threshold: float
    threshold_step: float
    current_decay: FloatArray
    voltage_decay: FloatArray
    threshold_decay: FloatArray
    refractory_decay: FloatArray
    bias: FloatArray = field(default_factory=lambda: np.zeros(()))

    STATES: ClassVar[tuple[str, ...]] = ("i", "v", "theta", "r")
    CONSTANTS: ClassVar[tuple[tuple[str, float, float], ...]] = (
        *((name, 0.0, 1.0) for name in _DECAYS),
        ("bias", -np.inf, np.inf),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("threshold", "threshold_step"):
            object.__setattr__(self, name, float(frozen_float(name, getattr(self, name), 0.0).reshape(-1)[0]))

    def rest(self, shape: tuple[int, ...]) -> dict[str, FloatArray]:
        """The states of ``shape`` before the first step: theta is the threshold, the others are zero."""
        return super().rest(shape) | {"theta": np.full(shape, self.threshold)}

    def step(self, states: dict[str, FloatArray], x: FloatArray) -> tuple[dict[str, FloatArray], FloatArray]:
        """i, v, theta, r and the spikes from the equations above."""
        i = (1 - self.current_decay) * states["i"] + x
        v = (1 - self.voltage_decay) * states["v"] + i + self.bias
        theta = (1 - self.threshold_decay) * (states["theta"] - self.threshold) + self.threshold
        r = (1 - self.refractory_decay) * states["r"]
        spikes = (v - r >= theta).astype(np.float64)
        return {"i": i, "v": v, "theta": theta + self.threshold_step * spikes, "r": r + 2 * theta * spikes}, spikes

    def structure(self) -> Alif:
        """ALIF neurons with all constants zero."""
        none = np.zeros((), np.int32)
        return Alif(0, 0, none, none, none, none)

    def rounded(self, scale: int) -> Alif:
        """The nearest integers: thresholds and bias times ``2 ** scale`` in their units, decays in 1/4096."""
        return self._integers(math.ldexp(1.0, scale), 1.0, self.bias)

    def _integers(self, scale: float, threshold: float, bias: FloatArray) -> Alif:
        mantissa, exponent = round_bias(bias * scale * (1 << STATE_SHIFT))
        level, step = (round(scale * threshold * level) for level in (self.threshold, self.threshold_step))
        decays = {name: whole(getattr(self, name) * DECAY_UNITY) for name in _DECAYS}
        return Alif(level, step, **decays, bias_mant=mantissa, bias_exp=exponent)

    def exact(self, scale: int) -> Alif:
        """See ``FloatNeuron.exact``."""
        names = ("threshold", "threshold_step")
        level, step = (whole_values(name, np.array(getattr(self, name)) * scale, f"multiples of 1/{scale}") for name in names)
        decays = {
            name: whole_values(name.replace("_", " "), getattr(self, name) * DECAY_UNITY, "multiples of 1/4096")
            for name in _DECAYS
        }
        states = scale << STATE_SHIFT
        bias = whole_values("biases", self.bias * states, f"multiples of 1/{states}")
        mantissa, exponent = bias_fields(bias)
        return Alif(int(level), int(step), **decays, bias_mant=mantissa, bias_exp=exponent)

    def fitting_scale(self, scale: int) -> int:
        """The largest scale up to ``scale`` at which the thresholds fit 17 bit and the bias its mantissa and exponent."""
        largest = max(self.threshold, self.threshold_step)
        if largest:
            scale = min(scale, fitting(largest, THRESHOLD_MAX))
        if self.bias.any():
            scale = min(scale, fitting(float(np.abs(self.bias).max()), BIAS_MANT_MAX) + BIAS_EXP_MAX - STATE_SHIFT)
        return scale

    def calibrated(self, scale: float, threshold: float, bias: float) -> Alif:
        """See ``FloatNeuron.calibrated``; the factor acts on the threshold and on its step."""
        shifted = self.bias + bias * self.threshold if self.bias.any() else self.bias
        return self._integers(scale, threshold, shifted)

    def scale_limits(self, threshold_max: int) -> list[float]:
        """Upper bounds on the scale from thresholds and bias, with room for a factor of 1.5."""
        limits = [threshold_max / (1.5 * level) for level in (self.threshold, self.threshold_step) if level]
        if self.bias.any():
            limits.append((BIAS_MANT_MAX << BIAS_EXP_MAX) / (1 << STATE_SHIFT) / (1.5 * float(np.abs(self.bias).max())))
        return limits

    @property
    def has_threshold(self) -> bool:
        """True: the neurons spike."""
        return True

    @property
    def has_bias(self) -> bool:
        """True if any neuron has a nonzero bias."""
        return bool(self.bias.any())

    @property
    def largest_constant(self) -> float:
        """The threshold, which the voltage must be able to reach."""
        return self.threshold

    def rounding_errors(self, rounded: Alif, scale: int) -> tuple[float, float]:
        """Relative error of the threshold, and largest error of a decay."""
        decay = max(float(np.abs(getattr(rounded, name) / DECAY_UNITY - getattr(self, name)).max()) for name in _DECAYS)
        return abs(math.ldexp(rounded.threshold, -scale) / self.threshold - 1) if self.threshold else 0.0, decay


def float_alif(neuron: Alif, output: str) -> FloatAlif:
    """The float neurons of integer ALIF neurons, exact, in SLAYER's unit."""
    return FloatAlif(
        neuron.threshold / WEIGHT_SCALE,
        neuron.threshold_step / WEIGHT_SCALE,
        **{name: getattr(neuron, name) / DECAY_UNITY for name in _DECAYS},
        bias=neuron.bias_mant * float(1 << neuron.bias_exp) / STATE_SCALE,
    )
