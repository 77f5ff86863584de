"""The float network, from any framework or file; quantisation turns it into a ``Network``.

A float network is a chain of layers as in ``myelin.convert.network``, in floats of any scale.  Each layer computes per step t,
with s the spikes of the layer before and d the delays in steps::

    x     = W s[t - 1 - d] + R own[t - 1 - d_rec]      own: the layer's own spikes
    own   = neuron(x)                                  ``myelin.convert.floats.cuba`` for CUBA neurons

Each connection has a latency of one step, which the delays do not include.  The integer network of the same structure computes
the same, except for rounding and the limits of its ranges.  Scaling weights, bias and threshold of a layer together changes no
spike.  In the unit of ``dequantised``, which is SLAYER's, weight 1 is the integer 64 and voltage 1 is the integer 4096.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from myelin.convert import notebook
from myelin.convert.arrays import IntArray, Shape, check_broadcast
from myelin.convert.delays import with_delays
from myelin.convert.floats.neuron import FloatArray, FloatNeuron, frozen_float
from myelin.convert.floats.twins import TWINS
from myelin.convert.layers import ComplexConv, ComplexDense, Conv, DelayedRecurrent, Dense, Synapse
from myelin.convert.layers.complex import complex_synapse
from myelin.convert.layers.dense import DELAY_LIMIT_STEPS
from myelin.convert.network import Input, Layer, Network, naming_layer
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import WEIGHT_SCALE


@dataclass(frozen=True, eq=False)
class FloatDense:
    """Dense connection.

    Attributes:
        weight: (out, in).
        delay_steps: synaptic delays (out, in) in steps, fractions allowed, or None for none.
    """

    weight: FloatArray
    delay_steps: FloatArray | None = None

    def __post_init__(self) -> None:
        _freeze(self, "weight", frozen_float("dense weight", self.weight))
        if self.weight.ndim != 2:
            raise NetworkError(f"dense weight has shape {self.weight.shape}; (out, in) is allowed")
        if self.delay_steps is not None:
            delay = frozen_float("synaptic delay_steps", self.delay_steps, 0, DELAY_LIMIT_STEPS)
            if delay.shape != self.weight.shape:
                raise NetworkError(f"synaptic delay_steps has shape {delay.shape}; the weight's {self.weight.shape} is allowed")
            _freeze(self, "delay_steps", delay)

    @property
    def kind(self) -> str:
        """Name of this connection in messages."""
        return "dense"

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the target neurons for ``input_shape``, which is flattened in C order."""
        return Dense(np.zeros(self.weight.shape, np.int32)).output_shape(input_shape)


