"""The integer network, the single type shared by files, simulator, hardware rules, mapping and Lava.

Alignment, the same in every backend: index ``t`` of a recording is Lava's step ``t + 1``.  A spike that enters at index t
reaches the first layer's neurons at t + 1.  A spike of layer l at t reaches layer l + 1 at ``t + 1 + delay_steps``.  A layer's
spikes therefore equal those of a SLAYER block with ``delay_shift=True`` at the same index.  Statements about spikes also hold
for the graded messages of sigma-delta neurons.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from myelin.convert import notebook
from myelin.convert.arrays import IntArray, Shape, check_broadcast, check_range, frozen_int, scalar_int
from myelin.convert.layers import DelayedRecurrent
from myelin.convert.layers.dense import DELAY_LIMIT_STEPS
from myelin.convert.layers.synapse import Synapse
from myelin.convert.neurons import NEURONS, Cuba, Neuron
from myelin.hw_configs.argument_checks import COUNT_MAX, path_of, shown, whole
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import MESSAGE_BITS_MAX

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class Input:
    """The input of a network.

    Attributes:
        shape: (neurons,) or (channels, height, width).
        message_bits: 0 for spikes of 0 or 1; otherwise spikes carry integers below ``2 ** message_bits``.  Delta encoders take
            values of both signs, with the magnitudes allowed for spikes.
        neuron: None if spikes enter directly; else neurons driven by ``weight * x + bias`` in each step, without the latency of
            a connection (netx's input layer).  The drive is the bias mantissa of CUBA neurons, or the value of delta encoders.
        weight, bias: of the drive; the default weight is netx's 64 for CUBA neurons and 1 for delta encoders.
    """

    shape: Shape
    message_bits: int = 0
    neuron: Neuron | None = None
    weight: int = None  # type: ignore[assignment]  # becomes a number below
    bias: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checked_shape(self.shape))
        object.__setattr__(self, "message_bits", scalar_int("message_bits", self.message_bits, 0, MESSAGE_BITS_MAX))
        if self.weight is None:
            object.__setattr__(self, "weight", Cuba.INPUT_WEIGHT if self.neuron is None else self.neuron.INPUT_WEIGHT)
        for name in ("weight", "bias"):
            object.__setattr__(self, name, scalar_int(f"{name} of the input", getattr(self, name), -(2**31), 2**31 - 1))
        if self.neuron is not None:
            _check_neuron("the input", self.neuron)
            self.neuron.check_input()
            self.neuron.check_shape(self.shape)

    def __repr__(self) -> str:
        neurons = "" if self.neuron is None else f", {type(self.neuron).__name__} neurons"
        return f"Input of {notebook.size(self.shape)}: values {self.min_value}..{self.max_value}{neurons}"

    @property
    def max_value(self) -> int:
        """Largest value allowed for an input element."""
        return (1 << self.message_bits) - 1 if self.message_bits else 1

    @property
    def min_value(self) -> int:
        """Smallest value allowed for an input element."""
        return -self.max_value if self.neuron is not None and self.neuron.SIGNED_INPUT else 0


@dataclass(frozen=True, eq=False)
class Layer:
    """A population of neurons with its incoming connections.

    Attributes:
        shape: (neurons,) or (channels, height, width).
        synapse: feed-forward connection from the previous population.
        neuron: constants of its neurons; some kinds can only be a readout of states.
        delay_steps: axonal delay of the spikes that each neuron sends, in steps; scalar () or broadcastable to shape.
        recurrent: connection to itself, or None.
        output: "spikes", or "state" for a non-spiking readout: a voltage or a sigma.
    """

    shape: Shape
    synapse: Synapse
    neuron: Neuron
    delay_steps: IntArray = field(default_factory=lambda: np.zeros((), np.int32))
    recurrent: DelayedRecurrent | None = None
    output: Literal["spikes", "state"] = "spikes"

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", _checked_shape(self.shape))
        delay = frozen_int("delay_steps", self.delay_steps)
        check_range("delay_steps", delay, 0, DELAY_LIMIT_STEPS)
        check_broadcast("delay_steps", delay, self.shape)
        object.__setattr__(self, "delay_steps", delay)
        _check_neuron("a layer", self.neuron)
        self.neuron.check_shape(self.shape)
        _check_is("synapse", self.synapse, Synapse)
        if len(self.synapse.parts) != len(self.neuron.INPUTS):
            raise NetworkError(
                f"{self.synapse.kind} weights give {_sums(len(self.synapse.parts))} for each neuron, {self.neuron.LABEL} take "
                f"{_sums(len(self.neuron.INPUTS))}; resonate-and-fire neurons have complex weights, all others real ones"
            )
        if self.recurrent is not None:
            _check_is("recurrent", self.recurrent, DelayedRecurrent)
            self.recurrent.check_shape(self.shape)
        if self.output not in ("spikes", "state"):
            raise NetworkError(f"output is {self.output!r}; 'spikes' or 'state' is allowed")
        self.neuron.check_layer(self.output, self.recurrent is not None)
        if self.output == "state" and (self.recurrent is not None or delay.any()):
            raise NetworkError("a readout of states has no spikes, so neither recurrence nor axonal delay is allowed")

    def __repr__(self) -> str:
        return notebook.layer_text(self)

    @property
    def kind(self) -> str:
        """Name of the layer in messages: the kinds of its feed-forward and its recurrent connection."""
        if self.recurrent is None:
            return self.synapse.kind
        return f"{self.synapse.kind}, recurrent {self.recurrent.synapse.kind}"

    @property
    def state(self) -> str:
        """Name of the state that is the output of a readout of states; NetworkError if the neurons have none."""
        if self.neuron.READOUT is None:
            raise NetworkError(f"{type(self.neuron).__name__} neurons have no state that a readout gives")
        return self.neuron.READOUT

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return math.prod(self.shape)

    @property
    def delays(self) -> IntArray:
        """Axonal delay of every neuron in steps, in the layer's shape."""
        return np.broadcast_to(self.delay_steps, self.shape)


@dataclass(frozen=True, eq=False)
class Network:
    """A feed-forward chain of layers in integers; each layer may have a recurrence.

    Attributes:
        input: the input.
        layers: at least one; only the last may have states as output.
        average_groups: number of classes if the network ends in an ``average`` layer (mean over equal groups), else None.

    Raises:
        NetworkError: layers do not fit together; the message names the layer.
    """

    input: Input
    layers: tuple[Layer, ...]
    average_groups: int | None = None

    def __post_init__(self) -> None:
        _check_is("input", self.input, Input)
        if not isinstance(self.layers, Iterable):
            raise NetworkError(f"layers is {shown(self.layers)}; a list of Layer is allowed")
        object.__setattr__(self, "layers", tuple(self.layers))
        for index, layer in enumerate(self.layers):
            _check_is(f"layers[{index}]", layer, Layer)
        if not self.layers:
            raise NetworkError("a network has no layers; at least one is needed")
        shape = self.input.shape
        for index, layer in enumerate(self.layers):
            with naming_layer(index, layer.kind):
                got = layer.synapse.output_shape(shape)
                if not layer.synapse.reaches(shape, layer.shape):
                    raise NetworkError(f"its weights reach a population of shape {got}, the layer says {layer.shape}")
                if layer.output == "state" and index != len(self.layers) - 1:
                    raise NetworkError("only the last layer may give states")
            shape = layer.shape
        if self.average_groups is not None:
            object.__setattr__(self, "average_groups", scalar_int("average_groups", self.average_groups, 1, COUNT_MAX))
            if self.layers[-1].neurons % self.average_groups:
                raise NetworkError(
                    f"average_groups is {self.average_groups}; a divisor of {self.layers[-1].neurons} is allowed"
                )

    def __repr__(self) -> str:
        return notebook.network_text(self, self.input)

    def _repr_html_(self) -> str:
        return notebook.network_html(self, self.input)

    def plot_delays(
        self,
        *,
        limit_steps: int | None = None,
        step_ms: float | None = None,
        path: str | os.PathLike[str] | None = None,
    ) -> Figure:
        """A figure with a histogram of the delays of each layer: axonal, recurrent and synaptic ones, in bins of one step.

        Args:
            limit_steps: longest delay of the target, drawn as a line.
            step_ms: length of a step, for the axis; None if unknown.
            path: PNG file to write too; None for none.

        Raises:
            ConfigError: the file cannot be written.
        """
        from myelin.convert.plots import delays_figure, saved

        return saved(delays_figure(self, limit_steps=limit_steps, step_ms=step_ms), path)

    def neuron(self, index: int) -> Neuron | None:
        """Constants of the neurons of layer ``index``; for -1 those of the input, or None if it has none."""
        return self.input.neuron if index < 0 else self.layers[index].neuron

    def spike_dtype(self, index: int) -> type[np.uint8 | np.int32]:
        """Type of the spikes of layer ``index``: uint8 for spikes of 0 or 1, int32 for graded messages."""
        neuron = self.neuron(index)
        return np.int32 if neuron is not None and neuron.GRADED else np.uint8

    @property
    def output_dtype(self) -> type[np.uint8 | np.int32]:
        """Type of ``Recording.output``."""
        return np.int32 if self.layers[-1].output == "state" else self.spike_dtype(len(self.layers) - 1)

    @property
    def output_scale(self) -> int:
        """The integer of ``Recording.output`` that is 1 in SLAYER's units: of spikes, or of the state of a readout."""
        last, before = self.layers[-1].neuron, self.neuron(len(self.layers) - 2)
        if self.layers[-1].output == "spikes":
            return last.spike_scale
        return last.readout_scale(1 if before is None else before.spike_scale)

    @property
    def output_shape(self) -> Shape:
        """Shape of the last layer."""
        return self.layers[-1].shape

    @property
    def num_classes(self) -> int:
        """Number of class scores."""
        return self.average_groups or self.layers[-1].neurons

    @property
    def max_delay_steps(self) -> int:
        """Longest axonal or synaptic delay of the network, in steps."""
        longest = 0
        for layer in self.layers:
            delays = [layer.delay_steps]
            if layer.recurrent is not None:
                delays.append(layer.recurrent.delay_steps)
            for synapse in (layer.synapse, layer.recurrent.synapse if layer.recurrent else None):
                if synapse is not None and synapse.delay_steps is not None:
                    delays.append(synapse.delay_steps)
            longest = max(longest, *(int(values.max(initial=0)) for values in delays))
        return longest


class naming_layer:
    """Context ``with naming_layer(2, "dense"):`` that prefixes a NetworkError with ``layer 2 (dense): ``."""

    def __init__(self, index: int, kind: str) -> None:
        self.prefix = f"layer {index} ({kind}): "

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NetworkError) and not str(error).startswith("layer "):
            raise NetworkError(self.prefix + str(error)) from error


