"""Graphs of Lava processes from a network, one graph for each sample.

``plan`` computes once, without Lava, the processes and their arguments.  ``build`` creates and connects them; call
``compat.prepare()`` first.  Source, sinks and probes are Lava's own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.inputs import input_values
from myelin.convert.layers.conv import as_chw
from myelin.convert.network import Layer, Network, naming_layer
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import SDNN_MESSAGE_BITS
from myelin.lava_models import loihi2
from myelin.lava_models.layers.connection import LavaConnection
from myelin.lava_models.layers.delayed_recurrent import recurrent_connections
from myelin.lava_models.layers.synapses import connections
from myelin.lava_models.neurons.processes import PROCESSES
from myelin.lava_models.sources import ring

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LayerPlan:
    """Processes of a layer.

    Attributes:
        shape: the layer's shape, (neurons,) or (channels, height, width).
        neuron: the constants of its neurons.
        arguments: arguments of the neurons' process, such as a LIF, SigmaDelta or RF.
        image: whether that process has shape (x, y, channel), as after Lava's Conv, instead of a flat one.
        forward, recurrent: the layer's connections; the activations of several are added.
    """

    shape: Shape
    neuron: Neuron
    arguments: Mapping[str, Any]
    image: bool
    forward: list[LavaConnection]
    recurrent: list[LavaConnection]


@dataclass(frozen=True)
class ProcessPlan:
    """Processes of a network; with ``chip``, only those with a known neurocore model, and adapters at both ends."""

    network: Network
    layers: list[LayerPlan]
    chip: bool


@dataclass
class ProcessGraph:
    """The graph of one sample.

    Attributes:
        root: one of its processes, through which the graph runs.
        output: returns the output after a run.
        recorded: per layer index and name, returns the recorded values after a run.
    """

    root: Any
    output: Callable[[], Array]
    recorded: dict[int, dict[str, Callable[[], Array]]] = field(default_factory=dict)


def plan(network: Network, *, chip: bool = False) -> ProcessPlan:
    """The processes of every layer and their arguments; raises NetworkError, naming the layer."""
    layers = []
    shape, delays = network.input.shape, np.zeros(network.input.shape, np.int32)
    message_bits = network.input.message_bits if network.input.neuron is None else _message_bits(network.input.neuron)
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            layers.append(_plan_layer(layer, shape, delays, message_bits, chip))
        shape, delays, message_bits = layer.shape, layer.delays, _message_bits(layer.neuron)
    return ProcessPlan(network, layers, chip)


def _plan_layer(layer: Layer, shape: Shape, delays: npt.NDArray[np.int32], message_bits: int, chip: bool) -> LayerPlan:
    """The processes of one layer; its connection carries the axonal ``delays`` of the source population of ``shape``."""
    process = PROCESSES.of(layer.neuron)
    forward = [
        replace(connection, port=port)
        for port, part in zip(process.ports, layer.synapse.parts, strict=True)
        for connection in connections(part, shape, delays, message_bits, dense=chip)
    ]
    image = forward[0].process == "Conv"
    recurrent = recurrent_connections(layer.recurrent, layer.shape, dense=chip) if layer.recurrent is not None else []
    arguments = process.arguments(layer.neuron, layer.shape, image=image)
    return LayerPlan(layer.shape, layer.neuron, arguments, image, forward, recurrent)


def _message_bits(neuron: Neuron) -> int:
    """Message bits of the connections behind these neurons; Lava's CPU models only distinguish 0 from larger values."""
    return SDNN_MESSAGE_BITS if neuron.GRADED else 0