@dataclass(frozen=True, eq=False)
class FloatConv:
    """Convolution as ``myelin.convert.layers.Conv``, with float weights (out, in / groups, height, width)."""

    weight: FloatArray
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        _freeze(self, "weight", frozen_float("conv weight", self.weight))
        geometry = self.quantised(np.zeros(self.weight.shape, np.int32))
        for name in ("stride", "padding", "dilation"):
            _freeze(self, name, getattr(geometry, name))

    @property
    def kind(self) -> str:
        """Name of this connection in messages."""
        return "conv"

    def quantised(self, weight: npt.ArrayLike) -> Conv:
        """The same convolution with these integer weights."""
        return Conv(np.asarray(weight), self.stride, self.padding, self.dilation, self.groups)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape (C, H, W) of the target neurons for ``input_shape``."""
        return self.quantised(np.zeros(self.weight.shape, np.int32)).output_shape(input_shape)


@dataclass(frozen=True, eq=False)
class FloatComplex:
    """Connection with complex weights: the real and the imaginary ones, which share all else; see ``ComplexDense``."""

    real: FloatDense | FloatConv
    imag: FloatDense | FloatConv

    def __post_init__(self) -> None:
        self.quantised(np.zeros(self.weight.shape, np.int32))

    @property
    def kind(self) -> str:
        """Name of this connection in messages."""
        return f"complex {self.real.kind}"

    @property
    def weight(self) -> FloatArray:
        """(2, ...) the real and the imaginary weights."""
        return np.stack([self.real.weight, self.imag.weight])

    def quantised(self, weight: npt.ArrayLike) -> ComplexDense | ComplexConv:
        """The same connection with these integer weights (2, ...)."""
        real, imag = (
            Dense(values) if isinstance(part, FloatDense) else part.quantised(values)
            for part, values in zip((self.real, self.imag), np.asarray(weight), strict=True)
        )
        return complex_synapse(real, imag)

    def output_shape(self, input_shape: Shape) -> Shape:
        """Shape of the target neurons for ``input_shape``."""
        return self.real.output_shape(input_shape)


@dataclass(frozen=True, eq=False)
class FloatRecurrent:
    """Connection of a layer to itself; ``delay_steps`` as in ``myelin.convert.layers.DelayedRecurrent``, fractions allowed."""

    synapse: FloatDense | FloatConv
    delay_steps: FloatArray = field(default_factory=lambda: np.zeros(()))

    def __post_init__(self) -> None:
        delay = frozen_float("recurrent delay_steps", self.delay_steps, 0, DELAY_LIMIT_STEPS)
        _freeze(self, "delay_steps", delay)

    def check_shape(self, shape: Shape) -> None:
        """Raise NetworkError unless the connection maps ``shape`` to itself and the delays broadcast to it."""
        zero = np.zeros(self.synapse.weight.shape, np.int32)
        synapse = Dense(zero) if isinstance(self.synapse, FloatDense) else self.synapse.quantised(zero)
        DelayedRecurrent(synapse, np.zeros(self.delay_steps.shape, np.int32)).check_shape(shape)


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """A population of neurons with its incoming connections.

    Attributes:
        shape: (neurons,) or (channels, height, width).
        synapse: feed-forward connection from the population before.
        neuron: constants of its neurons; they also determine whether the layer outputs spikes or a state.
        delay_steps: axonal delay of each neuron's outgoing spikes in steps, fractions allowed; scalar () or broadcastable to
            ``shape``.
        recurrent: connection to itself, or None.
    """

    shape: Shape
    synapse: FloatDense | FloatConv | FloatComplex
    neuron: FloatNeuron
    delay_steps: FloatArray = field(default_factory=lambda: np.zeros(()))
    recurrent: FloatRecurrent | None = None

    def __post_init__(self) -> None:
        _freeze(self, "shape", tuple(int(size) for size in self.shape))
        self.neuron.check_shape(self.shape)
        delay = frozen_float("delay_steps", self.delay_steps, 0.0, DELAY_LIMIT_STEPS)
        check_broadcast("delay_steps", delay, self.shape)
        _freeze(self, "delay_steps", delay)
        if self.output == "state" and (self.recurrent is not None or delay.any()):
            raise NetworkError("a readout of states has no spikes, so neither recurrence nor axonal delay is allowed")
        if self.recurrent is not None:
            self.recurrent.check_shape(self.shape)

    @property
    def output(self) -> Literal["spikes", "state"]:
        """The output of the layer: "spikes", or "state" for a non-spiking readout."""
        return self.neuron.output

    @property
    def kind(self) -> str:
        """Name of the layer in messages."""
        return self.synapse.kind if self.recurrent is None else f"{self.synapse.kind}, recurrent {self.recurrent.synapse.kind}"

    @property
    def real_synapse(self) -> FloatDense | FloatConv:
        """The feed-forward connection; NetworkError if its weights are complex, which are taken as integers only."""
        if isinstance(self.synapse, FloatComplex):
            raise NetworkError(
                f"{self.kind} weights are taken as they are, in integers: floats of them are neither run nor quantised; train "
                "with SLAYER's pre_hook_fx=quantize_8bit, and leave calibrate out"
            )
        return self.synapse

    @property
    def connections(self) -> tuple[FloatDense | FloatConv, ...]:
        """The feed-forward connection, and the recurrent one if there is one."""
        synapse = self.real_synapse
        return (synapse,) if self.recurrent is None else (synapse, self.recurrent.synapse)


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """A feed-forward chain of layers, each possibly recurrent, in floats.

    Attributes:
        input_shape: (neurons,) or (channels, height, width).
        layers: at least one layer; only the last may output states.
        message_bits: as ``myelin.convert.network.Input.message_bits``.
        average_groups: as ``myelin.convert.network.Network.average_groups``.

    Raises:
        NetworkError: layers do not fit together; the message names the layer.
    """

    input_shape: Shape
    layers: tuple[FloatLayer, ...]
    message_bits: int = 0
    average_groups: int | None = None

    def __post_init__(self) -> None:
        _freeze(self, "layers", tuple(self.layers))
        _freeze(self, "input_shape", Input(self.input_shape, self.message_bits).shape)
        with_structure_of(self)

    def __repr__(self) -> str:
        return notebook.network_text(self, Input(self.input_shape, self.message_bits))

    def _repr_html_(self) -> str:
        return notebook.network_html(self, Input(self.input_shape, self.message_bits))

    @property
    def output_shape(self) -> Shape:
        """Shape of the last layer."""
        return self.layers[-1].shape

    def map_delays(self, change: Any) -> FloatNetwork:
        """This network with every array of delays replaced by ``change(array)``, such as ``np.rint`` or ``np.floor``."""
        return replace(self, layers=with_delays(self.layers, change))


def with_structure_of(network: FloatNetwork) -> Network:
    """The integer network of the same structure, all weights and constants zero; raises NetworkError if there is none."""

    def zeros(connection: FloatDense | FloatConv | FloatComplex) -> Synapse:
        zero = np.zeros(connection.weight.shape, np.int32)
        return Dense(zero) if isinstance(connection, FloatDense) else connection.quantised(zero)

    none = np.zeros((), np.int32)
    layers = []
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            recurrent = None if layer.recurrent is None else DelayedRecurrent(zeros(layer.recurrent.synapse))
            layers.append(Layer(layer.shape, zeros(layer.synapse), layer.neuron.structure(), none, recurrent, layer.output))
    return Network(Input(network.input_shape, network.message_bits), tuple(layers), network.average_groups)


def dequantised(network: Network) -> FloatNetwork:
    """The float network equivalent to ``network``, in SLAYER's unit; exact except for the floors of negative weight exponents.

    Raises:
        NetworkError: neurons without a float counterpart, such as sigma-delta neurons, or neurons in the input.
    """
    if network.input.neuron is not None:
        raise NetworkError(
            f"the input drives {type(network.input.neuron).__name__} neurons; a float network takes spikes at its input"
        )
    layers: list[FloatLayer] = []
    shape = network.input.shape
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            recurrent = None
            if layer.recurrent is not None:
                own = dequantised_synapse(layer.recurrent.synapse, layer.shape)
                recurrent = FloatRecurrent(own, layer.recurrent.delay_steps.astype(np.float64))
            synapse = dequantised_synapse(layer.synapse, shape)
            neuron = TWINS.of(layer.neuron)(layer.neuron, layer.output)
            layers.append(FloatLayer(layer.shape, synapse, neuron, layer.delay_steps.astype(np.float64), recurrent))
        shape = layer.shape
    return FloatNetwork(network.input.shape, tuple(layers), network.input.message_bits, network.average_groups)


def dequantised_synapse(synapse: Synapse, input_shape: Shape) -> FloatDense | FloatConv:
    """The float connection equivalent to an integer one; a connection without a float class becomes a dense matrix."""
    if isinstance(synapse, Conv):
        return FloatConv(synapse.weight / WEIGHT_SCALE, synapse.stride, synapse.padding, synapse.dilation, synapse.groups)
    dense = synapse.as_dense(input_shape)
    delay: IntArray | None = dense.delay_steps
    weight = dense.weight / WEIGHT_SCALE * 2.0**dense.weight_exp
    return FloatDense(weight, None if delay is None else delay.astype(np.float64))


def _freeze(owner: object, name: str, value: object) -> None:
    object.__setattr__(owner, name, value)
