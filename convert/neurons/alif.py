"""The integer ALIF neuron: a leaky integrate-and-fire unit with adaptive threshold and refractory state, Lava's ATRLIF.

SLAYER (lava-dl 0.6.0 ``slayer/neuron/alif.py``, on the CPU) and Lava (lava-nc 0.10.0 ``proc/atrlif/models.py``,
PyATRLIFModelFixed) were run side by side.  They agree in the order of the updates, in rounding toward zero, in the comparison
with ``>=`` (SLAYER adds no epsilon to this threshold) and in the sizes of the jumps at a spike.  They differ here, and this
class follows Lava:

==================== ======================================== ==========================================================
what                 SLAYER                                   Lava, and here
==================== ======================================== ==========================================================
current              no limit                                 one wrap at 24 bit, as in Lava's LIF
voltage              no limit                                 saturates at +-(2^23 - 1)
threshold, refrac-   64 bit inside a call                     32 bit without a limit at 24 bit (a TODO in its source).
tory state                                                    They stay below 2^25: a spike needs v - r >= theta
comparison           in float32 of v and theta + r: exact     in 32 bit integers: v - r >= theta
                     below 2^24 units of 1/4096
decays               rounded to 1/4096; those of threshold    ``delta`` is a fraction that the model multiplies by 4096;
                     and refractory state are not clamped     that of the current is passed less 1/4096, since the model
                     to 0..4096                               adds it.  Integer deltas 0 and 1 overflow its 32 bit product
bias                 added to the current                     added to the voltage, shifted by its exponent
input                floats                                   the port declares int16, but adds int32 to it, which makes
                                                              int32: sums beyond 16 bit arrive whole, and 64 times them
                                                              wraps in 32 bit
threshold and step   any multiple of 1/64                     declared with 12 bits, stored and used in 32
``neuron_params``    sets threshold_step to ``vThMant``,      --
                     not to ``vThStep``
==================== ======================================== ==========================================================

Within 24 bit, without bias and with decays in 0..4096, both give the same integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, each, signed
from myelin.convert.neurons.leaky_states import INPUT_BITS, current_before_wrap, decayed, derived_input, voltage_before_limit
from myelin.convert.neurons.neuron import Constant, Ints, Neuron, States
from myelin.convert.neurons.registry import register
from myelin.hw_configs.fixed_point import (
    BIAS_EXP_MAX,
    BIAS_MANT_MAX,
    BIAS_MANT_MIN,
    CURRENT_WRAP,
    DECAY_UNITY,
    NETX_BIAS_EXP,
    STATE_MAX,
    STATE_SHIFT,
    THRESHOLD_MAX,
)


def _decay(state: str, netx: str) -> Constant:
    return Constant(f"{state}_decay", 0, DECAY_UNITY, shared=False, netx=netx, stored_once=True, role="decay")


def _threshold(name: str, netx: str) -> Constant:
    cure = "scale the weights, the threshold and its step down by a power of two"
    limits = (None, "threshold_max")
    return Constant(
        name, 0, THRESHOLD_MAX, netx=netx, rule="threshold", limits=limits, unit="mantissa", cure=cure, role="threshold"
    )


@register
@dataclass(frozen=True, eq=False)
class Alif(Neuron):
    """Constants of a population of neurons with adaptive threshold.

    Per step, with a the summed synaptic input and rz(x) = sgn(x) * floor(|x| / 4096)::

        i     <- wrap24( rz(i * (4096 - current_decay)) + 64 a )
        v     <- saturate24( rz(v * (4096 - voltage_decay)) + i + (bias_mant << bias_exp) )
        theta <- rz((theta - 64 threshold) * (4096 - threshold_decay)) + 64 threshold
        r     <- rz(r * (4096 - refractory_decay))
        s      = v - r >= theta
        r     <- r + 2 theta;  theta <- theta + 64 threshold_step      where s

    Before the first step theta is 64 threshold, and the other states are 0.  A spike does not change v.  theta and r are not
    negative, and a spike needs v >= theta + r, so they stay below 2^25 in their 32 bit.

    Attributes:
        threshold: mantissa vThMant of the threshold at rest, in units of 64 state units.
        threshold_step: mantissa vThStep of the rise of the threshold at a spike, in the same unit.
        current_decay, voltage_decay, threshold_decay, refractory_decay: iDecay, vDecay, thDecay and refDecay in 1/4096 per
            step, 0..4096; scalar () or broadcastable to the layer's shape.
        bias_mant: mantissa of the bias, 13 bit signed; scalar () or broadcastable to the layer's shape.
        bias_exp: exponent of the bias, 0..7.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.

    Source: lava-nc ``proc/atrlif/models.py`` (PyATRLIFModelFixed); see the module for where SLAYER differs.
    """

    threshold: int
    threshold_step: int
    current_decay: IntArray
    voltage_decay: IntArray
    threshold_decay: IntArray
    refractory_decay: IntArray
    bias_mant: IntArray = field(default_factory=lambda: np.zeros((), np.int32))
    bias_exp: int = NETX_BIAS_EXP

    MODEL: ClassVar[str] = "alif"
    LABEL: ClassVar[str] = "ALIF neurons"
    STATES: ClassVar[tuple[str, ...]] = ("i", "v", "theta", "r")
    OVERFLOW: ClassVar[Mapping[str, str]] = {"i": "wraps", "v": "saturates"}
    DERIVED_BITS: ClassVar[Mapping[str, int]] = {"a": INPUT_BITS}
    LAVA_PROCESS: ClassVar[str] = "lava.proc.atrlif.process.ATRLIF"
    SIMULATION_ONLY: ClassVar[str] = (
        "no neurocore model of Lava's ATRLIF is public (lava-nc PR #846 mentions one that was not released)"
    )
    CONSTANTS: ClassVar[tuple[Constant, ...]] = (
        _threshold("threshold", "vThMant"),
        _threshold("threshold_step", "vThStep"),
        _decay("current", "iDecay"),
        _decay("voltage", "vDecay"),
        _decay("threshold", "thDecay"),
        _decay("refractory", "refDecay"),
        Constant("bias_mant", BIAS_MANT_MIN, BIAS_MANT_MAX, shared=False),
        Constant("bias_exp", 0, BIAS_EXP_MAX),
    )

    def step(self, states: States, a: Ints, drive: Ints) -> tuple[States, Ints]:
        """i, v, theta, r and the spikes from the equations above."""
        base = self.threshold << STATE_SHIFT
        i = signed(decayed(states["i"], self.current_decay) + signed(a << STATE_SHIFT, 32), 32)
        i = np.where(i > CURRENT_WRAP, i - 2 * CURRENT_WRAP, np.where(i <= -CURRENT_WRAP, i + 2 * CURRENT_WRAP, i))
        v = signed(decayed(states["v"], self.voltage_decay) + i + drive, 32).clip(-STATE_MAX, STATE_MAX)
        theta = signed(decayed(signed(states["theta"] - base, 32), self.threshold_decay) + base, 32)
        r = decayed(states["r"], self.refractory_decay)
        spikes = signed(v - r, 32) >= theta
        risen = {
            "theta": np.where(spikes, signed(theta + (self.threshold_step << STATE_SHIFT), 32), theta),
            "r": np.where(spikes, signed(r + 2 * theta, 32), r),
        }
        return {"i": i, "v": v, **risen}, spikes.astype(np.int64)

    def rest(self, shape: tuple[int, ...]) -> States:
        """The states of ``shape`` before the first step: theta is the threshold, the others are zero."""
        return super().rest(shape) | {"theta": np.full(shape, self.threshold << STATE_SHIFT, np.int64)}

    def drive(self, shape: Shape) -> Ints:
        """The bias ``bias_mant << bias_exp`` of every neuron, (neurons,)."""
        return each(self.bias_mant, shape).astype(np.int64) << self.bias_exp

    def lava_arguments(self) -> dict[str, Any]:
        """See ``Neuron.lava_arguments``: decays are fractions, and Lava adds 1/4096 to that of the current."""
        return {
            "delta_i": (self.current_decay - 1) / DECAY_UNITY,
            "delta_v": self.voltage_decay / DECAY_UNITY,
            "delta_theta": self.threshold_decay / DECAY_UNITY,
            "delta_r": self.refractory_decay / DECAY_UNITY,
            "theta_0": self.threshold,
            "theta_step": self.threshold_step,
            "bias_mant": self.bias_mant,
            "bias_exp": self.bias_exp,
        }

    @property
    def has_bias(self) -> bool:
        """True if any neuron has a nonzero bias."""
        return bool(np.any(self.bias_mant))

    def before_limits(self, arrays: Mapping[str, npt.NDArray[Any]], drive: Ints, shape: Shape) -> dict[str, npt.NDArray[Any]]:
        """i before it wraps and v before it saturates; theta and r as they are."""
        a, i, v = (arrays[name] for name in ("a", "i", "v"))
        limited = {"i": current_before_wrap(a, i, self, shape), "v": voltage_before_limit(i, v, drive, self, shape)}
        return limited | {"theta": arrays["theta"], "r": arrays["r"]}

    def derive(self, name: str, arrays: Mapping[str, npt.NDArray[Any]], shape: Shape) -> npt.NDArray[Any] | None:
        """The summed input a from i, modulo 2^18."""
        return derived_input(arrays["i"], self, shape) if name == "a" and "i" in arrays else None
