"""Reads the CUBA neurons of lava-dl's SLAYER blocks, with the values of their forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.modules.slayer_blocks.attributes import NEURON, READ, STATE, Only, Treatments, is_not_true
from myelin.convert.modules.slayer_blocks.constants import read_decays, read_threshold
from myelin.convert.modules.slayer_blocks.dropout import require_dropout
from myelin.convert.modules.slayer_neurons.contract import COMMON_BLOCKS, SlayerNeuron
from myelin.convert.modules.slayer_neurons.cuba_input import read_input
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY

#: Every attribute of ``slayer.neuron.cuba.Neuron``.
_ATTRIBUTES: Treatments = {
    **NEURON,
    "threshold_eps": READ,
    "current_decay": READ,
    "voltage_decay": READ,
    **dict.fromkeys((f"{name}_decay_{end}" for name in ("current", "voltage") for end in ("min", "max")), READ),
    "graded_spike": Only(
        is_not_true, "its neuron has graded_spike={value}, and sends its voltage as the spike; spikes of 0 or 1 can be read"
    ),
    "current_state": STATE,
    "voltage_state": STATE,
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


def _read(neuron: Any, shape: Shape, spiking: bool, dynamics: bool) -> FloatCuba:
    """See ``SlayerNeuron.read``.

    Raises:
        NetworkError: decays are not drawn yet, or a value is outside its range.
    """
    if not dynamics:
        return FloatCuba(None, np.ones(()), np.ones(()))
    current, voltage = (read_decays(neuron, name, shape) for name in ("current_decay", "voltage_decay"))
    return FloatCuba(read_threshold(neuron) if spiking else None, current, voltage)


#: Blocks and neurons of ``slayer.block.cuba`` and ``slayer.neuron.cuba``.
CUBA = SlayerNeuron("cuba", "CUBA", _ATTRIBUTES, _check, _read, (*COMMON_BLOCKS, "Affine"), own_blocks={"Input": read_input})
