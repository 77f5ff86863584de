"""Conversion of a ``Network`` to the groups of a netx file; ``myelin.convert.netx.format`` describes the fields."""

from __future__ import annotations

import h5py
import numpy as np

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.layers import DelayedRecurrent, Synapse
from myelin.convert.layers.conv import as_chw
from myelin.convert.network import Input, Layer, Network, naming_layer
from myelin.convert.netx.constants import flat
from myelin.convert.netx.neurons import write_neuron
from myelin.convert.netx.synapses import write_synapse
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import NETX_MAX_DELAY_STEPS

#: Version of Myelin's own fields.
FORMAT = 1


def write_network(network: Network, file: h5py.File) -> None:
    """Fill the open, empty ``file``; ``myelin.convert.netx.format.write_netx`` documents the errors."""
    file.attrs["myelin_format"] = FORMAT
    groups = _Groups(file)
    _write_input(network.input, network.layers[0], groups.next("input"))
    before: Input | Layer = network.input
    for index, layer in enumerate(network.layers):
        following = network.layers[index + 1] if index + 1 < len(network.layers) else None
        if len(before.shape) == 3 and not layer.synapse.SPATIAL and _is_grid(before):
            groups.next("flatten")["shape"] = [int(np.prod(before.shape)), 1, 1]
        kind = layer.synapse.parts[0].kind + ("_rec" if layer.recurrent is not None else "")
        with naming_layer(index, layer.kind):
            _write_layer(layer, following, groups.next(kind))
        before = layer
    if network.average_groups is not None:
        groups.next("average")["shape"] = [network.average_groups, 1, 1]


class _Groups:
    """Creates the layer groups and numbers them in order."""

    def __init__(self, file: h5py.File) -> None:
        self.top = file.create_group("layer")

    def next(self, kind: str) -> h5py.Group:
        group = self.top.create_group(str(len(self.top)))
        group.create_dataset("type", (1,), "S10", [kind.encode("ascii")])
        return group


def _write_input(source: Input, following: Layer, group: h5py.Group) -> None:
    _write_shape(group, source.shape, following)
    if source.message_bits:
        group["message_bits"] = source.message_bits
    if source.neuron is not None:
        if source.neuron.has_bias:
            raise NetworkError("the input's neurons have a bias of their own, netx has no place for it: add it to Input.bias")
        group["weight"], group["bias"] = source.weight, source.bias
        write_neuron(group, source.neuron, source.shape, grid=len(source.shape) == 3)


def _write_layer(layer: Layer, following: Layer | None, group: h5py.Group) -> None:
    grid = layer.synapse.SPATIAL
    _write_shape(group, layer.shape, following)
    write_synapse(group, layer.synapse, "")
    _write_delays(group, "delay", layer.delay_steps, layer.synapse, layer.shape)
    if layer.recurrent is not None:
        _write_recurrent(group, layer.recurrent, layer.shape)
    write_neuron(group, layer.neuron, layer.shape, grid)
    if layer.output == "state":
        group["output"] = np.bytes_("state")


def _write_recurrent(group: h5py.Group, recurrent: DelayedRecurrent, shape: Shape) -> None:
    write_synapse(group, recurrent.synapse, "_rec")
    _write_delays(group, "delay_rec", recurrent.delay_steps, recurrent.synapse, shape)


def _write_delays(group: h5py.Group, key: str, axonal: IntArray, synapse: Synapse, shape: Shape) -> None:
    synaptic = synapse.delay_steps
    for name, values in (("delay_steps", axonal), ("synaptic delay_steps", synaptic)):
        if values is not None and values.size and values.max() > NETX_MAX_DELAY_STEPS:
            raise NetworkError(
                f"longest {name} ({key!r} in the file) is {values.max()} steps, a netx file holds {NETX_MAX_DELAY_STEPS}; "
                f"retrain with max_delay_steps={NETX_MAX_DELAY_STEPS}, or shorten them with --clip-delays (clip_delays= of "
                "myelin.read)"
            )
    if axonal.any():
        group[key] = flat(axonal, shape, grid=False)
    if synaptic is not None:
        name = key + "_synaptic" if axonal.any() else key
        group.create_dataset(name, data=synaptic, compression="gzip", shuffle=True)


def _write_shape(group: h5py.Group, shape: Shape, following: Layer | None) -> None:
    """Write the population's shape.

    netx needs three axes if a convolution reads a row of neurons; the attribute ``shape`` then keeps the original shape.
    """
    if len(shape) == 1 and following is not None and following.synapse.SPATIAL:
        group["shape"] = as_chw(shape)
        group.attrs["shape"] = shape
    else:
        group["shape"] = shape


def _is_grid(population: Input | Layer) -> bool:
    """Whether netx keeps three axes for the population: true for the input and convolutions; dense layers are always rows."""
    return isinstance(population, Input) or population.synapse.SPATIAL