def build(plan: ProcessPlan, values: Array, record: Mapping[int, tuple[str, ...]]) -> ProcessGraph:
    """Create and connect the processes for one sample.

    Args:
        plan: the result of ``plan``.
        values: (steps, *input shape) integers: spikes, or the values that drive the input's neurons.
        record: per layer index the names to record; -1 is the input's neurons.
    """
    network, steps = plan.network, values.shape[0]
    populations: dict[int, _Population] = {}
    if network.input.neuron is None:
        before = _source(plan, values)
    else:
        before = populations[-1] = _input_neurons(plan, values)
    for index, layer in enumerate(plan.layers):
        process = PROCESSES.of(layer.neuron).create(layer.neuron, {**layer.arguments, "name": f"layer {index} neurons"})
        population = _Population(layer.shape, layer.image, process, graded=layer.neuron.GRADED)
        for connection in layer.forward:
            process = connection.create(f"layer {index} {connection.process}")
            before.connect(process.s_in, image=connection.process == "Conv")
            population.receive(process.a_out, connection.port, image=connection.process == "Conv")
        for connection in layer.recurrent:
            process = connection.create(f"layer {index} recurrent {connection.process}")
            population.connect(process.s_in)
            population.receive(process.a_out, connection.port)
        before = populations[index] = population
    last = network.layers[-1]
    read = before.states(last.state, steps, plan.chip) if last.output == "state" else before.spikes(steps, plan.chip)
    recorded = {
        index: {
            name: populations[index].spikes(steps) if name == "spikes" else populations[index].states(name, steps)
            for name in names
        }
        for index, names in record.items()
    }
    return ProcessGraph(root=before.process, output=read, recorded=recorded)


@dataclass
class _Population:
    """A process with spikes ``s_out``, with conversion between its layout and the flat C order of (C, H, W)."""

    shape: Shape
    image: bool
    process: Any
    port: Any = None
    graded: bool = False

    def __post_init__(self) -> None:
        self.port = self.port or self.process.s_out

    def connect(self, target: Any, *, image: bool = False) -> None:
        """Send spikes to an input port that is flat, or with ``image`` of shape (x, y, channel)."""
        if image == self.image:
            self.port.connect(target)
        elif image:
            self.port.reshape(as_chw(self.shape)).transpose([2, 1, 0]).connect(target)
        else:
            self.port.transpose([2, 1, 0]).flatten().connect(target)

    def receive(self, port: Any, into: str, *, image: bool = False) -> None:
        """Receive activations at the port ``into`` from one that is flat, or with ``image`` of shape (x, y, channel)."""
        target = getattr(self.process, into)
        if image == self.image:
            port.connect(target)
        else:  # only a flat recurrence into an image: Conv's target is always an image
            port.reshape(as_chw(self.shape)).transpose([2, 1, 0]).connect(target)

    def spikes(self, steps: int, chip: bool = False) -> Callable[[], Array]:
        """Record the spikes of every step; the returned function fetches them, (steps, *shape)."""
        from lava.proc import io

        sink = io.sink.RingBuffer(shape=self.process.s_out.shape, buffer=steps)
        port = loihi2.from_chip(self.process.s_out) if chip else self.process.s_out
        port.connect(sink.a_in)
        return lambda: self._ordered(sink.data.get()).astype(np.int32 if self.graded else np.uint8)

    def states(self, name: str, steps: int, chip: bool = False) -> Callable[[], Array]:
        """Record a state after every step; the returned function fetches it, (steps, *shape)."""
        from lava.proc import io

        variable = getattr(self.process, name)
        if chip:
            probe = io.sink.RingBuffer(shape=variable.shape, buffer=steps)
            loihi2.state_from_chip(variable).connect(probe.a_in)
        else:
            probe = io.sink.Read(buffer=steps)
            probe.connect_var(variable)
        return lambda: self._ordered(probe.data.get()).astype(np.int32)

    def _ordered(self, data: Array) -> Array:
        """A sink's data, which has time last, as (steps, *shape)."""
        return data.transpose(3, 2, 1, 0) if self.image else data.T.reshape(-1, *self.shape)


def _source(plan: ProcessPlan, values: Array) -> _Population:
    shape, image = plan.network.input.shape, plan.layers[0].image
    source = ring(values, image)
    port = loihi2.to_chip(source.s_out, plan.network.input.message_bits, image) if plan.chip else source.s_out
    return _Population(as_chw(shape) if image else shape, image, source, port)


def _input_neurons(plan: ProcessPlan, values: Array) -> _Population:
    """The neurons of netx's input layer, driven by ``weight * x + bias``: the bias of LIFs or the input of delta encoders."""
    source, image = plan.network.input, plan.layers[0].image and len(plan.network.input.shape) == 3
    assert source.neuron is not None
    process = PROCESSES.of(source.neuron)
    if process.drive is None:
        raise NetworkError(f"Lava's process for {source.neuron.LABEL} cannot be driven by an input")
    arguments = {**process.arguments(source.neuron, source.shape, image=image), "name": "input neurons"}
    made = process.drive(source.neuron, arguments, input_values(source, values), image)
    return _Population(source.shape, image, made, graded=source.neuron.GRADED)
