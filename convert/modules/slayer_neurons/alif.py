"""Reads the ALIF neurons of lava-dl's SLAYER blocks, with the values of their forward pass.

``myelin.convert.neurons.alif`` says where SLAYER and the chip differ; within 24 bit, and with decays in 0..4096, they agree.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.alif import FloatAlif
from myelin.convert.modules.known import numbers
from myelin.convert.modules.slayer_blocks.attributes import NEURON, READ, STATE, Only, Treatments, is_not_true
from myelin.convert.modules.slayer_blocks.constants import read_decays
from myelin.convert.modules.slayer_blocks.dropout import require_dropout
from myelin.convert.modules.slayer_neurons.contract import COMMON_BLOCKS, SlayerNeuron
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY

_DECAYS = ("current_decay", "voltage_decay", "threshold_decay", "refractory_decay")
#: Every attribute of ``slayer.neuron.alif.Neuron``.
_ATTRIBUTES: Treatments = {
    **NEURON,
    "threshold_step": READ,
    **dict.fromkeys(_DECAYS, READ),
    **dict.fromkeys((f"{name}_{end}" for name in _DECAYS for end in ("min", "max")), READ),
    "graded_spike": Only(
        is_not_true, "its neuron has graded_spike={value}, and sends its voltage as the spike; spikes of 0 or 1 can be read"
    ),
    **dict.fromkeys(("current_state", "voltage_state", "threshold_state", "refractory_state"), STATE),
}


def _check(neuron: Any) -> None:
    """Raise NetworkError if a norm, a dropout or a scale changes the equations."""
    if neuron.norm is not None:
        raise NetworkError(
            f"its neuron has norm={type(neuron.norm).__name__}, which shifts or scales the current in every step; train "
            "without, or fold it into the weights first"
        )
    require_dropout(neuron.drop)
    if neuron.p_scale != DECAY_UNITY or neuron.s_scale != neuron.w_scale << 6:
        raise NetworkError(
            f"its neuron has p_scale={neuron.p_scale}, w_scale={neuron.w_scale}, s_scale={neuron.s_scale}; those of its class, "
            "4096 and s_scale = 64 w_scale, can be read"
        )


def _level(neuron: Any, name: str) -> float:
    """The threshold or its step."""
    values = np.asarray(getattr(neuron, name), np.float64)
    if values.size != 1:
        raise NetworkError(f"its neuron has {values.size} values of {name}; one for all is allowed")
    return float(values.reshape(()))


def _read(neuron: Any, shape: Shape, spiking: bool, dynamics: bool) -> FloatAlif:
    """See ``SlayerNeuron.read``.

    Raises:
        NetworkError: the block is a readout of states, decays are not drawn yet, or a value is outside its range.
    """
    if not (spiking and dynamics):
        raise NetworkError(
            "its ALIF neurons do not spike here; a readout of states has CUBA neurons (slayer.block.cuba.Affine)"
        )
    for name in ("threshold_decay", "refractory_decay"):  # which SLAYER does not clamp, and so computes with
        values = numbers(getattr(neuron, name))
        if values.min() < 0 or values.max() > DECAY_UNITY:
            raise NetworkError(f"its {name} lies in {values.min():g}..{values.max():g}; 0..{DECAY_UNITY} is allowed")
    decays = (read_decays(neuron, name, shape) for name in _DECAYS)
    return FloatAlif(_level(neuron, "threshold"), _level(neuron, "threshold_step"), *decays)


#: Blocks and neurons of ``slayer.block.alif`` and ``slayer.neuron.alif``.
ALIF = SlayerNeuron("alif", "ALIF", _ATTRIBUTES, _check, _read, COMMON_BLOCKS)
