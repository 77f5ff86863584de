"""The integer resonate-and-fire neurons: a complex state that rotates and decays, driven through complex weights.

SLAYER calls them ``rf`` and ``rf_iz``, netx ``RF_PHASE`` and ``RF_IZHIKEVICH``, Lava ``RF`` and ``RF_IZ``.  Measured on lava-nc
0.10.0 and lava-dl 0.6.0, where they part and what is followed here:

====================== ============================ ============================ ============================================
what                   SLAYER                       stock Lava and netx          here
====================== ============================ ============================ ============================================
decays                 sin_decay, cos_decay rounded netx turns the file's        the file's integers.  Lava's process is
                       to 1/4096                    integers into period and     given the period and decay of the middle
                                                    decay, RF truncates them     of their intervals, which it truncates to
                                                    again: 43 % of all pairs     exactly these integers
                                                    are off by one
states                 64 bit integers, never cut   saturate at +-(2^23 - 1)     saturate, as Lava
threshold              real >= threshold (rf),      the same: vThMant << 6       the same
                       imag >= threshold (rf_iz)
first step             imag[-1] = 0                 the same                     the same
weights                even, 1/64; real and imag    netx gives each part an      kept exactly, both parts in the format of
                                                    exponent of its own, and     ``synapse_format``
                                                    breaks some (of one sign)
axonal delays          of the spikes sent           netx ignores them            on the columns of the next connection
norm                   shifts the input             not in the file: lost        ``from_torch`` refuses it
graded_spike           sends the real part (rf),    ignored: spikes are 0 or 1   refused
                       the imaginary one (rf_iz)
decay above 4095/4096  used as it is in the forward the file holds the clamped   as the file, or as the module computes
                       pass, clamped at export      one
Conv, Pool             compute, but cannot be       netx cannot read them        read, also from files
                       exported (they lack the      (``weight`` is a group)
                       attributes of their size)
Recurrent, KWTA,       fail in the forward pass     --                           refused by name
Affine
type ``RF``            not written                  netx takes it as RF_IZ       refused: which neuron is meant is unsaid
====================== ============================ ============================ ============================================

While no state saturates, SLAYER's evaluation equals these integers in every spike (600 random networks, 50,690 spikes).
No neurocore model is public.  Lava's pull request 787 says of RF: "currently available is CPU only".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape, signed
from myelin.convert.neurons.leaky_states import before
from myelin.convert.neurons.neuron import Constant, Ints, Neuron, States
from myelin.convert.neurons.registry import register
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_MAX, STATE_SHIFT

#: Thresholds are compared in 32 bit integers after a shift by 6 bits, so a mantissa may have 25 bits.
_THRESHOLD_LIMIT = (1 << 25) - 1


@dataclass(frozen=True, eq=False)
class _Resonator(Neuron):
    """The constants and the rotation that both kinds share.

    Per step, with a_real and a_imag the summed synaptic inputs and rz(x) = sgn(x) * floor(|x| / 4096)::

        real' = saturate24( rz(cos_decay * real) - rz(sin_decay * imag) + 64 a_real )
        imag' = saturate24( rz(sin_decay * real) + rz(cos_decay * imag) + 64 a_imag )

    Attributes:
        threshold: mantissa vThMant, in units of 64 state units.
        sin_decay, cos_decay: 4096 (1 - decay) times sine and cosine of the angle of one step; scalar () or broadcastable to the
            layer's shape.
    """

    threshold: int
    sin_decay: IntArray
    cos_decay: IntArray

    STATES: ClassVar[tuple[str, ...]] = ("real", "imag")
    INPUTS: ClassVar[tuple[str, ...]] = ("a_real", "a_imag")
    RECURRENT: ClassVar[bool] = False
    OVERFLOW: ClassVar[Mapping[str, str]] = {"real": "saturates", "imag": "saturates"}
    SIMULATION_ONLY: ClassVar[str] = "no neurocore model of Lava's RF and RF_IZ is public (lava-nc pull request 787: CPU only)"
    CONSTANTS: ClassVar[tuple[Constant, ...]] = (
        Constant("threshold", 0, _THRESHOLD_LIMIT, netx="vThMant", role="threshold"),
        Constant("sin_decay", -DECAY_UNITY, DECAY_UNITY, shared=False, netx="sinDecay"),
        Constant("cos_decay", -DECAY_UNITY, DECAY_UNITY, shared=False, netx="cosDecay"),
    )

    def check_layer(self, output: str, recurrent: bool) -> None:
        """Raise NetworkError if the layer has a recurrence, or if its output is the state."""
        if recurrent:
            raise NetworkError(
                f"{self.LABEL} have a recurrent connection, which neither SLAYER nor netx has for them; CUBA neurons may"
            )
        super().check_layer(output, recurrent)

    def rotated(self, states: Mapping[str, npt.NDArray[Any]], a: Ints) -> tuple[Ints, Ints]:
        """real and imag from the equations above, before they saturate."""
        real, imag = (np.asarray(states[name], np.int64) for name in self.STATES)
        drive = signed(np.asarray(a, np.int64) << STATE_SHIFT, 32)
        return (
            _rz(self.cos_decay * real) - _rz(self.sin_decay * imag) + drive[0],
            _rz(self.sin_decay * real) + _rz(self.cos_decay * imag) + drive[1],
        )

    def lava_arguments(self) -> dict[str, Any]:
        """See ``Neuron.lava_arguments``: a period and a decay from which Lava makes exactly these integers.

        The processes compute ``4096 (1 - alpha) sin(2 pi / period)``, and the same with the cosine, and truncate both toward
        zero (lava-nc ``proc/rf/process.py:60``).  Period and decay here belong to the middle between two integers.
        """
        sine, cosine = (values + np.copysign(0.5, values) for values in (self.sin_decay, self.cos_decay))
        return {
            "period": 2 * np.pi / np.arctan2(sine, cosine),
            "alpha": 1 - np.hypot(sine, cosine) / DECAY_UNITY,
            "state_exp": STATE_SHIFT,
            "decay_bits": DECAY_UNITY.bit_length() - 1,
            "vth": self.threshold,
        }

    def before_limits(self, arrays: Mapping[str, npt.NDArray[Any]], drive: Ints, shape: Shape) -> dict[str, npt.NDArray[Any]]:
        """real and imag before they saturate and before a spike resets them."""
        flat = self.flattened(shape)
        earlier = {name: before(arrays[name]) for name in self.STATES}
        real, imag = flat.rotated(earlier, np.stack([arrays[name] for name in self.INPUTS]))
        return {"real": real, "imag": imag}


@register
@dataclass(frozen=True, eq=False)
class Rf(_Resonator):
    """Resonate-and-fire neurons that spike at a phase: when the state crosses the positive real axis, far enough from zero.

    With real' and imag' of ``_Resonator``, per step::

        s = real' >= 64 threshold  and  imag' >= 0  and  imag < 0
        real <- real';  imag <- imag'

    A spike resets nothing.

    Attributes: see ``_Resonator``.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.

    Source: lava-nc ``proc/rf/models.py`` (PyRFModelFixed, state_exp 6, decay_bits 12); lava-dl ``slayer/neuron/rf.py``.
    """

    MODEL: ClassVar[str] = "rf"
    LAVA_PROCESS: ClassVar[str] = "lava.proc.rf.process.RF"
    LABEL: ClassVar[str] = "resonate-and-fire neurons"

    def step(self, states: States, a: Ints, drive: Ints) -> tuple[States, Ints]:
        """real, imag and the spikes from the equations above; ``a`` is (2, ..., neurons)."""
        real, imag = (state.clip(-STATE_MAX, STATE_MAX) for state in self.rotated(states, a))
        spikes = (real >= self.threshold << STATE_SHIFT) & (imag >= 0) & (np.asarray(states["imag"]) < 0)
        return {"real": real, "imag": imag}, spikes.astype(np.int64)


@register
@dataclass(frozen=True, eq=False)
class RfIz(_Resonator):
    """Resonate-and-fire neurons of Izhikevich: they spike when the imaginary part reaches the threshold, and are reset.

    With real' and imag' of ``_Resonator``, per step::

        s = imag' >= 64 threshold
        real <- 0 where s, else real';  imag <- 64 threshold - 1 where s, else imag'

    Attributes: see ``_Resonator``.

    Raises:
        NetworkError: a value is not an integer, has the wrong shape or is outside its range.

    Source: lava-nc ``proc/rf_iz/models.py`` (PyRF_IZModelFixed, state_exp 6, decay_bits 12); lava-dl
    ``slayer/neuron/rf_iz.py``; Izhikevich, Resonate-and-fire neurons, 2001.
    """

    MODEL: ClassVar[str] = "rf_iz"
    LAVA_PROCESS: ClassVar[str] = "lava.proc.rf_iz.process.RF_IZ"
    LABEL: ClassVar[str] = "resonate-and-fire neurons of Izhikevich"

    def step(self, states: States, a: Ints, drive: Ints) -> tuple[States, Ints]:
        """real, imag and the spikes from the equations above; ``a`` is (2, ..., neurons)."""
        real, imag = (state.clip(-STATE_MAX, STATE_MAX) for state in self.rotated(states, a))
        level = self.threshold << STATE_SHIFT
        spikes = imag >= level
        return {"real": np.where(spikes, 0, real), "imag": np.where(spikes, level - 1, imag)}, spikes.astype(np.int64)


def _rz(product: npt.NDArray[Any]) -> Ints:
    """A product with a decay in 1/4096, rounded toward zero."""
    wide = np.asarray(product, np.int64)
    return np.sign(wide) * (np.abs(wide) // DECAY_UNITY)