def _sums(count: int) -> str:
    return f"{count} sum{'s'[: count != 1]}"


def _check_neuron(where: str, neuron: object) -> None:
    if not isinstance(neuron, Neuron):
        raise NetworkError(
            f"{where} has neurons of type {type(neuron).__name__}; subclasses of myelin.convert.neurons.Neuron are allowed, "
            f"such as {', '.join(kind.__name__ for kind in NEURONS.values())}"
        )


def _check_is(name: str, value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise NetworkError(f"{name} is {shown(value)}; a {kind.__name__} is allowed")


def check_writable(function: str, network: object, path: object) -> None:
    """Raise NetworkError unless a network and a path were given, in this order."""
    if not isinstance(network, Network):
        raise NetworkError(
            f"{function} got {shown(network)} as the network; a Network is allowed: `.network` of what myelin.read returned"
        )
    path_of("path", path, NetworkError)


def _checked_shape(shape: Shape) -> Shape:
    try:
        sizes = list(shape)
    except TypeError:
        raise NetworkError(
            f"a population has shape {shown(shape)}; (neurons,) or (channels, height, width) is allowed"
        ) from None
    result = tuple(whole("a size of a population", size, error=NetworkError) for size in sizes)
    if len(result) not in (1, 3) or min(result) < 1:
        raise NetworkError(f"a population has shape {result}; (neurons,) or (channels, height, width) is allowed")
    return result
