"""Reader and writer of connections in a netx file; ``myelin.convert.netx.format`` describes the fields."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import h5py
import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.layers import Conv, Dense, Synapse
from myelin.convert.layers.conv import as_chw
from myelin.convert.netx.fields import MAX_VALUES, Fields
from myelin.convert.netx.values import pair, weights, whole_number
from myelin.hw_configs.errors import NetworkError


class SynapseFields(NamedTuple):
    """Reader and writer of one kind of connection in a layer's group.

    Attributes:
        read: (group, "" or "_rec", shape of the previous layer, shape of the layer) -> connection, without its delays.
        write: (group, connection, "" or "_rec").
    """

    read: Callable[[Fields, str, Shape, Shape], Synapse]
    write: Callable[[h5py.Group, Any, str], None]


def _read_matrix(group: Fields, key: str, targets: int, sources: int) -> npt.NDArray[Any]:
    declared = group.size_of(key)
    if declared is None:
        raise NetworkError(f"{group.name}: {key!r} is missing; netx needs it")
    if int(np.prod(declared, dtype=object)) != targets * sources or (len(declared) > 1 and declared[0] != targets):
        raise NetworkError(f"{group.name}: {key!r} has shape {declared}; ({targets}, {sources}) is expected")
    return weights(group, key, targets * sources).reshape(targets, sources)


def _read_conv(group: Fields, suffix: str, most_inputs: int) -> Conv:
    key = "weight" + suffix
    declared = group.size_of(key) or ()
    if len(declared) == 5 and declared[4] == 1:
        declared = declared[:4]
    if len(declared) != 4 or declared[1] > most_inputs:
        raise NetworkError(f"{group.name}: {key!r} has shape {declared}; (out, in / groups, height, width) is expected")
    return Conv(
        weights(group, key, MAX_VALUES).reshape(declared),
        stride=pair(group, "stride" + suffix),
        padding=pair(group, "padding" + suffix),
        dilation=pair(group, "dilation" + suffix),
        groups=whole_number(group, "groups" + suffix),
    )


def _read_dense(group: Fields, suffix: str, before: Shape, shape: Shape) -> Dense:
    exponent = whole_number(group, "weight_exp" + suffix, 0)
    return Dense(_read_matrix(group, "weight" + suffix, int(np.prod(shape)), int(np.prod(before))), exponent)


def _read_convolution(group: Fields, suffix: str, before: Shape, shape: Shape) -> Conv:
    exponent = 0 if suffix else whole_number(group, "weight_exp", 0)
    if exponent:
        raise NetworkError(f"weight_exp is {exponent}; Lava's fixed-point convolution has no weight exponent")
    return _read_conv(group, suffix, int(np.prod(as_chw(before))))


def _write_dense(group: h5py.Group, synapse: Dense, suffix: str) -> None:
    _write_weight(group, synapse, suffix)
    if synapse.weight_exp:
        group["weight_exp" + suffix] = synapse.weight_exp
    if not suffix:
        group["outFeatures"], group["inFeatures"] = synapse.weight.shape


def _write_conv(group: h5py.Group, synapse: Conv, suffix: str) -> None:
    _write_weight(group, synapse, suffix)
    if not suffix:
        group["inChannels"] = synapse.weight.shape[1] * synapse.groups
        group["outChannels"], group["kernelSize"] = synapse.weight.shape[0], synapse.weight.shape[2:]
    for name in ("stride", "padding", "dilation", "groups"):
        group[name + suffix] = getattr(synapse, name)


def _write_weight(group: h5py.Group, synapse: Synapse, suffix: str) -> None:
    group.create_dataset("weight" + suffix, data=synapse.weight, compression="gzip", shuffle=True)


#: By ``Synapse.KIND``, which is the type of the layer's group; a layer with a recurrence has ``_rec`` appended to its type.
SYNAPSES: dict[str, SynapseFields] = {
    Dense.KIND: SynapseFields(_read_dense, _write_dense),
    Conv.KIND: SynapseFields(_read_convolution, _write_conv),
}


def write_synapse(group: h5py.Group, synapse: Synapse, suffix: str) -> None:
    """Write a connection without its delays; NetworkError if netx has no fields for its kind."""
    if synapse.kind not in SYNAPSES:
        raise NetworkError(
            f"netx has no fields for a connection of kind {synapse.kind!r}; {', '.join(SYNAPSES)} can be written: use "
            "as_dense(input_shape), or register fields in myelin.convert.netx.synapses.SYNAPSES"
        )
    SYNAPSES[synapse.kind].write(group, synapse, suffix)
