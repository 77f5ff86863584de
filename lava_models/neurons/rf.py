"""Resonate-and-fire neurons as Lava's RF and RF_IZ."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.neurons import Rf, RfIz
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_SHIFT

#: The input ports of Lava's processes, in the order of ``Rf.INPUTS``.
PORTS = ("a_real_in", "a_imag_in")


def rf_arguments(neuron: Rf | RfIz, shape: Shape, *, image: bool) -> dict[str, Any]:
    """Arguments of Lava's RF or RF_IZ for these neurons.

    The processes take a period and a decay, from which they compute ``4096 (1 - alpha) sin(2 pi / period)`` and the same with
    the cosine, and truncate both toward zero (lava-nc ``proc/rf/process.py:60``).  Period and decay here are those of the two
    integers plus one half, so that they become exactly the two integers; netx's own detour loses one of them in 43 % of cases.

    Args:
        neuron: the population's constants.
        shape: the population's shape, (neurons,) or (channels, height, width).
        image: whether the process has shape (x, y, channel), as after Lava's Conv, instead of a flat one.
    """

    def middle(values: IntArray) -> npt.NDArray[np.float64]:
        values = values if np.any(values != values.flat[0]) else values.reshape(-1)[:1].reshape(())
        if values.ndim:
            full = np.broadcast_to(values, shape)
            values = full.transpose(2, 1, 0) if image else full.reshape(-1)
        return values + np.where(values < 0, -0.5, 0.5)

    sine, cosine = middle(neuron.sin_decay), middle(neuron.cos_decay)
    return {
        "shape": shape[::-1] if image else (int(np.prod(shape)),),
        "period": 2 * np.pi / np.arctan2(sine, cosine),
        "alpha": 1 - np.hypot(sine, cosine) / DECAY_UNITY,
        "state_exp": STATE_SHIFT,
        "decay_bits": DECAY_UNITY.bit_length() - 1,
        "vth": neuron.threshold,
    }


def create_rf(neuron: Rf | RfIz, arguments: dict[str, Any]) -> Any:
    """A new RF or RF_IZ process; call ``compat.prepare()`` first."""
    from lava.proc.rf.process import RF
    from lava.proc.rf_iz.process import RF_IZ

    return {Rf: RF, RfIz: RF_IZ}[type(neuron)](**arguments)
