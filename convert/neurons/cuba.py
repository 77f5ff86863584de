"""The CUBA neuron as integers: Loihi's current-based leaky integrate-and-fire unit."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from myelin.convert.arrays import IntArray, Shape, check_broadcast, check_range, frozen_int, scalar_int
from myelin.hw_configs.fixed_point import BIAS_EXP_MAX, BIAS_MANT_MAX, BIAS_MANT_MIN, DECAY_UNITY, NETX_BIAS_EXP

#: Thresholds are compared after a shift by 6 bits in 32 bit integers, so a mantissa may take 25 bits.
_THRESHOLD_LIMIT = (1 << 25) - 1


@dataclass(frozen=True, eq=False)
class Cuba:
    """Constants of a population of CUBA neurons.

    Per step, with a the summed synaptic input and rz(x) = sgn(x) * floor(|x| / 4096)::

        u <- wrap24( rz(u * (4096 - current_decay)) + 64 a )
        v <- saturate24( rz(v * (4096 - voltage_decay)) + u + (bias_mant << bias_exp) )
        s  = v > 64 threshold;  v <- 0 where s

    Attributes:
        threshold: mantissa vThMant, a whole number of 64 state units.
        current_decay: iDecay in 1/4096 per step, 0..4096; scalar () or broadcastable to the layer's shape.
        voltage_decay: vDecay, likewise.
        bias_mant: mantissa of the bias, 13 bit signed; scalar () or broadcastable to the layer's shape.
        bias_exp: exponent of the bias, 0..7.

    Raises:
        NetworkError: a value is not whole, has the wrong shape or lies outside its range.

    Source: lava-nc ``proc/lif/models.py`` (PyLifModelBitAcc); netx passes ``du = iDecay - 1``, which cancels Lava's + 1.
    """

    threshold: int
    current_decay: IntArray
    voltage_decay: IntArray
    bias_mant: IntArray = field(default_factory=lambda: np.zeros((), np.int32))
    bias_exp: int = NETX_BIAS_EXP

    #: Spikes are 0 or 1.
    GRADED: ClassVar[bool] = False
    #: What can be recorded: emitted spikes, summed synaptic input, and the states after the step.
    NAMES: ClassVar[tuple[str, ...]] = ("spikes", "a", "u", "v")

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", scalar_int("threshold", self.threshold, 0, _THRESHOLD_LIMIT))
        object.__setattr__(self, "bias_exp", scalar_int("bias_exp", self.bias_exp, 0, BIAS_EXP_MAX))
        for name, low, high in (
            ("current_decay", 0, DECAY_UNITY),
            ("voltage_decay", 0, DECAY_UNITY),
            ("bias_mant", BIAS_MANT_MIN, BIAS_MANT_MAX),
        ):
            values = frozen_int(name, getattr(self, name))
            check_range(name, values, low, high)
            object.__setattr__(self, name, values)

    @property
    def has_bias(self) -> bool:
        """Whether any neuron has a bias other than zero."""
        return bool(np.any(self.bias_mant))

    def check_shape(self, shape: Shape) -> None:
        """Raise NetworkError unless every constant broadcasts to ``shape``."""
        for name in ("current_decay", "voltage_decay", "bias_mant"):
            check_broadcast(name, getattr(self, name), shape)
