"""The integer CUBA neuron: Loihi's current-based leaky integrate-and-fire unit."""

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
from myelin.hw_configs.errors import DataError
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

#: Thresholds are compared in 32 bit integers after a shift by 6 bits, so a mantissa may have 25 bits.
_THRESHOLD_LIMIT = (1 << 25) - 1


def _decay(state: str, netx: str) -> Constant:
    """The constant for the decay of a state in 1/4096 per step; a core holds a table of decay pairs."""
    return Constant(
        f"{state}_decay",
        0,
        DECAY_UNITY,
        shared=False,
        netx=netx,
        rule=f"{state} decay",
        limits=(f"{state}_decay_min", f"{state}_decay_max"),
        unit="per_4096",
        cure=f"train with a {state} decay of {{low}}..{{high}} / 4096",
        stored_once=True,
        role="decay",
    )


@register
@dataclass(frozen=True, eq=False)
class Cuba(Neuron):
    """Constants of a population of CUBA neurons.

    Per step, with a the summed synaptic input and rz(x) = sgn(x) * floor(|x| / 4096)::

        u <- wrap24( rz(u * (4096 - current_decay)) + 64 a )
        v <- saturate24( rz(v * (4096 - voltage_decay)) + u + (bias_mant << bias_exp) )
        s  = v > 64 threshold;  v <- 0 where s

    Attributes:
        threshold: mantissa vThMant, in units of 64 state units.
        current_decay: iDecay in 1/4096 per step, 0..4096; scalar () or broadcastable to the layer's shape.
        voltage_decay: vDecay in 1/4096 per step, 0..4096; scalar () or broadcastable to the layer's shape.
        bias_mant: mantissa of the bias, 13 bit signed; scalar () or broadcastable to the layer's shape.
        bias_exp: exponent of the bias, 0..7.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.

    Source: lava-nc ``proc/lif/models.py`` (PyLifModelBitAcc); netx passes ``du = iDecay - 1``, which cancels Lava's + 1.
    """

    threshold: int
    current_decay: IntArray
    voltage_decay: IntArray
    bias_mant: IntArray = field(default_factory=lambda: np.zeros((), np.int32))
    bias_exp: int = NETX_BIAS_EXP

    MODEL: ClassVar[str] = "cuba"
    LABEL: ClassVar[str] = "CUBA neurons"
    STATES: ClassVar[tuple[str, ...]] = ("u", "v")
    READOUT: ClassVar[str | None] = "v"
    AT_INPUT: ClassVar[bool] = True
    #: netx turns an input of 1 into 2^6 state units.
    INPUT_WEIGHT: ClassVar[int] = 1 << STATE_SHIFT
    OVERFLOW: ClassVar[Mapping[str, str]] = {"u": "wraps", "v": "saturates"}
    DERIVED_BITS: ClassVar[Mapping[str, int]] = {"a": INPUT_BITS}
    CONSTANTS: ClassVar[tuple[Constant, ...]] = (
        Constant(
            "threshold",
            0,
            _THRESHOLD_LIMIT,
            netx="vThMant",
            rule="threshold",
            limits=(None, "threshold_max"),
            unit="mantissa",
            cure="scale the weights and the threshold down by a power of two",
            role="threshold",
        ),
        _decay("current", "iDecay"),
        _decay("voltage", "vDecay"),
        Constant(
            "bias_mant",
            BIAS_MANT_MIN,
            BIAS_MANT_MAX,
            shared=False,
            rule="bias mantissa",
            limits=("bias_mant_min", "bias_mant_max"),
            unit="mantissa",
            cure="raise bias_exp and round the mantissa, or clip the bias in training",
        ),
        Constant(
            "bias_exp",
            0,
            BIAS_EXP_MAX,
            rule="bias exponent",
            limits=(None, "bias_exp_max"),
            unit="exponent",
            cure="lower bias_exp",
        ),
    )

    def step(self, states: States, a: Ints, drive: Ints) -> tuple[States, Ints]:
        """u, v and the spikes from the equations above; sums are 32 bit integers that wrap."""
        u = signed(decayed(states["u"], self.current_decay) + signed(a << STATE_SHIFT, 32), 32)
        u = np.where(u > CURRENT_WRAP, u - 2 * CURRENT_WRAP, np.where(u <= -CURRENT_WRAP, u + 2 * CURRENT_WRAP, u))
        v = signed(decayed(states["v"], self.voltage_decay) + u + drive, 32).clip(-STATE_MAX, STATE_MAX)
        spikes = v > self.threshold << STATE_SHIFT
        return {"u": u, "v": np.where(spikes, 0, v)}, spikes.astype(np.int64)

    def drive(self, shape: Shape) -> Ints:
        """The bias ``bias_mant << bias_exp`` of every neuron, (neurons,)."""
        return each(self.bias_mant, shape).astype(np.int64) << self.bias_exp

    def input_mantissa(self, values: Ints) -> Ints:
        """The bias mantissa of these neurons in netx's input layer for ``values`` (..., *shape)."""
        return values + self.bias_mant

    @property
    def input_note(self) -> str | None:
        """See ``Neuron.input_note``: netx's input neurons have no current, SLAYER's have."""
        if not np.any(self.current_decay != DECAY_UNITY):
            return None
        return (
            "the neurons of the input add the input to their voltage, as netx does; SLAYER's cuba.Input filters it with the "
            f"current decay ({int(self.current_decay.min())} of {DECAY_UNITY}) in training, so its spikes differ"
        )

    def input_drive(self, values: Ints) -> Ints:
        """The bias of these neurons in netx's input layer; Lava adds it to v in the same step, without latency."""
        return self.input_mantissa(values) << self.bias_exp

    def check_driven(self, extremes: Ints, weight: int) -> None:
        """Raise DataError if the input's values exceed the 13 bit of a bias mantissa."""
        mantissa = self.input_mantissa(extremes)
        if mantissa.min() < BIAS_MANT_MIN or mantissa.max() > BIAS_MANT_MAX:
            raise DataError(
                f"the input layer turns the spikes into biases of {mantissa.min()}..{mantissa.max()}, a 13 bit mantissa holds "
                f"{BIAS_MANT_MIN}..{BIAS_MANT_MAX}: scale the input down, or lower the layer's weight {weight}"
            )

    @property
    def has_bias(self) -> bool:
        """True if any neuron has a nonzero bias."""
        return bool(np.any(self.bias_mant))

    @property
    def reset_above(self) -> int | None:
        """The threshold as a voltage; above it a readout of voltages is reset, as in training."""
        return self.threshold << STATE_SHIFT

    @property
    def spikes_as_readout(self) -> int | None:
        """The threshold if it is below the chip's largest; else None, since the largest marks a readout that never spikes."""
        return self.threshold if self.threshold < THRESHOLD_MAX else None

    def before_limits(self, arrays: Mapping[str, npt.NDArray[Any]], drive: Ints, shape: Shape) -> dict[str, npt.NDArray[Any]]:
        """u before it wraps; v before it saturates and before a spike sets it to zero."""
        a, u, v = (arrays[name] for name in ("a", "u", "v"))
        return {"u": current_before_wrap(a, u, self, shape), "v": voltage_before_limit(u, v, drive, self, shape)}

    def derive(self, name: str, arrays: Mapping[str, npt.NDArray[Any]], shape: Shape) -> npt.NDArray[Any] | None:
        """The summed input a from u, modulo 2^18."""
        return derived_input(arrays["u"], self, shape) if name == "a" and "u" in arrays else None
