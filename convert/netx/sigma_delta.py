"""Reader and writer of netx's neurons of type SDNN: sigma-delta neurons, their readout and delta encoders."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.netx.constants import bias_of, flat, threshold_of
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.values import whole_number
from myelin.convert.neurons import Delta, Sigma, SigmaDelta
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import SDNN_SPIKE_EXP, SDNN_STATE_EXP


def read_sigma_delta(
    group: Fields, neuron: Fields, shape: Shape, spike_exp: int | None, at_input: bool
) -> Delta | SigmaDelta | Sigma:
    """The neuron in the subgroup ``neuron``, with the layer's bias; at the input it is a delta encoder."""
    if at_input:
        return Delta(**_encoder(group, neuron, shape, spike_exp))
    if "sigma_output" in neuron:
        if not neuron.number("sigma_output"):
            raise NetworkError(f"{group.name}: sigma_output is False; netx takes its presence as True: leave the field out")
        if "bias" in group:
            raise NetworkError(f"{group.name}: 'bias' stands beside sigma_output; Lava's Sigma has no bias")
        return Sigma()
    encoder = _encoder(group, neuron, shape, spike_exp)
    return SigmaDelta(**encoder, bias=bias_of(group, shape), activation=_activation(group, neuron))


def _encoder(group: Fields, neuron: Fields, shape: Shape, spike_exp: int | None) -> dict[str, Any]:
    if "messageBits" in neuron:
        raise NetworkError(
            f"{group.name}: 'messageBits' is given, which netx cannot read; Lava's messages have 32 bit: leave the field out"
        )
    return {
        "threshold": threshold_of(group, neuron, shape),
        "spike_exp": whole_number(group, "spike_exp", SDNN_SPIKE_EXP) if spike_exp is None else spike_exp,
        "state_exp": whole_number(group, "state_exp", SDNN_STATE_EXP),
        "cumulative_error": bool(whole_number(group, "cum_error", 0)),
    }


def _activation(group: Fields, neuron: Fields) -> Any:
    """The activation, relu if absent; NetworkError for any but relu and unit.

    netx ignores the field and takes relu: with another activation its numbers would differ from the trained ones.
    """
    said = neuron.text("activation", "relu")
    if said not in ("relu", "unit"):
        raise NetworkError(f"{group.name}: activation is {said!r}; Lava's sigma-delta neurons have 'relu' and 'unit'")
    return said


def write_sigma_delta(group: h5py.Group, neuron: SigmaDelta, shape: Shape, grid: bool) -> None:
    """Fill the subgroup ``neuron`` and write the bias to the layer's group; ``grid``: the layer has three axes in netx."""
    if neuron.has_bias:
        if grid and neuron.bias.ndim == 0:  # stock netx broadcasts the bias of a convolution only if it is per channel
            group["bias"] = flat(np.broadcast_to(neuron.bias, (shape[0], 1, 1)), shape, grid)
        elif grid:
            group["bias"] = flat(neuron.bias, shape, grid)
        else:  # stock netx passes the bias of a dense layer to Lava's neurons unchanged
            group["bias"] = np.broadcast_to(neuron.bias, shape).reshape(-1)
    group["neuron/type"] = "SDNN"
    group["neuron/activation"] = neuron.activation
    _write_encoder(group, neuron)


def write_delta(group: h5py.Group, neuron: Delta, shape: Shape, grid: bool) -> None:
    """Fill the subgroup ``neuron`` of an input layer."""
    group["neuron/type"] = "SDNN"
    group["neuron/activation"] = "relu"
    _write_encoder(group, neuron)


def write_sigma(group: h5py.Group, neuron: Sigma, shape: Shape, grid: bool) -> None:
    """Fill the subgroup ``neuron`` of a readout of sums."""
    group["neuron/type"] = "SDNN"
    group["neuron/activation"] = "relu"
    group["neuron/sigma_output"] = True


def _write_encoder(group: h5py.Group, neuron: Delta | SigmaDelta) -> None:
    group["neuron/vThMant"] = neuron.threshold
    if neuron.spike_exp != SDNN_SPIKE_EXP:
        group["spike_exp"] = neuron.spike_exp
    if neuron.state_exp != SDNN_STATE_EXP:
        group["state_exp"] = neuron.state_exp
    if neuron.cumulative_error:
        group["cum_error"] = True
