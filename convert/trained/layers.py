"""Reads the layers of a trained run from the tensors of its checkpoint, with the values used in training.

``myelin.convert.checkpoint`` makes integers of them, ``myelin.convert.floats.checkpoint`` a float network.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.floats.neuron import FloatNeuron
from myelin.convert.network import Input, naming_layer
from myelin.convert.neurons import Neuron, Sigma
from myelin.convert.trained.alif import trained_alif
from myelin.convert.trained.sigma_delta import trained_delta, trained_sigma_delta
from myelin.convert.trained.tensors import Array, LayerTensors
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import NETX_BIAS_EXP
from myelin.hw_configs.shapes import Shape, as_chw, convolved, cut_into_channels, half_kernel
from myelin.train.config.axes import on_axes

if TYPE_CHECKING:
    from myelin.convert.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class TrainedSynapse:
    """A connection's weights in SLAYER's unit: (out, in), or (out, in, height, width) of a convolution."""

    weight: Array
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    @property
    def spatial(self) -> bool:
        """Whether it is a convolution."""
        return self.weight.ndim == 4


@dataclass(frozen=True, eq=False)
class TrainedLayer:
    """A layer's trained parameters; arrays are scalar () or broadcastable to ``shape``.

    The first three constants are those of CUBA neurons, and None in a layer of other neurons.

    Attributes:
        shape: shape of the population.
        synapse: the connection from the layer before.
        threshold: in SLAYER's unit; None for a readout of states, which never spikes.
        current_decay, voltage_decay: integers in units of 1/4096, as used in training.
        bias: in SLAYER's unit, before it is rounded to its grid; 0 without.
        bias_exp: exponent of that grid.
        neuron: neurons of another class, as integers; None: CUBA neurons with the constants above.
        floats: the same neurons as floats, if there are such.
        delay_steps: axonal delays in steps, with fractions if they were not rounded.
        recurrent: connection to itself, or None.
        recurrent_delay_steps: axonal delays of that connection in steps.
    """

    shape: Shape
    synapse: TrainedSynapse
    threshold: float | None = None
    current_decay: IntArray = field(default_factory=lambda: np.zeros((), np.int32))
    voltage_decay: IntArray = field(default_factory=lambda: np.zeros((), np.int32))
    bias: Array = field(default_factory=lambda: np.zeros((), np.float32))
    bias_exp: int = NETX_BIAS_EXP
    neuron: Neuron | None = None
    floats: FloatNeuron | None = None
    delay_steps: Array = field(default_factory=lambda: np.zeros(()))
    recurrent: TrainedSynapse | None = None
    recurrent_delay_steps: Array = field(default_factory=lambda: np.zeros(()))

    @property
    def output(self) -> Literal["spikes", "state"]:
        """The output of the layer."""
        sends = self.threshold is not None if self.neuron is None else self.neuron.SENDS
        return "spikes" if sends else "state"

    @property
    def kind(self) -> str:
        """Name of the layer in messages."""
        return "conv" if self.synapse.spatial else "dense"


@contextlib.contextmanager
def belonging_together(folder: Path) -> Iterator[None]:
    """Turn errors from missing tensors or wrong shapes into a NetworkError that names ``folder``, in one sentence."""
    try:
        yield
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise NetworkError(
            f"{folder}: run.json and model.safetensors do not belong together ({reason}); name a folder as `myelin train` left "
            "it"
        ) from error


def input_of(config: dict[str, Any]) -> Input:
    """The input of a run: spikes, or counts that drive delta encoders."""
    data, own = config["data"], config.get("sigma_delta")
    source = Input(tuple(data.get("shape") or (data["channels"],)), int(data["message_bits"]))
    return replace(source, neuron=trained_delta(own), weight=own["input_weight"]) if own else source


def trained_layers(checkpoint: Checkpoint) -> list[TrainedLayer]:
    """The layers of a trained run, the readout last.

    Raises:
        NetworkError: a tensor is missing or does not fit the configuration.
    """
    config, layers = checkpoint.config, []
    with belonging_together(checkpoint.folder):
        shape = input_of(config).shape
        for index, plan in enumerate([*config["layers"], None]):
            own = LayerTensors(checkpoint.tensors, f"{index}.")
            with naming_layer(index, plan["kind"] if plan else "dense"):
                layers.append(_hidden(own, config, plan, shape) if plan else _readout(own, config, shape))
            shape = layers[-1].shape
    return layers


#: Kinds of neurons other than CUBA (``myelin.train.config.config.MODELS``) -> (tensors of the layer, section of the
#: configuration, arguments of ``TrainedLayer`` for CUBA neurons, shape) -> arguments of ``TrainedLayer``.
TRAINED_NEURONS: dict[str, Callable[[LayerTensors, dict[str, Any], dict[str, Any], Shape], dict[str, Any]]] = {
    "alif": trained_alif
}


def _hidden(own: LayerTensors, config: dict[str, Any], plan: dict[str, Any], input_shape: Shape) -> TrainedLayer:
    weight, shift = own.folded()
    shape: Shape
    if plan["kind"] == "conv":
        channels, *space = as_chw(input_shape)
        synapse = _convolution(weight, on_axes(plan["stride"], space[0]))
        size = convolved((space[0], space[1]), _kernel(weight), synapse.stride, synapse.padding)
        if min(size) < 1 or weight.shape[1] != channels:
            raise ValueError(f"weight of shape {weight.shape} for an input of shape {input_shape}")
        shape = (weight.shape[0], *size)
    else:
        synapse = TrainedSynapse(weight)
        shape = cut_into_channels(plan["neurons"], plan["channels"])
    parts: dict[str, Any] = {}
    if plan["recurrent"] != "none":
        back = own["recurrence.weight"]
        if plan["recurrent"] == "dense":
            parts["recurrent"] = TrainedSynapse(back)
        else:
            parts["recurrent"] = _convolution(back[:, :, None, :] if back.ndim == 3 else back)  # a row of taps
        parts["recurrent_delay_steps"] = own.each("recurrence.delay.delay", shape)
    if plan["delay_per"] != "none":
        parts["delay_steps"] = own.each("delay.delay", shape)
    if config.get("sigma_delta"):
        return TrainedLayer(shape, synapse, neuron=trained_sigma_delta(config["sigma_delta"], plan, own.bias(shape)), **parts)
    threshold = plan.get("threshold")  # older runs have one threshold for all layers
    given = config["neuron"]["threshold"] if threshold is None else threshold
    constants = {"threshold": own.threshold(config, given), **own.neuron(config, shape, shift)}
    model = plan.get("neuron") or config["neuron"].get("model", "cuba")  # older runs have CUBA neurons only
    read = TRAINED_NEURONS.get(model)
    if read is not None:
        constants = read(own, config[model], constants, shape)
    return TrainedLayer(shape, synapse, **constants, **parts)


def _convolution(weight: Array, stride: tuple[int, int] = (1, 1)) -> TrainedSynapse:
    if weight.ndim != 4:
        raise ValueError(f"weight of shape {weight.shape} for a convolution")
    return TrainedSynapse(weight, stride, half_kernel(_kernel(weight)))


def _kernel(weight: Array) -> tuple[int, int]:
    return weight.shape[2], weight.shape[3]


def _readout(own: LayerTensors, config: dict[str, Any], input_shape: Shape) -> TrainedLayer:
    plan, (weight, shift) = config["readout"], own.folded()
    if plan.get("pool", "none") == "average":  # one weight for all positions of a channel
        weight = weight.repeat(int(np.prod(input_shape[1:])), axis=1)
    shape = (weight.shape[0],)
    if config.get("sigma_delta"):
        return TrainedLayer(shape, TrainedSynapse(weight), neuron=Sigma())
    threshold = own.threshold(config, plan["threshold"]) if plan["spiking"] else None
    return TrainedLayer(shape, TrainedSynapse(weight), threshold, **own.neuron(config, shape, shift))
