"""Sigma-delta neurons as integers: units that send what has changed, as graded messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np

from myelin.convert.arrays import IntArray, Shape, check_broadcast, frozen_int, scalar_int
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import SDNN_EXP_MAX, SDNN_SPIKE_EXP, SDNN_STATE_EXP

#: Lava keeps every variable of these neurons in 32 bit signed.
_INT32_MAX = (1 << 31) - 1


@dataclass(frozen=True, eq=False)
class _Encoder:
    """What a delta encoder is told.

    Attributes:
        threshold: mantissa vThMant; the encoder compares with ``threshold << (spike_exp + state_exp)``.
        spike_exp: messages carry values in units of ``2 ** -spike_exp``, 0..7.
        state_exp: bits that states have below those of messages, 0..7.
        cumulative_error: whether a message is due when the sum of the changes since the last one reaches the threshold,
            instead of the change that is still owed.
    """

    threshold: int
    spike_exp: int = SDNN_SPIKE_EXP
    state_exp: int = SDNN_STATE_EXP
    cumulative_error: bool = False

    #: Messages are int32, negative ones too.
    GRADED: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in ("spike_exp", "state_exp"):
            object.__setattr__(self, name, scalar_int(name, getattr(self, name), 0, SDNN_EXP_MAX))
        object.__setattr__(self, "threshold", scalar_int("threshold", self.threshold, 0, _INT32_MAX >> self.shift))
        if not isinstance(self.cumulative_error, bool | np.bool_):
            raise NetworkError(f"cumulative_error is {self.cumulative_error!r}; True or False is allowed")
        object.__setattr__(self, "cumulative_error", bool(self.cumulative_error))

    @property
    def shift(self) -> int:
        """Bits by which threshold, bias and the value of an input stand above the unit of the states."""
        return self.spike_exp + self.state_exp


@dataclass(frozen=True, eq=False)
class Delta(_Encoder):
    """Delta encoders, which a network's input goes through: each sends by how much its value has changed.

    Per step, with x the value that enters and everything in 32 bit integers::

        new     = x << (spike_exp + state_exp)
        delta   = new - act + residue;  act <- new
        error  <- error + delta                       (with cumulative_error; otherwise it stays 0)
        m       = delta where |delta| >= threshold << (spike_exp + state_exp), else 0
                  (with cumulative_error |error| is compared, and becomes 0 where m is not)
        residue <- delta - m
        s       = m >> state_exp

    The last shift floors, and the bits it drops are gone: they are not in the residue.  Here they are 0.

    Attributes: see ``_Encoder``.

    Raises:
        NetworkError: a value is not whole or lies outside its range.

    Source: lava-nc ``proc/sdn/process.py`` and ``models.py`` (PyDeltaModelFixed).  Its docstrings and equations say
    ``> vth``; the models compare ``>=``, and so does this.
    """

    #: What can be recorded: messages, and the states after the step.
    NAMES: ClassVar[tuple[str, ...]] = ("spikes", "act", "residue", "error")

    def check_shape(self, shape: Shape) -> None:
        """Every constant is one number, so any shape will do."""


@dataclass(frozen=True, eq=False)
class SigmaDelta(_Encoder):
    """Sigma-delta neurons: a sum of all that arrived, an activation, and a delta encoder.

    Per step, with a the summed synaptic input and everything in 32 bit integers that wrap::

        sigma  <- sigma + a
        new     = f(sigma + (bias << (spike_exp + state_exp)))        f(x) = x (unit) or max(x, 0) (relu)
        ...       and on as in ``Delta``, whose messages s are the neuron's

    Attributes:
        bias: mantissa, scalar () or broadcastable to the layer's shape.
        activation: "relu" or "unit".
        threshold, spike_exp, state_exp, cumulative_error: see ``_Encoder``.

    Raises:
        NetworkError: a value is not whole, has the wrong shape or lies outside its range.

    Source: lava-nc ``proc/sdn/process.py`` and ``models.py`` (PySigmaDeltaModelFixed).
    """

    bias: IntArray = field(default_factory=lambda: np.zeros((), np.int32))
    activation: Literal["relu", "unit"] = "relu"

    #: What can be recorded: messages, summed synaptic input, and the states after the step.
    NAMES: ClassVar[tuple[str, ...]] = ("spikes", "a", "sigma", "act", "residue", "error")

    def __post_init__(self) -> None:
        super().__post_init__()
        bias = frozen_int("bias", self.bias)
        limit = _INT32_MAX >> self.shift
        if bias.size and max(int(bias.max()), -int(bias.min())) > limit:
            raise NetworkError(f"bias lies in {bias.min()}..{bias.max()}, allowed is {-limit}..{limit}")
        object.__setattr__(self, "bias", bias)
        if self.activation not in ("relu", "unit"):
            raise NetworkError(f"activation is {self.activation!r}; Lava's sigma-delta neurons have 'relu' and 'unit'")

    @property
    def has_bias(self) -> bool:
        """Whether any neuron has a bias other than zero."""
        return bool(np.any(self.bias))

    def check_shape(self, shape: Shape) -> None:
        """Raise NetworkError unless the bias broadcasts to ``shape``."""
        check_broadcast("bias", self.bias, shape)


@dataclass(frozen=True, eq=False)
class Sigma:
    """The readout of a sigma-delta network: ``sigma <- sigma + a``, which is also what it gives, in 32 bit that wrap.

    Source: lava-nc ``proc/sdn/models.py`` (PySigmaModelFixed); netx makes it of a layer with ``neuron/sigma_output``.
    """

    #: Its messages are its sums.
    GRADED: ClassVar[bool] = True
    NAMES: ClassVar[tuple[str, ...]] = ("spikes", "a", "sigma")

    def check_shape(self, shape: Shape) -> None:
        """There are no constants, so any shape will do."""
