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
import numpy.typing as npt

from myelin.convert.alif import trained_alif
from myelin.convert.arrays import IntArray, fewest
from myelin.convert.floats.neuron import FloatNeuron
from myelin.convert.network import Input, naming_layer
from myelin.convert.neurons import Neuron, Sigma
from myelin.convert.quantise.scalar import bias_fields
from myelin.convert.sigma_delta import trained_delta, trained_sigma_delta
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import BIAS_MANT_MAX, DECAY_UNITY, NETX_BIAS_EXP, STATE_SCALE, WEIGHT_SCALE
from myelin.hw_configs.shapes import Shape, as_chw, convolved, cut_into_channels, half_kernel
from myelin.train.config.axes import on_axes
from myelin.train.config.layers import NORM_EPS

if TYPE_CHECKING:
    from myelin.convert.checkpoint import Checkpoint

Array = npt.NDArray[Any]


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
    except (KeyError, IndexError, TypeError, ValueError) as error:
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


class LayerTensors:
    """Tensors of one layer."""

    def __init__(self, tensors: dict[str, Array], prefix: str) -> None:
        self.tensors, self.prefix = tensors, prefix

    def __getitem__(self, name: str) -> Array:
        return self.tensors[self.prefix + name]

    def each(self, name: str, shape: Shape) -> Array:
        """The tensor as a scalar, as one value per neuron, or as one value per channel of a (C, H, W) population."""
        values = self[name]
        if values.size == 1:
            return values.reshape(())
        return values.reshape(shape) if values.size == int(np.prod(shape)) else values.reshape(-1, *(1,) * (len(shape) - 1))

    def bias(self, shape: Shape) -> Array:
        """The bias of the neurons in SLAYER's unit; 0 if they have none."""
        return self.each("neuron.bias", shape) if f"{self.prefix}neuron.bias" in self.tensors else np.zeros(())

    def decay(self, name: str, shape: Shape) -> IntArray:
        """The decay ``name`` of the neurons, clamped and rounded as in training."""
        return np.rint(self.each(f"neuron.{name}_decay", shape)).clip(0, DECAY_UNITY).astype(np.int32)

    def folded(self) -> tuple[Array, Array | None]:
        """Feed-forward weights with a norm folded into them, and the input that it adds, (rows,); None without a norm.

        The operations are those of ``myelin.train.layers.norm``, in float32 and one by one, so the bits are the same.
        """
        weight = self["synapse.weight"]
        if self.prefix + "norm.weight" not in self.tensors:
            return weight, None
        scale = self["norm.weight"] / np.sqrt(self["norm.running_var"] + np.float32(NORM_EPS))
        return weight * scale.reshape(-1, *(1,) * (weight.ndim - 1)), -(scale * self["norm.running_mean"])

    def neuron(self, config: dict[str, Any], shape: Shape, shift: Array | None) -> dict[str, Any]:
        """Decays, and the bias with the input ``shift`` of a norm, as training uses them before it rounds the bias."""
        current, voltage = (self.decay(name, shape) for name in ("current", "voltage"))
        bias = None
        if self.prefix + "neuron.bias" in self.tensors:
            bias = _each(self["neuron.bias"], shape)
        if shift is not None:
            lost = (np.maximum(current, 1) / DECAY_UNITY).astype(np.float32)
            settled = _each(shift, shape) / lost
            bias = settled if bias is None else bias + settled
        decays = {"current_decay": current, "voltage_decay": voltage}
        return decays if bias is None else {**decays, "bias": bias, "bias_exp": config["neuron"]["bias_exp"]}

    def threshold(self, config: dict[str, Any], given: float) -> float:
        """The threshold: the learnt one, rounded as in training, or the configured one, ``given``."""
        if self.prefix + "neuron.learnt_threshold" not in self.tensors:
            return float(given)
        mantissa = np.rint(self["neuron.learnt_threshold"] * WEIGHT_SCALE)
        return float(mantissa.clip(1, config["neuron"]["threshold_max"])) / WEIGHT_SCALE


#: Kinds of neurons other than CUBA (``myelin.train.config.config.MODELS``) -> (tensors of the layer, section of the
#: configuration, arguments of ``TrainedLayer`` for CUBA neurons, shape) -> arguments of ``TrainedLayer``.
TRAINED_NEURONS: dict[str, Callable[[LayerTensors, dict[str, Any], dict[str, Any], Shape], dict[str, Any]]] = {
    "alif": trained_alif
}


def bias_integers(bias: Array, exponent: int, shape: Shape) -> tuple[npt.NDArray[Any], int]:
    """Mantissa and exponent of a bias in SLAYER's unit, rounded as in training."""
    steps = bias.astype(np.float32) * np.float32(STATE_SCALE / (1 << exponent))
    mantissa = np.rint(steps.clip(-BIAS_MANT_MAX, BIAS_MANT_MAX)).astype(np.int32)
    few = fewest(mantissa << exponent, shape)
    per_channel = len(shape) == 3 and few.size == shape[0]
    return bias_fields(few.reshape(() if few.size == 1 else (-1, 1, 1) if per_channel else shape))


def _each(values: Array, shape: Shape) -> Array:
    """``values`` of neurons or channels as one per neuron of ``shape``."""
    return values.repeat(int(np.prod(shape)) // values.size).reshape(shape)


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
