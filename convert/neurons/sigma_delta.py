"""Integer sigma-delta neurons: units that send changes as graded messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from myelin.convert.arrays import IntArray, Shape, each, signed
from myelin.convert.neurons.neuron import Constant, Ints, Neuron, States
from myelin.convert.neurons.registry import register
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.hw_configs.fixed_point import SDNN_EXP_MAX, SDNN_SPIKE_EXP, SDNN_STATE_EXP, STATE_MAX, WEIGHT_SCALE

#: Lava stores every variable of these neurons as 32 bit signed.
_INT32_MAX = (1 << 31) - 1


#: The message for a layer with a recurrent connection.
_NO_RECURRENCE = "sigma-delta neurons have a recurrent connection, which neither SLAYER nor netx has for them; CUBA neurons may"


@dataclass(frozen=True, eq=False)
class _Encoder(Neuron):
    """The constants of a delta encoder.

    Attributes:
        threshold: mantissa vThMant; the encoder compares with ``threshold << (spike_exp + state_exp)``.
        spike_exp: messages carry values in units of ``2 ** -spike_exp``, 0..7.
        state_exp: number of bits that states have below those of messages, 0..7.
        cumulative_error: true if the accumulated error is compared with the threshold, instead of the change including the
            residue.
    """

    threshold: int
    spike_exp: int = SDNN_SPIKE_EXP
    state_exp: int = SDNN_STATE_EXP
    cumulative_error: bool = False

    #: Messages are int32 and may be negative.
    GRADED: ClassVar[bool] = True
    RECURRENT: ClassVar[bool] = False
    DRIVES_EVERY_STEP: ClassVar[bool] = False

    CONSTANTS: ClassVar[tuple[Constant, ...]] = (
        Constant("spike_exp", 0, SDNN_EXP_MAX, default=SDNN_SPIKE_EXP),
        Constant("state_exp", 0, SDNN_EXP_MAX, default=SDNN_STATE_EXP),
        Constant("threshold", 0, _INT32_MAX, netx="vThMant"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.cumulative_error, bool | np.bool_):
            raise NetworkError(f"cumulative_error is {self.cumulative_error!r}; True or False is allowed")
        object.__setattr__(self, "cumulative_error", bool(self.cumulative_error))

    def range_of(self, constant: Constant) -> tuple[int, int]:
        """The range; threshold and bias are shifted left by both exponents, which narrows their range in 32 bit."""
        if constant.name in ("threshold", "bias"):
            limit = constant.high >> self.shift
            return max(constant.low, -limit), limit
        return super().range_of(constant)

    @property
    def shift(self) -> int:
        """Number of bits by which threshold, bias and input values are shifted left to the unit of the states."""
        return self.spike_exp + self.state_exp

    def encoded(self, states: States, new: Ints) -> tuple[States, Ints]:
        """States and messages of delta encoders with the value ``new``, from the equations of ``Delta``."""
        delta = signed(new - states["act"] + states["residue"], 32)
        error = signed(states["error"] + delta, 32) if self.cumulative_error else delta
        due = np.abs(error) >= self.threshold << self.shift
        sent = np.where(due, delta, 0)
        kept = np.where(sent != 0, 0, error) if self.cumulative_error else np.zeros_like(delta)
        return {"act": new, "residue": signed(delta - sent, 32), "error": kept}, sent >> self.state_exp

    @property
    def spike_scale(self) -> int:
        """See ``Neuron``."""
        return WEIGHT_SCALE << self.spike_exp

    def widths(self) -> dict[str, int]:
        """The width of the threshold in bits, shifted by both exponents."""
        return {"threshold": _bits(np.array(self.threshold)) + self.shift}


def _bits(values: IntArray) -> int:
    """The number of bits of the narrowest signed integer that holds ``values``."""
    return 1 + max(int(values.max()), -int(values.min()) - 1).bit_length()


@register
@dataclass(frozen=True, eq=False)
class Delta(_Encoder):
    """Delta encoders at a network's input: each sends the change of its value.

    Per step, with x the input value and everything in 32 bit integers::

        new     = x << (spike_exp + state_exp)
        delta   = new - act + residue;  act <- new
        error  <- error + delta                       (with cumulative_error; otherwise it stays 0)
        m       = delta where |delta| >= threshold << (spike_exp + state_exp), else 0
                  (with cumulative_error |error| is compared, and becomes 0 where m is not)
        residue <- delta - m
        s       = m >> state_exp

    The last shift floors.  The dropped bits are lost, since the residue does not contain them; here they are 0.

    Attributes: see ``_Encoder``.

    Raises:
        NetworkError: a value is not an integer or is outside its range.

    Source: lava-nc ``proc/sdn/process.py`` and ``models.py`` (PyDeltaModelFixed).  Its docstrings and equations have
    ``> vth``; its models compare ``>=``, and so does this class.
    """

    MODEL: ClassVar[str] = "delta"
    LABEL: ClassVar[str] = "delta encoders"
    STATES: ClassVar[tuple[str, ...]] = ("act", "residue", "error")
    #: Names that can be recorded: the messages, and the states after the step; there is no synaptic input.
    NAMES: ClassVar[tuple[str, ...]] = ("spikes", *STATES)
    AT_INPUT: ClassVar[bool] = True
    IN_LAYER: ClassVar[bool] = False
    SIGNED_INPUT: ClassVar[bool] = True

    def step(self, states: States, a: Ints, drive: Ints) -> tuple[States, Ints]:
        """act, residue, error and the messages from the equations above; ``drive`` is the shifted value."""
        return self.encoded(states, signed(a + drive, 32))

    @property
    def input_message_bits(self) -> int:
        """The number of bits of an input value that fit the chip's 24 bit states after the shift."""
        return max(0, STATE_MAX.bit_length() - self.shift)

    def input_drive(self, values: Ints) -> Ints:
        """The shifted values ``values << (spike_exp + state_exp)``."""
        return values << self.shift

    def check_driven(self, extremes: Ints, weight: int) -> None:
        """Raise DataError if a value, or a change between the two extremes, exceeds the states' 32 bit."""
        limit = (1 << 30) - 1 >> self.shift
        if extremes.min() < -limit or extremes.max() > limit:
            raise DataError(
                f"the input layer turns the spikes into values of {extremes.min()}..{extremes.max()}, its delta encoders hold "
                f"{-limit}..{limit}: scale the input down, or lower the layer's weight {weight}"
            )


