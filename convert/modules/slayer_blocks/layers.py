"""Blocks of SLAYER with neurons, as layers: the connection by kind of block, the same for every class of neurons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.integers import as_float_neuron
from myelin.convert.floats.network import FloatArray, FloatComplex, FloatConv, FloatDense, FloatLayer, FloatRecurrent
from myelin.convert.modules.reading import ReadBlock, ReadModule
from myelin.convert.modules.slayer_blocks.delay import read_delays
from myelin.convert.modules.slayer_blocks.kwta import kwta_input, kwta_weights
from myelin.convert.modules.slayer_blocks.transposed import unpooled, unrolled
from myelin.convert.modules.slayer_blocks.weights import real_weights
from myelin.convert.modules.slayer_neurons.contract import NeuronPlace, SlayerNeuron
from myelin.convert.netx.pool import pool_kernel
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError

#: Kind of block -> kind of its synapse, for those that move an image.
_IMAGES = {"Conv": "Conv", "Pool": "Pool", "ConvT": "ConvTranspose", "Unpool": "Unpool"}


def read_layer(entry: SlayerNeuron, found: ReadModule, block: Any, kind: str, path: str, *, raw: bool) -> None:
    """Append to ``found`` the layer of a block with neurons; for ``raw`` see ``slayer.read_into``."""
    neuron, affine, stepwise = block.neuron, kind == "Affine", kind in ("Recurrent", "KWTA")
    entry.require_plain(neuron)
    dynamics = getattr(block, "dynamics", True) is True
    gain = entry.gain(neuron) if dynamics else 1.0
    synapse: FloatDense | FloatConv | FloatComplex
    recurrent = None
    if stepwise:
        synapse, shape, recurrent = _stepwise(block, kind, found, raw, gain)
    else:
        synapse, shape = _connection(entry, block, kind, found, raw)
    if dynamics and neuron.shape is not None and tuple(neuron.shape) != shape:
        raise NetworkError(
            f"its neuron was built or has run with a population of shape {tuple(neuron.shape)}, and here it has shape "
            f"{shape}, on which lava-dl fails; build a block of its own for this place"
        )
    constants = as_float_neuron(entry.read(neuron, shape, not affine, dynamics), "state" if affine else "spikes")
    soft = entry.inexact(neuron, constants, _place(found, stepwise)) if dynamics else None
    if raw and soft is not None:
        raise NetworkError(f"{soft}; or take from_torch(module, ..., calibrate=x), which measures the difference")
    delay: FloatArray = np.zeros(())
    if not affine and kind != "KWTA":
        delay = read_delays(block.delay, shape, raw=raw)
    elif block.delay is not None:
        raise NetworkError("it has a delay, which its forward pass does not use; build it with delay=False")
    lag = int(affine or block.delay_shift is not True)
    layer = FloatLayer(shape, _scaled(synapse, gain), constants, delay, recurrent)
    found.add(ReadBlock(path, block, layer, shape, int(neuron.w_scale), soft, lag))


def _place(found: ReadModule, stepwise: bool) -> NeuronPlace:
    cures = [] if found.lag + found.input_delayed == 0 else ["build the blocks before it with delay_shift=True"]
    if not found.input_delayed:
        cures.append("put myelin.nn.StepDelay() before the first block, with which both begin together")
    cure = ", and ".join(cures)
    return NeuronPlace(stepwise, 1 + found.lag, cure)


def _scaled(synapse: FloatDense | FloatConv | FloatComplex, gain: float) -> FloatDense | FloatConv | FloatComplex:
    if isinstance(synapse, FloatComplex):  # no norm of them is read
        return synapse
    return replace(synapse, weight=synapse.weight * gain)


def _connection(
    entry: SlayerNeuron, block: Any, kind: str, found: ReadModule, raw: bool
) -> tuple[FloatDense | FloatConv | FloatComplex, Shape]:
    """The feed-forward connection of a block, and the shape that it leads to."""
    pieces = [
        (_image if kind in _IMAGES else _dense)(block, part, f"synapse{name}", kind, found, raw)
        for name, part in entry.parts(block.synapse, kind).items()
    ]
    (first, shape), *others = pieces
    return (FloatComplex(first, others[0][0]) if others else first), shape


def _stepwise(block: Any, kind: str, found: ReadModule, raw: bool, gain: float) -> tuple[FloatDense, Shape, FloatRecurrent]:
    """The connections of a block that runs step by step, with its own spikes of the step before."""
    if len(found.shape) != 1:
        raise NetworkError(f"what reaches it has shape {found.shape}; put a Flatten block before it")
    if block.neuron.persistent_state is not True:
        raise NetworkError(
            "its neuron has persistent_state=False, so lava-dl forgets its state in every step of the recurrence; "
            "leave it at True, as the block sets it"
        )
    if kind == "KWTA":
        shift = kwta_input(block)
        if shift:
            raise NetworkError(
                f"it adds {shift:g} to the input of every neuron in every step (threshold (N - 2 num_winners) / N), which the "
                "chip's neurons do not; lower its threshold, or choose num_winners closer to half its neurons"
            )
        synapse, shape = _dense(block, block.synapse, "synapse", kind, found, raw)
        own = kwta_weights(block, raw=raw)
    else:
        synapse, shape = _dense(block, block.input_synapse, "input_synapse", kind, found, raw)
        weight = real_weights(block, block.recurrent_synapse, "recurrent_synapse", "Dense", raw=raw, called=False)
        own = weight.reshape(weight.shape[:2])
    return synapse, shape, FloatRecurrent(FloatDense(own * gain))


def read_dense(entry: SlayerNeuron, found: ReadModule, block: Any, path: str, neuron: Neuron, *, raw: bool) -> None:
    """Append to ``found`` a readout: a dense connection of ``block`` to integer neurons that give a state, without latency."""
    synapse, shape = _dense(block, block.synapse, "synapse", "Dense", found, raw)
    layer = FloatLayer(shape, synapse, as_float_neuron(neuron, "state"))
    found.add(ReadBlock(path, block, layer, shape, int(block.neuron.w_scale), None, 1))


def _dense(block: Any, synapse: Any, name: str, kind: str, found: ReadModule, raw: bool) -> tuple[FloatDense, Shape]:
    weight = real_weights(block, synapse, name, "Dense", raw=raw)  # (out, C, H, W)
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


def _image(
    block: Any, synapse: Any, name: str, kind: str, found: ReadModule, raw: bool
) -> tuple[FloatDense | FloatConv, Shape]:
    """The connection of a block from image to image; transposed convolutions as matrices, which the chip needs instead."""
    if len(found.shape) != 3 or found.population != found.shape:
        raise NetworkError(f"what reaches it has shape {found.shape}; (channels, height, width) is expected")
    image = found.shape[0], found.shape[1], found.shape[2]
    weight = real_weights(block, synapse, name, _IMAGES[kind], raw=raw)
    stride, padding, dilation = (
        (int(pair[0]), int(pair[1])) for pair in (getattr(synapse, key) for key in ("stride", "padding", "dilation"))
    )
    if kind == "ConvT":
        matrix, target = unrolled(weight, image, stride, padding, dilation, int(synapse.groups))
        return FloatDense(matrix), target
    if kind == "Unpool":
        matrix, target = unpooled(weight, image, stride, padding, dilation)
        return FloatDense(matrix), target
    if kind == "Conv":
        made = FloatConv(weight, stride, padding, dilation, int(synapse.groups))
    else:  # pooling as a convolution within each channel; its weights are (1, 1, height, width)
        kernel, pads = pool_kernel(weight, image[0], image[1:], stride, padding, dilation)
        made = FloatConv(kernel, stride, pads, dilation, groups=image[0])
    return made, made.output_shape(image)
