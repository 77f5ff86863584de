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
from myelin.convert.netx.complex import is_complex, read_complex, write_complex
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.pool import Pair, pool_kernel
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


def kernel_shape(group: Fields, suffix: str, before: Shape, shape: Shape, channels: int, groups: int) -> tuple[int, ...]:
    """Shape of the kernel that the file declares, checked against the populations before a weight is read.

    Args:
        group, suffix: the layer's group, and the suffix of its fields.
        before, shape: shapes of the previous layer and of the layer.
        channels: number of output channels in the field: 1 if all channels share one kernel.
        groups: number of blocks of channels.
    """
    key = "weight" + suffix
    declared = group.size_of(key)
    if declared is None:
        raise NetworkError(f"{group.name}: {key!r} is missing; netx needs it")
    kernel = declared[:4] if len(declared) == 5 and declared[4] == 1 else declared
    sources, *space = as_chw(before)
    inputs = 1 if channels == 1 and groups > 1 else sources // max(groups, 1)
    if len(kernel) != 4 or kernel[:2] != (channels, inputs):
        raise NetworkError(
            f"{group.name}: {key!r} has shape {declared}; ({channels}, {inputs}, height, width) is expected, for {sources} "
            f"channels in, {as_chw(shape)[0]} out and {groups} group{'' if groups == 1 else 's'}"
        )
    padding = pair(group, "padding" + suffix)
    if any(size < 1 or size > space[axis] + 2 * padding[axis] for axis, size in enumerate(kernel[2:])):
        raise NetworkError(
            f"{group.name}: {key!r} has shape {declared}; a kernel that fits the layer before, of shape {before}, with padding "
            f"{padding} is expected"
        )
    return kernel


def _geometry(group: Fields, suffix: str) -> dict[str, tuple[int, int]]:
    return {name: pair(group, name + suffix) for name in ("stride", "padding", "dilation")}


def _read_pool(group: Fields, before: Shape, shape: Shape) -> Conv:
    """SLAYER's pooling: one kernel, applied to each channel alone."""
    weight = weights(group, "weight").reshape(pool_shape(group, before, shape))
    return Conv(*pool_geometry(group, weight, before))


def pool_shape(group: Fields, before: Shape, shape: Shape) -> tuple[int, ...]:
    """Shape of a pool's kernel in the file, checked as ``kernel_shape`` does."""
    return kernel_shape(group, "", before, shape, 1, as_chw(before)[0])


def pool_geometry(group: Fields, weight: npt.NDArray[Any], before: Shape) -> tuple[npt.NDArray[Any], Pair, Pair, Pair, int]:
    """The arguments of the convolution that equals a pool: weight, stride, padding, dilation, groups."""
    channels, height, width = as_chw(before)
    stride, padding, dilation = (pair(group, name) for name in ("stride", "padding", "dilation"))
    weight, pads = pool_kernel(weight, channels, (height, width), stride, padding, dilation)
    return weight, stride, pads, dilation, channels


def _read_dense(group: Fields, suffix: str, before: Shape, shape: Shape) -> Dense:
    exponent = whole_number(group, "weight_exp" + suffix, 0)
    return Dense(_read_matrix(group, "weight" + suffix, int(np.prod(shape)), int(np.prod(before))), exponent)


def _read_convolution(group: Fields, suffix: str, before: Shape, shape: Shape) -> Conv:
    exponent = 0 if suffix else whole_number(group, "weight_exp", 0)
    if exponent:
        raise NetworkError(f"weight_exp is {exponent}; Lava's fixed-point convolution has no weight exponent")
    groups = whole_number(group, "groups" + suffix)
    kernel = kernel_shape(group, suffix, before, shape, as_chw(shape)[0], groups)
    weight = weights(group, "weight" + suffix).reshape(kernel)
    return Conv(weight, **_geometry(group, suffix), groups=groups)


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


def read_synapse(group: Fields, kind: str, before: Shape, shape: Shape) -> Synapse:
    """The feed-forward connection of a layer of type ``kind``, without its delays."""
    if is_complex(group):
        return read_complex(group, lambda part: _read_real(part, kind, before, shape))
    return _read_real(group, kind, before, shape)


def _read_real(group: Fields, kind: str, before: Shape, shape: Shape) -> Synapse:
    if kind == "pool":
        return _read_pool(group, before, shape)
    return SYNAPSES[kind.removesuffix("_rec")].read(group, "", before, shape)


def recurrent_kind(group: Fields, shape: Shape) -> str:
    """Kind of the recurrent connection: a convolution has a kernel, a matrix may have trailing axes of 1 in SLAYER's files."""
    declared, size = group.size_of("weight_rec") or (), int(np.prod(shape))
    matrix = len(declared) < 4 or (declared[:2] == (size, size) and set(declared[2:]) == {1})
    return Dense.KIND if matrix and "stride_rec" not in group else Conv.KIND


#: By ``Synapse.KIND``, which is the type of the layer's group; a layer with a recurrence has ``_rec`` appended to its type.
SYNAPSES: dict[str, SynapseFields] = {
    Dense.KIND: SynapseFields(_read_dense, _write_dense),
    Conv.KIND: SynapseFields(_read_convolution, _write_conv),
}


def write_synapse(group: h5py.Group, synapse: Synapse, suffix: str) -> None:
    """Write a connection without its delays; NetworkError if netx has no fields for its kind."""
    if len(synapse.parts) > 1:
        write_complex(group, synapse, lambda group, part: write_synapse(group, part, suffix))
        return
    if synapse.kind not in SYNAPSES:
        raise NetworkError(
            f"netx has no fields for a connection of kind {synapse.kind!r}; {', '.join(SYNAPSES)} can be written: use "
            "as_dense(input_shape), or register fields in myelin.convert.netx.synapses.SYNAPSES"
        )
    SYNAPSES[synapse.kind].write(group, synapse, suffix)
