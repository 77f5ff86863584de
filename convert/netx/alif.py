"""Reader and writer of neurons of type ALIF in a netx file, as SLAYER's export writes them; stock netx does not read them.

The subgroup ``neuron`` has iDecay, vDecay, thDecay and refDecay (one number, per channel or per neuron), vThMant, vThStep,
refDelay (1) and gradedSpike (False).  A bias stands in the layer's group, as of CUBA neurons.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.floats.alif import FloatAlif
from myelin.convert.netx.constants import bias_of, flat, threshold_of, write_bias
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.float_values import float_bias, float_threshold, spread_floats
from myelin.convert.netx.values import spread, whole_number
from myelin.convert.neurons import Alif
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY, NETX_BIAS_EXP

#: Our names of the decays -> fields of the file.
_DECAYS = {constant.name: constant.netx for constant in Alif.CONSTANTS if constant.role == "decay"}


def read_alif(group: Fields, neuron: Fields, shape: Shape, spike_exp: int | None, at_input: bool) -> Alif:
    """The neuron in the subgroup ``neuron``, with the layer's bias."""
    if neuron.number("gradedSpike", 0):
        raise NetworkError(
            f"{group.name}: gradedSpike is set; Lava's ATRLIF has no graded spikes: train with graded_spike=False"
        )
    if whole_number(neuron, "refDelay", 1) > 1:
        raise NetworkError(
            f"{group.name}: refDelay is {whole_number(neuron, 'refDelay')}; Lava's ATRLIF has no refractory period beyond 1, "
            "its refractory state has refDecay"
        )
    decays: dict[str, IntArray] = {}
    for name, key in _DECAYS.items():
        values = neuron.numbers(key, int(np.prod(shape)))
        if values is None:
            raise NetworkError(f"{group.name}: neuron/{key} is missing; ALIF neurons need it")
        decays[name] = spread(group, key, values, shape)
    threshold, step = (threshold_of(group, neuron, shape, key) for key in ("vThMant", "vThStep"))
    bias = np.zeros((), np.int32) if at_input else bias_of(group, shape)
    return Alif(threshold, step, **decays, bias_mant=bias, bias_exp=whole_number(group, "bias_exp", NETX_BIAS_EXP))


def write_alif(group: h5py.Group, neuron: Alif, shape: Shape, grid: bool) -> None:
    """Fill the subgroup ``neuron`` and write the bias to the layer's group; ``grid``: the layer has three axes in netx."""
    write_bias(group, neuron, shape, grid)
    fields: dict[str, Any] = {key: flat(getattr(neuron, name), shape, grid) for name, key in _DECAYS.items()}
    fields |= {"vThMant": neuron.threshold, "vThStep": neuron.threshold_step, "refDelay": 1, "gradedSpike": False}
    for key, value in {"type": "ALIF", **fields}.items():
        group[f"neuron/{key}"] = value


def read_float_alif(group: Fields, neuron: Fields, shape: Shape, state: bool) -> FloatAlif:
    """The unquantised neuron; NetworkError if ``state``: ALIF neurons are no readout of states."""
    if state:
        raise NetworkError("ALIF neurons give spikes, not states; a readout of states has CUBA neurons")
    threshold, step = (float_threshold(neuron, shape, key) for key in ("vThMant", "vThStep"))
    decays = {name: spread_floats(neuron, key, shape) / DECAY_UNITY for name, key in _DECAYS.items()}
    return FloatAlif(threshold, step, **decays, bias=float_bias(group, shape))
