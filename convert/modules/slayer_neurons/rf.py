"""Reads the resonate-and-fire neurons of lava-dl's SLAYER blocks, with the values of their forward pass.

While no state saturates, SLAYER's evaluation equals the integers in every spike (``myelin.convert.neurons.rf``).  Its blocks
Recurrent, KWTA and Affine fail in lava-dl 0.6.0 itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np

from myelin.convert.arrays import IntArray, Shape, frozen_int
from myelin.convert.floats.neuron import FloatArray
from myelin.convert.modules.known import known_class, numbers, require_unchanged
from myelin.convert.modules.slayer_blocks.attributes import (
    NEURON,
    NO_EFFECT,
    READ,
    STATE,
    Only,
    Treatments,
    exactly,
    is_not_true,
    require_considered,
)
from myelin.convert.modules.slayer_blocks.dropout import require_dropout
from myelin.convert.modules.slayer_neurons.contract import SlayerNeuron
from myelin.convert.neurons import Rf, RfIz
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY

_SYNAPSE = "lava.lib.dl.slayer.synapse.complex."
_NORM = Only(
    exactly(None), "its neuron has a norm, which shifts or scales the input in every step and is in no file: train without"
)
#: Every attribute of ``slayer.neuron.rf.Neuron`` and ``slayer.neuron.rf_iz.Neuron``.
_ATTRIBUTES: Treatments = {
    **NEURON,
    "norm": _NORM,
    "real_norm": _NORM,
    "imag_norm": _NORM,
    "graded_spike": Only(
        is_not_true, "its neuron has graded_spike={value}, and sends its state as the spike; spikes of 0 or 1 can be read"
    ),
    "sin_decay": READ,
    "cos_decay": READ,
    **dict.fromkeys((f"{name}_{end}" for name in ("period", "decay") for end in ("min", "max")), READ),
    "log_init": NO_EFFECT,  # it only says how periods are drawn
    "real_state": STATE,
    "imag_state": STATE,
}
#: Every attribute of ``slayer.synapse.complex``'s classes.
_COMPLEX: Treatments = {
    "real": READ,
    "imag": READ,
    **dict.fromkeys(("complex", "in_channels", "out_channels", "weight_norm_enabled"), NO_EFFECT),
}


def _check(neuron: Any) -> None:
    """Raise NetworkError if a dropout or a scale changes the equations."""
    require_dropout(neuron.drop)
    if neuron.p_scale != DECAY_UNITY or neuron.s_scale != neuron.w_scale << 6:
        raise NetworkError(
            f"its neuron has p_scale={neuron.p_scale}, w_scale={neuron.w_scale}, s_scale={neuron.s_scale}; those of its class, "
            "4096 and s_scale = 64 w_scale, can be read"
        )


def _parts(synapse: Any, kind: str) -> Mapping[str, Any]:
    """See ``SlayerNeuron.parts``: the real and the imaginary weights."""
    kind = {"ConvT": "ConvTranspose"}.get(kind, kind)
    known = known_class(synapse, (_SYNAPSE + kind,))
    if known is None:
        raise NetworkError(
            f"its synapse is a {type(synapse).__name__} of {type(synapse).__module__}; slayer.synapse.complex.{kind} can be "
            "read"
        )
    require_unchanged("its synapse", synapse, known)
    require_considered("its synapse", synapse, known, _COMPLEX)
    return {".real": synapse.real, ".imag": synapse.imag}


def _read(kind: type[Rf | RfIz], neuron: Any, shape: Shape, spiking: bool, dynamics: bool) -> Rf | RfIz:
    """See ``SlayerNeuron.read``.

    Raises:
        NetworkError: decays are not drawn yet, or a value is outside its range.
    """
    if hasattr(neuron, "period_min"):
        raise NetworkError(
            "its neuron has not run yet, and draws its periods and decays in the first forward pass; run the module once on "
            "an input"
        )
    sine, cosine = _decays(neuron, shape)
    return kind(int(neuron.threshold * neuron.w_scale), sine, cosine)


def _decays(neuron: Any, shape: Shape) -> tuple[IntArray, IntArray]:
    """sin_decay and cos_decay as the forward pass uses them: clamped if they are learned, then rounded to 1/4096."""
    sine, cosine = neuron.sin_decay.detach().clone(), neuron.cos_decay.detach().clone()
    if neuron.requires_grad is True:
        gain = (sine**2 + cosine**2).sqrt()
        scale = gain.clamp(0, neuron.p_scale - 1) / gain
        sine, cosine = (sine * scale).clamp(1), (cosine * scale).clamp(0)
    spread = []
    for name, values in (("sin_decay", sine), ("cos_decay", cosine)):
        whole = np.rint(numbers(values))
        if not np.isfinite(whole).all():
            raise NetworkError(f"its {name} is NaN or infinite: training diverged; train again with a smaller learning rate")
        spread.append(frozen_int(name, _spread(whole, shape, name)))
    return spread[0], spread[1]


def _spread(values: FloatArray, shape: Shape, name: str) -> FloatArray:
    """``values`` as SLAYER broadcasts them: over the neurons of a row, but over the last axis of an image, not its channels."""
    if values.size == 1:
        return values.reshape(())
    if values.size != shape[-1]:
        raise NetworkError(
            f"it has {values.size} values of {name} for a population of {shape}, with which its forward pass fails in lava-dl "
            "itself; build it with shared_param=True"
        )
    return values


def _entry(package: str, label: str, kind: type[Rf | RfIz]) -> SlayerNeuron:
    blocks = ("Flatten", "Dense", "Conv", "ConvT", "Pool", "Unpool", "Average")
    return SlayerNeuron(package, label, _ATTRIBUTES, _check, partial(_read, kind), blocks, parts=_parts)


#: Blocks and neurons of ``slayer.block.rf`` and ``slayer.neuron.rf``, and of ``rf_iz``.
RF, RF_IZ = _entry("rf", "resonate-and-fire", Rf), _entry("rf_iz", "resonate-and-fire", RfIz)