@register
@dataclass(frozen=True, eq=False)
class SigmaDelta(_Encoder):
    """Sigma-delta neurons: a sum of the input over time, an activation, and a delta encoder.

    Per step, with a the summed synaptic input and everything in 32 bit integers that wrap::

        sigma  <- sigma + a
        new     = f(sigma + (bias << (spike_exp + state_exp)))        f(x) = x (unit) or max(x, 0) (relu)
        ...       the rest as in ``Delta``; the encoder's messages s are the neuron's

    Attributes:
        bias: mantissa of the bias; scalar () or broadcastable to the layer's shape.
        activation: "relu" or "unit".
        threshold, spike_exp, state_exp, cumulative_error: see ``_Encoder``.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.

    Source: lava-nc ``proc/sdn/process.py`` and ``models.py`` (PySigmaDeltaModelFixed).
    """

    bias: IntArray = field(default_factory=lambda: np.zeros((), np.int32))
    activation: Literal["relu", "unit"] = "relu"

    MODEL: ClassVar[str] = "sigma_delta"
    LABEL: ClassVar[str] = "sigma-delta neurons"
    TAKES_MESSAGES: ClassVar[bool] = True
    STATES: ClassVar[tuple[str, ...]] = ("sigma", "act", "residue", "error")
    CONSTANTS: ClassVar[tuple[Constant, ...]] = (
        *_Encoder.CONSTANTS,
        Constant("bias", -_INT32_MAX, _INT32_MAX, shared=False),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.activation not in ("relu", "unit"):
            raise NetworkError(f"activation is {self.activation!r}; Lava's sigma-delta neurons have 'relu' and 'unit'")

    @property
    def has_bias(self) -> bool:
        """True if any neuron has a nonzero bias."""
        return bool(np.any(self.bias))

    def check_layer(self, output: str, recurrent: bool) -> None:
        """Raise NetworkError if the layer has a recurrence, or if its output is the state."""
        if recurrent:
            raise NetworkError(_NO_RECURRENCE)
        if output == "state":
            raise NetworkError("output is 'state', SigmaDelta neurons give 'spikes'; a readout of sums has Sigma neurons")

    def step(self, states: States, a: Ints, drive: Ints) -> tuple[States, Ints]:
        """sigma, act, residue, error and the messages from the equations above."""
        sigma = signed(states["sigma"] + a, 32)
        new = signed(sigma + drive, 32)
        encoder, messages = self.encoded(states, new.clip(0, None) if self.activation == "relu" else new)
        return {"sigma": sigma, **encoder}, messages

    def drive(self, shape: Shape) -> Ints:
        """The shifted bias ``bias << (spike_exp + state_exp)`` of every neuron, (neurons,)."""
        return each(self.bias, shape).astype(np.int64) << self.shift

    def widths(self) -> dict[str, int]:
        """The widths of threshold and bias in bits, shifted by both exponents."""
        return super().widths() | {"bias": _bits(self.bias) + self.shift}


@register
@dataclass(frozen=True, eq=False)
class Sigma(Neuron):
    """The readout of a sigma-delta network: ``sigma <- sigma + a``, which is also its output, in 32 bit integers that wrap.

    Source: lava-nc ``proc/sdn/models.py`` (PySigmaModelFixed); netx creates it for a layer with ``neuron/sigma_output``.
    """

    MODEL: ClassVar[str] = "sigma"
    LABEL: ClassVar[str] = "sigma-delta neurons"
    TAKES_MESSAGES: ClassVar[bool] = True
    STATES: ClassVar[tuple[str, ...]] = ("sigma",)
    #: Its messages are its sums.
    GRADED: ClassVar[bool] = True
    READOUT: ClassVar[str | None] = "sigma"
    SENDS: ClassVar[bool] = False
    RECURRENT: ClassVar[bool] = False

    def check_layer(self, output: str, recurrent: bool) -> None:
        """Raise NetworkError if the layer has a recurrence, or if its output is spikes."""
        if recurrent:
            raise NetworkError(_NO_RECURRENCE)
        if output == "spikes":
            raise NetworkError("output is 'spikes', Sigma neurons only sum: 'state' is allowed")

    def readout_scale(self, spike_scale: int) -> int:
        """See ``Neuron``: the unit of a weight times that of a message."""
        return WEIGHT_SCALE * spike_scale

    def step(self, states: States, a: Ints, drive: Ints) -> tuple[States, Ints]:
        """The sum, which is also the output."""
        sigma = signed(states["sigma"] + a + drive, 32)
        return {"sigma": sigma}, sigma
