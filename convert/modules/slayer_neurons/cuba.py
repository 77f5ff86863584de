"""Reads the CUBA neurons of lava-dl's SLAYER blocks, with the values of their forward pass.

``graded_spike=True`` sends the voltage in place of 1.  It has no counterpart in Lava or netx, so it is refused here, in netx
files (``myelin.convert.netx.cuba``) and by ``myelin.nn``: every LIF model of lava-nc 0.10 sends ``v > vth``
(``proc/lif/models.py``, ``spiking_activation``), or -1, 0, 1 (TernaryLIF); what sends values, ``proc/graded``, has no current,
no decays and no bias; and lava-dl 0.6's netx writes the field ``gradedSpike`` and never reads it (``netx/hdf5.py``,
``get_neuron_params``), so stock netx runs such a network with spikes of 1, silently.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.modules.slayer_blocks.attributes import NEURON, READ, STATE, Only, Treatments, is_not_true
from myelin.convert.modules.slayer_blocks.constants import read_decays, read_threshold, require_no_reset
from myelin.convert.modules.slayer_blocks.dropout import require_dropout
from myelin.convert.modules.slayer_blocks.norm import read_norm
from myelin.convert.modules.slayer_neurons.contract import COMMON_BLOCKS, NeuronPlace, SlayerNeuron
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
    if not spiking:
        require_no_reset(neuron)
    norm = read_norm(neuron.norm)
    bias = np.zeros(()) if norm is None else norm.bias(shape)
    return FloatCuba(read_threshold(neuron) if spiking else None, current, voltage, bias)


def _gain(neuron: Any) -> float:
    norm = read_norm(neuron.norm)
    return 1.0 if norm is None else norm.gain


def _inexact(neuron: Any, read: FloatCuba, place: NeuronPlace) -> str | None:
    """See ``SlayerNeuron.inexact``: what a norm does that bias and weights on the chip do not."""
    norm = read_norm(neuron.norm)
    if norm is None or norm.changes_nothing:
        return None
    name = type(neuron.norm).__name__
    if place.stepwise and np.any(read.current_decay != 1):
        raise NetworkError(
            f"its neuron has norm={name}, and a block that runs step by step keeps the normalised current for its next step, "
            "so the mean enters the synapse filter again and again, as no bias on the chip does; build it with "
            "current_decay=1, or without a norm"
        )
    if norm.exponent and np.any((read.current_decay != 1) & (read.current_decay != 0)):
        return (
            f"its norm={name} scales the current by 2^{-norm.exponent} behind the synapse filter, whose rounding differs if "
            "the weights are scaled instead; train with MeanOnlyBatchNorm, or with a current_decay of 1 or 0"
        )
    spiking = read.threshold is not None
    felt = (read.bias != 0) & ((read.voltage_decay != 1) | (spiking & (read.bias > (read.threshold or 0.0))))
    if place.early_steps and np.any(felt):
        return (
            f"its norm={name} is a bias of up to {np.abs(read.bias).max():g} on the chip, which acts {place.early_steps} "
            f"step{'s' * (place.early_steps > 1)} before the first input reaches the block, and in lava-dl together with it: "
            f"{place.cure}"
        )
    return None


#: Blocks and neurons of ``slayer.block.cuba`` and ``slayer.neuron.cuba``.
CUBA = SlayerNeuron(
    "cuba",
    "CUBA",
    _ATTRIBUTES,
    _check,
    _read,
    (*COMMON_BLOCKS, "Affine"),
    own_blocks={"Input": read_input},
    gain=_gain,
    inexact=_inexact,
)
