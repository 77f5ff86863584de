"""Every field of a netx file that is known, by layer and neuron; a file with another one is rejected, not half understood.

Sources: lava-dl 0.6.0 ``slayer/block/base.py`` and ``slayer/neuron/*.py`` (export_hdf5, device_params), ``netx/hdf5.py``;
ml_genn_netx ``__init__.py``; slayerLoihi's ``recurrent`` layers; Myelin's own fields (``myelin.convert.netx.format``).
"""

from __future__ import annotations

from myelin.convert.netx.fields import Fields
from myelin.convert.netx.neurons import READERS, SUPPORTED
from myelin.convert.netx.rf import FIELDS, TYPES
from myelin.convert.netx.synapses import SYNAPSES
from myelin.convert.neurons import NEURONS
from myelin.hw_configs.errors import NetworkError

_POPULATION = {"type", "shape", "neuron", "bias", "bias_exp", "spike_exp", "state_exp", "cum_error", "output"}
_DELAYS = {"delay", "delay_synaptic"}
_DENSE = _POPULATION | _DELAYS | {"weight", "weight_exp", "inFeatures", "outFeatures"}
_GEOMETRY = {"kernelSize", "stride", "padding", "dilation"}
_CONV = _POPULATION | _DELAYS | _GEOMETRY | {"weight", "weight_exp", "inChannels", "outChannels", "groups"}
_CONV |= {"input_shape"}  # of a training block's export, which writes no input layer
_BACK = {"weight_rec", "weight_exp_rec", "delay_rec", "delay_rec_synaptic"} | {
    f"{name}_rec" for name in ("stride", "padding", "dilation", "groups", "kernelSize")
}
_LAYERS = {
    "input": _POPULATION - {"output"} | {"weight", "message_bits"},
    "flatten": {"type", "shape"},
    "average": {"type", "shape"},
    "dense": _DENSE,
    "dense_rec": _DENSE | _BACK,
    "recurrent": _DENSE | {"recWeight"},
    "conv": _CONV,
    "conv_rec": _CONV | _BACK,
    "pool": _POPULATION | _DELAYS | _GEOMETRY | {"weight", "groups"},
}
_EXPONENTS = {"wgtExp", "weight_exp"}
_CUBA = {"type", "iDecay", "vDecay", "vThMant", "refDelay", "gradedSpike"} | _EXPONENTS
_NEURONS = {
    "CUBA": _CUBA,
    "LOIHI": _CUBA | {"scaleRho", "tauRho", "theta"},  # of the surrogate gradient
    "ALIF": _CUBA | {"thDecay", "refDecay", "vThStep"},
    "SDNN": {"type", "vThMant", "activation", "sigma_output", "messageBits"} | _EXPONENTS,
    **dict.fromkeys(TYPES, FIELDS | _EXPONENTS),
}
#: Why a layer or a neuron of a type that SLAYER writes is not supported.
_LACKING_LAYERS = {
    "convT": "transposed convolutions of SLAYER's ConvT",
    "unpool": "SLAYER's Unpool",
    "concat": "several inputs of one layer; a chain of layers is supported",
    "residual": "several inputs of one layer; a chain of layers is supported",
}
_LACKING_NEURONS = {
    "RF": "netx takes it as RF_IZHIKEVICH, SLAYER never writes it: name RF_PHASE or RF_IZHIKEVICH",
    "ADRF_PHASE": "adaptive resonate-and-fire neurons, with complex weights",
    "ADRF_IZHIKEVICH": "adaptive resonate-and-fire neurons, with complex weights",
}


def kind_of_layer(group: Fields) -> str:
    """The type of a layer; NetworkError if there is none."""
    if not len(group.group):
        raise NetworkError(
            f"{group.name}: the group is empty, as SLAYER writes a KWTA block, whose export it lacks; KWTA layers are not "
            "supported"
        )
    return group.text("type")


def check_layer(group: Fields, kind: str) -> None:
    """Raise NetworkError if a layer of this type, its neurons or one of its fields is not supported."""
    registered = kind.removesuffix("_rec") in SYNAPSES
    if kind not in _LAYERS and not registered:
        why = f" ({_LACKING_LAYERS[kind]})" if kind in _LACKING_LAYERS else ""
        raise NetworkError(f"{group.name}: layers of this type are not supported{why}; supported are {', '.join(_LAYERS)}")
    neuron = group.child("neuron")
    said = "" if neuron is None else neuron.text("type")
    if neuron is not None and said not in READERS and said not in NEURONS:
        why = f" ({_LACKING_NEURONS[said]})" if said in _LACKING_NEURONS else ""
        raise NetworkError(f"{group.name}: neurons of type {said!r} are not supported{why}; {SUPPORTED} are")
    if kind in _LAYERS:  # a connection that a user registered has its own fields
        _check_fields(group, "", _LAYERS[kind])
    if neuron is None:
        return
    if said in _NEURONS:
        _check_fields(neuron, "neuron/", _NEURONS[said])
    elif said not in READERS:
        own = {constant.netx or constant.name for constant in NEURONS[said].CONSTANTS}
        _check_fields(neuron, "neuron/", own | {"type"} | _EXPONENTS)


def _check_fields(group: Fields, place: str, known: set[str]) -> None:
    unknown = sorted(set(group.group) - known)
    if unknown:
        listed = ", ".join(repr(place + name) for name in unknown[:10])
        raise NetworkError(
            f"{group.name}: has {listed}, which is no field of such a layer that is known, so it may change what the layer "
            "computes: remove it if it does not"
        )
