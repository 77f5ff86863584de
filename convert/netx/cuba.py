"""Reader and writer of CUBA neurons in a netx file."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.netx.constants import bias_of, flat, threshold_of, write_bias
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.float_values import float_bias, float_threshold, spread_floats
from myelin.convert.netx.values import spread, whole_number
from myelin.convert.neurons import Cuba
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY, NETX_BIAS_EXP

#: Threshold that netx gives a dense layer without a neuron: ``1 << 18 - 1``, which Python evaluates as 1 << 17
#: (lava-dl ``netx/hdf5.py``).
_DEFAULT_THRESHOLD = 1 << 17


def read_cuba(group: Fields, neuron: Fields, shape: Shape, spike_exp: int | None, at_input: bool) -> Cuba:
    """The neuron in the subgroup ``neuron``, with the layer's bias.

    At the input the neuron has no bias: the field ``bias`` of an input layer belongs to the input.
    """
    return _read_cuba(group, neuron, shape, np.zeros((), np.int32) if at_input else bias_of(group, shape))


def default_neuron(group: Fields, shape: Shape) -> Cuba:
    """The neuron that netx gives a dense layer without one: its voltage is the sum of all input, and it never spikes."""
    return Cuba(_DEFAULT_THRESHOLD, np.array(0), np.array(DECAY_UNITY), bias_of(group, shape))


def _read_cuba(group: Fields, neuron: Fields, shape: Shape, bias: npt.NDArray[Any]) -> Cuba:
    if neuron.number("gradedSpike", 0):
        # stock netx never reads the field and would send 1, see myelin.convert.modules.slayer_neurons.cuba
        raise NetworkError(f"{group.name}: gradedSpike is set; Lava's LIF has no graded spikes: train with graded_spike=False")
    if whole_number(neuron, "refDelay", 1) > 1:
        raise NetworkError(
            f"{group.name}: refDelay is {whole_number(neuron, 'refDelay')}; Lava's LIF has no refractory period beyond 1"
        )
    constants = {}
    for key in ("iDecay", "vDecay"):
        values = neuron.numbers(key, int(np.prod(shape)))
        if values is None:
            raise NetworkError(f"{group.name}: {key!r} is missing; netx needs it")
        constants[key] = spread(group, key, values, shape)
    return Cuba(
        threshold=threshold_of(group, neuron, shape),
        current_decay=constants["iDecay"],
        voltage_decay=constants["vDecay"],
        bias_mant=bias,
        bias_exp=whole_number(group, "bias_exp", NETX_BIAS_EXP),
    )


def write_cuba(group: h5py.Group, neuron: Cuba, shape: Shape, grid: bool) -> None:
    """Fill the subgroup ``neuron`` and write the bias to the layer's group; ``grid``: the layer has three axes in netx."""
    write_bias(group, neuron, shape, grid)
    group["neuron/type"] = "CUBA"
    group["neuron/iDecay"] = flat(neuron.current_decay, shape, grid)
    group["neuron/vDecay"] = flat(neuron.voltage_decay, shape, grid)
    group["neuron/vThMant"] = neuron.threshold
    group["neuron/refDelay"] = 1
    group["neuron/gradedSpike"] = False


def read_float_cuba(group: Fields, neuron: Fields, shape: Shape, state: bool) -> FloatCuba:
    """The unquantised neuron; ``state``: it is a readout of states."""
    threshold = None if state else float_threshold(neuron, shape)
    current, voltage = (spread_floats(neuron, key, shape) / DECAY_UNITY for key in ("iDecay", "vDecay"))
    return FloatCuba(threshold, current, voltage, float_bias(group, shape))
