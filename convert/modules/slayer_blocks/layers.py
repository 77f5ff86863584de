"""Blocks of SLAYER with neurons, as layers: the connection by kind of block, the same for every class of neurons."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.integers import as_float_neuron
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatRecurrent
from myelin.convert.modules.reading import ReadBlock, ReadModule
from myelin.convert.modules.slayer_blocks.delay import read_delays
from myelin.convert.modules.slayer_blocks.weights import real_weights
from myelin.convert.modules.slayer_neurons.contract import SlayerNeuron
from myelin.convert.netx.pool import pool_kernel
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError


def read_layer(entry: SlayerNeuron, found: ReadModule, block: Any, kind: str, path: str, *, raw: bool) -> None:
    """Append to ``found`` the layer of a block with neurons; for ``raw`` see ``slayer.read_into``."""
    neuron, affine = block.neuron, kind == "Affine"
    entry.require_plain(neuron)
    recurrent = None
    synapse: FloatDense | FloatConv
    if kind == "Recurrent":
        if len(found.shape) != 1:
            raise NetworkError(f"what reaches it has shape {found.shape}; put a Flatten block before it")
        if neuron.persistent_state is not True:
            raise NetworkError(
                "its neuron has persistent_state=False, so lava-dl forgets its state in every step of the recurrence; "
                "leave it at True, as the block sets it"
            )
        synapse, shape = _dense(entry, block, block.input_synapse, "input_synapse", found, raw)
        own = _weights(entry, block, block.recurrent_synapse, "recurrent_synapse", "Dense", raw, called=False)
        recurrent = FloatRecurrent(FloatDense(own.reshape(own.shape[:2])))
    elif kind == "Conv":
        synapse, shape = _conv(entry, block, found, raw)
    elif kind == "Pool":
        synapse, shape = _pool(entry, block, found, raw)
    else:
        synapse, shape = _dense(entry, block, block.synapse, "synapse", found, raw)
    dynamics = getattr(block, "dynamics", True) is True
    constants = as_float_neuron(entry.read(neuron, shape, not affine, dynamics), "state" if affine else "spikes")
    delay = np.zeros(()) if affine else read_delays(block.delay, shape, raw=raw)
    lag = int(affine or block.delay_shift is not True)
    layer = FloatLayer(shape, synapse, constants, delay, recurrent)
    found.add(ReadBlock(path, block, layer, shape, int(neuron.w_scale), None, lag))


def read_dense(entry: SlayerNeuron, found: ReadModule, block: Any, path: str, neuron: Neuron, *, raw: bool) -> None:
    """Append to ``found`` a readout: a dense connection of ``block`` to integer neurons that give a state, without latency."""
    synapse, shape = _dense(entry, block, block.synapse, "synapse", found, raw)
    layer = FloatLayer(shape, synapse, as_float_neuron(neuron, "state"))
    found.add(ReadBlock(path, block, layer, shape, int(block.neuron.w_scale), None, 1))


def _weights(
    entry: SlayerNeuron, block: Any, synapse: Any, name: str, kind: str, raw: bool, *, called: bool = True
) -> FloatArray:
    parts = entry.parts(synapse)
    return entry.joined([real_weights(block, part, name, kind, raw=raw, called=called) for part in parts])


def _dense(entry: SlayerNeuron, block: Any, synapse: Any, name: str, found: ReadModule, raw: bool) -> tuple[FloatDense, Shape]:
    weight = _weights(entry, block, synapse, name, "Dense", raw)  # (out, C, H, W)
    shape = found.shape
    if len(shape) == 3:
        if weight.shape[2:] != shape[1:]:
            raise NetworkError(
                f"what reaches it has shape {shape}, and SLAYER applies it at every position; put a Flatten block before it"
            )
        target: Shape = (weight.shape[0], 1, 1)
    else:
        if weight.shape[2:] != (1, 1):
            raise NetworkError(f"its weights are for an image of {weight.shape[1:]}, what reaches it has shape {shape}")
        target = (weight.shape[0],)
    dense = FloatDense(weight.reshape(weight.shape[0], -1))
    dense.output_shape(shape)
    return dense, target


def _image(found: ReadModule) -> tuple[int, int, int]:
    if len(found.shape) != 3 or found.population != found.shape:
        raise NetworkError(f"what reaches it has shape {found.shape}; (channels, height, width) is expected")
    return found.shape[0], found.shape[1], found.shape[2]


def _conv(entry: SlayerNeuron, block: Any, found: ReadModule, raw: bool) -> tuple[FloatConv, Shape]:
    _image(found)
    weight, part = _weights(entry, block, block.synapse, "synapse", "Conv", raw), entry.parts(block.synapse)[0]
    geometry = {name: tuple(getattr(part, name)[:2]) for name in ("stride", "padding", "dilation")}
    synapse = FloatConv(weight, **geometry, groups=int(part.groups))
    return synapse, synapse.output_shape(found.shape)


def _pool(entry: SlayerNeuron, block: Any, found: ReadModule, raw: bool) -> tuple[FloatConv, Shape]:
    """Pooling as a convolution within each channel."""
    channels, *size = _image(found)
    weight, part = _weights(entry, block, block.synapse, "synapse", "Pool", raw), entry.parts(block.synapse)[0]
    stride, padding, dilation = (
        (int(pair[0]), int(pair[1])) for pair in (getattr(part, name) for name in ("stride", "padding", "dilation"))
    )
    kernel, pads = pool_kernel(weight, channels, (size[0], size[1]), stride, padding, dilation)  # weight (1, 1, H, W)
    synapse = FloatConv(kernel, stride, pads, dilation, groups=channels)
    return synapse, synapse.output_shape(found.shape)
