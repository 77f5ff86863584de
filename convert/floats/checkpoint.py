"""From a run folder to its ``FloatNetwork``: what was trained, before weights and delays are rounded."""

from __future__ import annotations

from typing import Any

import numpy as np

from myelin.convert.checkpoint import Checkpoint
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent
from myelin.convert.layers.conv import as_chw
from myelin.convert.network import naming_layer
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY
from myelin.train.config.axes import on_axes

Shape = tuple[int, ...]


def floats_from_checkpoint(checkpoint: Checkpoint) -> FloatNetwork:
    """The float network of a trained run, in SLAYER's unit; decays are whole 1/4096, as training computes with them.

    Raises:
        NetworkError: a tensor is missing or does not fit the configuration.
    """
    config = checkpoint.config
    try:
        data = config["data"]
        shape = source = tuple(data.get("shape") or (data["channels"],))
        layers = []
        for index, layer in enumerate(config["layers"]):
            with naming_layer(index, layer["kind"]):
                layers.append(_hidden(checkpoint, index, layer, shape))
            shape = layers[-1].shape
        with naming_layer(len(layers), "dense"):
            layers.append(_readout(checkpoint, len(layers), shape))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise NetworkError(
            f"{checkpoint.folder}: run.json and model.safetensors do not belong together ({reason}); name a folder as "
            "`myelin train` left it"
        ) from error
    return FloatNetwork(source, tuple(layers), int(data["message_bits"]))


def _hidden(checkpoint: Checkpoint, index: int, layer: dict[str, Any], input_shape: Shape) -> FloatLayer:
    weight = _tensor(checkpoint, f"{index}.synapse.weight")
    synapse: FloatDense | FloatConv
    if layer["kind"] == "conv":
        synapse = FloatConv(weight, stride=on_axes(layer["stride"], as_chw(input_shape)[1]), padding=_half(weight))
        shape = synapse.output_shape(input_shape)
    else:
        synapse = FloatDense(weight)
        shape = (layer["neurons"],) if layer["channels"] == 1 else (layer["channels"], 1, layer["neurons"] // layer["channels"])
    recurrent = None
    if layer["recurrent"] != "none":
        own = _tensor(checkpoint, f"{index}.recurrence.weight")
        if layer["recurrent"] == "conv" and own.ndim == 3:  # a row of taps
            own = own[:, :, None, :]
        back = FloatDense(own) if layer["recurrent"] == "dense" else FloatConv(own, padding=_half(own))
        delay = _spread(_tensor(checkpoint, f"{index}.recurrence.delay.delay"), shape)
        recurrent = FloatRecurrent(back, delay.clip(0, None))
    delay = np.zeros(()) if layer["delay_per"] == "none" else _spread(_tensor(checkpoint, f"{index}.delay.delay"), shape)
    threshold = float(checkpoint.config["neuron"]["threshold"])
    current, voltage = _decays(checkpoint, index, shape)
    return FloatLayer(shape, synapse, FloatCuba(threshold, current, voltage), delay, recurrent)


def _readout(checkpoint: Checkpoint, index: int, input_shape: Shape) -> FloatLayer:
    plan = checkpoint.config["readout"]
    weight = _tensor(checkpoint, f"{index}.synapse.weight")
    if plan.get("pool", "none") == "average":  # one weight for all positions of a channel
        weight = weight.repeat(int(np.prod(input_shape[1:])), axis=1)
    shape = (weight.shape[0],)
    threshold = float(plan["threshold"]) if plan["spiking"] else None
    current, voltage = _decays(checkpoint, index, shape)
    return FloatLayer(shape, FloatDense(weight), FloatCuba(threshold, current, voltage))


def _tensor(checkpoint: Checkpoint, name: str) -> FloatArray:
    return checkpoint.tensors[name].astype(np.float64)


def _decays(checkpoint: Checkpoint, index: int, shape: Shape) -> list[FloatArray]:
    decays = (_tensor(checkpoint, f"{index}.neuron.{name}_decay") for name in ("current", "voltage"))
    return [_spread(np.rint(decay).clip(0, DECAY_UNITY) / DECAY_UNITY, shape) for decay in decays]


def _spread(values: FloatArray, shape: Shape) -> FloatArray:
    """One for all, one for each neuron, or one for each channel."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape(shape) if values.size == int(np.prod(shape)) else values.reshape(-1, *(1,) * (len(shape) - 1))


def _half(weight: FloatArray) -> tuple[int, int]:
    """Half of a kernel (out, in, height, width), which training pads with at every edge."""
    return weight.shape[2] // 2, weight.shape[3] // 2
