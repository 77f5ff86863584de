"""Neurons of a netx file, read and written; the fields are described in ``myelin.convert.netx.format``."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.values import spread, whole_number
from myelin.convert.neurons import Cuba, Delta, Sigma, SigmaDelta
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY, NETX_BIAS_EXP, SDNN_SPIKE_EXP, SDNN_STATE_EXP

#: netx's neuron of a dense layer without one: ``1 << 18 - 1``, which Python reads as 1 << 17 (lava-dl ``netx/hdf5.py``).
_DEFAULT_THRESHOLD = 1 << 17


def read_neuron(group: Fields, neuron: Fields, shape: Shape, spike_exp: int | None) -> Cuba | SigmaDelta | Sigma:
    """What the subgroup ``neuron`` of a layer says, with the bias, which stands beside it."""
    if _kind(group, neuron) != "SDNN":
        return _read_cuba(group, neuron, shape, _bias(group, shape))
    if "sigma_output" in neuron:
        if not neuron.number("sigma_output"):
            raise NetworkError(f"{group.name}: sigma_output is False; netx takes its presence as True: leave the field out")
        if "bias" in group:
            raise NetworkError(f"{group.name}: 'bias' stands beside sigma_output; Lava's Sigma has no bias")
        return Sigma()
    encoder = _encoder(group, neuron, shape, spike_exp)
    return SigmaDelta(**encoder, bias=_bias(group, shape), activation=_activation(group, neuron))


def read_input_neuron(group: Fields, neuron: Fields, shape: Shape, spike_exp: int | None) -> Cuba | Delta:
    """What the subgroup ``neuron`` of an input layer says, without the layer's bias."""
    if _kind(group, neuron) == "SDNN":
        return Delta(**_encoder(group, neuron, shape, spike_exp))
    return _read_cuba(group, neuron, shape, np.zeros((), np.int32))


def default_neuron(group: Fields, shape: Shape) -> Cuba:
    """What netx gives a dense layer without a neuron: the voltage is the sum of all input, and never spikes."""
    return Cuba(_DEFAULT_THRESHOLD, np.array(0), np.array(DECAY_UNITY), _bias(group, shape))


def _kind(group: Fields, neuron: Fields) -> str:
    kind = neuron.text("type")
    if kind not in ("CUBA", "LOIHI", "SDNN"):
        raise NetworkError(
            f"{group.name}: neurons of type {kind!r} are not supported; CUBA (or LOIHI, its older name) and SDNN are"
        )
    for key in ("wgtExp", "weight_exp"):
        if whole_number(neuron, key, 0):
            raise NetworkError(
                f"{group.name}: neuron/{key} is {neuron.number(key)}; netx ignores it, so the weights would have the "
                "wrong gain: fold it into the weights"
            )
    return kind


def _read_cuba(group: Fields, neuron: Fields, shape: Shape, bias: npt.NDArray[Any]) -> Cuba:
    if neuron.number("gradedSpike", 0):
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
        threshold=_threshold(group, neuron, shape),
        current_decay=constants["iDecay"],
        voltage_decay=constants["vDecay"],
        bias_mant=bias,
        bias_exp=whole_number(group, "bias_exp", NETX_BIAS_EXP),
    )


def _encoder(group: Fields, neuron: Fields, shape: Shape, spike_exp: int | None) -> dict[str, Any]:
    if "messageBits" in neuron:
        raise NetworkError(
            f"{group.name}: 'messageBits' is given, which netx cannot read; Lava's messages have 32 bit: leave the field out"
        )
    return {
        "threshold": _threshold(group, neuron, shape),
        "spike_exp": whole_number(group, "spike_exp", SDNN_SPIKE_EXP) if spike_exp is None else spike_exp,
        "state_exp": whole_number(group, "state_exp", SDNN_STATE_EXP),
        "cumulative_error": bool(whole_number(group, "cum_error", 0)),
    }


def _activation(group: Fields, neuron: Fields) -> Any:
    """netx never looks at it and takes relu; any other would give other numbers there than were trained."""
    said = neuron.text("activation", "relu")
    if said not in ("relu", "unit"):
        raise NetworkError(f"{group.name}: activation is {said!r}; Lava's sigma-delta neurons have 'relu' and 'unit'")
    return said


def _threshold(group: Fields, neuron: Fields, shape: Shape) -> Any:
    threshold = neuron.numbers("vThMant", int(np.prod(shape)))
    if threshold is None:
        raise NetworkError(f"{group.name}: 'vThMant' is missing; netx needs it")
    if threshold.size == 0 or np.any(threshold != threshold.flat[0]):
        raise NetworkError(f"{group.name}: 'vThMant' differs between neurons; one threshold for the layer is supported")
    return threshold.flat[0]


def _bias(group: Fields, shape: Shape) -> npt.NDArray[Any]:
    bias = group.numbers("bias", int(np.prod(shape)))
    return np.zeros((), np.int32) if bias is None else spread(group, "bias", bias, shape)


def write_neuron(group: h5py.Group, neuron: Cuba | Delta | SigmaDelta | Sigma, shape: Shape, grid: bool) -> None:
    """Fill the subgroup ``neuron``, and write the bias beside it; ``grid``: the layer has three axes in netx."""
    if isinstance(neuron, Cuba | SigmaDelta) and neuron.has_bias:
        bias = neuron.bias_mant if isinstance(neuron, Cuba) else neuron.bias
        if grid and bias.ndim == 0:  # stock netx broadcasts a convolution's bias by itself only per channel
            bias = np.broadcast_to(bias, (shape[0], 1, 1))
        if isinstance(neuron, SigmaDelta) and not grid:  # and hands the bias of a dense layer to Lava's neurons as it is
            group["bias"] = np.broadcast_to(bias, shape).reshape(-1)
        else:
            group["bias"] = flat(bias, shape, grid)
    if isinstance(neuron, Cuba):
        group["neuron/type"] = "CUBA"
        group["neuron/iDecay"] = flat(neuron.current_decay, shape, grid)
        group["neuron/vDecay"] = flat(neuron.voltage_decay, shape, grid)
        group["neuron/vThMant"] = neuron.threshold
        group["neuron/refDelay"] = 1
        group["neuron/gradedSpike"] = False
        if neuron.bias_exp != NETX_BIAS_EXP:
            group["bias_exp"] = neuron.bias_exp
        return
    group["neuron/type"] = "SDNN"
    group["neuron/activation"] = neuron.activation if isinstance(neuron, SigmaDelta) else "relu"
    if isinstance(neuron, Sigma):
        group["neuron/sigma_output"] = True
        return
    group["neuron/vThMant"] = neuron.threshold
    if neuron.spike_exp != SDNN_SPIKE_EXP:
        group["spike_exp"] = neuron.spike_exp
    if neuron.state_exp != SDNN_STATE_EXP:
        group["state_exp"] = neuron.state_exp
    if neuron.cumulative_error:
        group["cum_error"] = True


def flat(values: IntArray, shape: Shape, grid: bool) -> npt.NDArray[Any]:
    """``values`` as a number, per channel, or per neuron: flattened, or (width, height, channels) where netx expects that."""
    if values.size == 1:
        return values.reshape(())
    if len(shape) == 3 and values.shape == (shape[0], 1, 1):
        return values.reshape(-1)
    full = np.broadcast_to(values, shape)
    return full.transpose(2, 1, 0) if grid else full.reshape(-1)
