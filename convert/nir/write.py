"""Conversion of a ``Network`` to a NIR graph, as described in ``myelin.convert.nir.format``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import IntArray, Shape
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, dequantised
from myelin.convert.floats.neuron import FloatNeuron
from myelin.convert.floats.twins import TWINS
from myelin.convert.layers.conv import as_chw, unroll
from myelin.convert.network import Input, Layer, Network, naming_layer
from myelin.convert.neurons import Cuba, Neuron
from myelin.convert.nir.graph import NirGraph
from myelin.convert.registry import Handlers
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import STATE_SCALE, STATE_SHIFT

#: Decay that replaces 0, since NIR's leaky neurons have finite time constants.  In float32 1 - 2^-32 is 1.
NO_DECAY = 2.0**-32
#: A readout of states with at least this threshold counts as one that never spikes (ml_genn_netx writes it).
STATE_THRESHOLD_MIN = 1 << 16
#: Upper bound on the weights of an unrolled convolution.
_MAX_WEIGHTS = 1 << 26


#: Type and parameters of a node: (float neuron, shape of the layer, shape in the graph, seconds per time step).
NODES: Handlers[Callable[[Any, Shape, Shape, float], tuple[str, dict[str, Any]]]] = Handlers(
    "has {name} neurons; NIR has no node for them"
)


class _Population(NamedTuple):
    """Neurons in the graph: the node that sends their spikes, their shape in the graph, and their shape in the network."""

    node: str
    shape: Shape
    own: Shape


def graph_of(network: Network, dt_s: float, step_latency: bool) -> NirGraph:
    """The nodes and edges of ``network``, without metadata; ``myelin.convert.nir.format.write_nir`` documents the errors."""
    _check(network, step_latency)
    floats = dequantised(replace(network, input=Input(network.input.shape, network.input.message_bits)))
    graph = NirGraph()
    before = _input(graph, network.input, dt_s)
    axonal: IntArray = np.zeros((), np.int32)
    for index, (layer, values) in enumerate(zip(network.layers, floats.layers, strict=True)):
        with naming_layer(index, layer.kind):
            writer = _LayerWriter(graph, index, dt_s)
            before = writer.write(layer, values, before, axonal, int(step_latency))
        axonal = layer.delay_steps
    place = _delay(graph, "output_delay", before, axonal, 0, dt_s)
    graph.add("output", "Output", place, output_type=np.array(before.shape))
    return graph


def _check(network: Network, step_latency: bool) -> None:
    source = network.input.neuron
    if source is not None and not isinstance(_twin(source), FloatCuba):
        raise NetworkError(f"the input drives {type(source).__name__} neurons; NIR has no node for them, only for CUBA neurons")
    for index, layer in enumerate(network.layers):
        with naming_layer(index, layer.kind):
            twin = TWINS.get(layer.neuron)
            if twin is None or NODES.get(twin(layer.neuron, layer.output)) is None:
                raise NetworkError(
                    f"has {type(layer.neuron).__name__} neurons; NIR has no node for them, only for CUBA neurons"
                )
            above = layer.neuron.reset_above
            if layer.output == "state" and above is not None and above >> STATE_SHIFT < STATE_THRESHOLD_MIN:
                raise NetworkError(
                    f"is a readout of states whose neurons spike at threshold {above >> STATE_SHIFT}; NIR's readout (CubaLI) "
                    f"never spikes: a threshold of at least {STATE_THRESHOLD_MIN} can be written"
                )
            if not step_latency and layer.neuron.has_bias:
                raise NetworkError(
                    "has a bias, which acts from the first step on, so without the latency of its connections it would compute "
                    "something else: write the latency too"
                )


def _twin(neuron: Neuron) -> FloatNeuron | None:
    """The float twin of spiking neurons; None if there is none."""
    twin = TWINS.get(neuron)
    return None if twin is None else twin(neuron, "spikes")


def _input(graph: NirGraph, source: Input, dt_s: float) -> _Population:
    """The input, and the neurons that it drives: a Scale and a LIF, since their synapse filter never gets anything."""
    place = graph.add("input", "Input", input_type=np.array(source.shape))
    if source.neuron is None:
        return _Population(place, source.shape, source.shape)
    twin = _twin(source.neuron)
    assert isinstance(twin, FloatCuba) and twin.threshold is not None and isinstance(source.neuron, Cuba)
    unit = 2.0**source.neuron.bias_exp / STATE_SCALE
    voltage, bias = (np.broadcast_to(values, source.shape) for values in (twin.voltage_decay, twin.bias))
    voltage = np.where(voltage == 0, NO_DECAY, voltage)
    place = graph.add("input_scale", "Scale", place, scale=np.full(source.shape, source.weight * unit, np.float32))
    fields = {
        "tau": dt_s / voltage,
        "r": 1 / voltage,
        "v_leak": (bias + source.bias * unit) / voltage,
        "v_threshold": np.full(source.shape, twin.threshold),
        "v_reset": np.zeros(source.shape),
    }
    fields = {name: np.asarray(values, np.float32) for name, values in fields.items()}
    return _Population(graph.add("input_neurons", "LIF", place, **fields), source.shape, source.shape)


class _LayerWriter:
    """Adds one layer to a graph."""

    def __init__(self, graph: NirGraph, index: int, dt_s: float) -> None:
        self.graph = graph
        self.index = index
        self.dt_s = dt_s

    def write(self, layer: Layer, values: FloatLayer, before: _Population, axonal: IntArray, latency: int) -> _Population:
        """Add the connections from ``before``, the neurons and the recurrence; returns the population."""
        dense_recurrence = layer.recurrent is not None and not layer.recurrent.synapse.SPATIAL
        grid = layer.synapse.SPATIAL and len(before.shape) == 3
        shape = layer.shape if grid and not dense_recurrence else (layer.neurons,)
        kind, fields = NODES.of(values.neuron)(values.neuron, values.shape, shape, self.dt_s)
        neurons = self.graph.add(f"neurons_{self.index}", kind, **fields)
        population = _Population(neurons, shape, layer.shape)
        self._connect("", values.synapse, before, population, axonal, latency)
        if layer.recurrent is not None and values.recurrent is not None:
            self._connect("recurrent_", values.recurrent.synapse, population, population, layer.recurrent.delay_steps, 0)
        return population

    def _connect(
        self, prefix: str, synapse: Any, source: _Population, target: _Population, axonal: IntArray, latency: int
    ) -> None:
        for suffix, steps, part in _branches(synapse):
            end = f"_{self.index}{suffix}"
            place = _delay(self.graph, f"{prefix}delay{end}", source, axonal, latency + steps, self.dt_s)
            if isinstance(part, FloatConv) and len(source.shape) == 3:
                place = self.graph.add(f"{prefix}conv2d{end}", "Conv2d", place, **_conv(part, source.shape))
                reached = part.output_shape(source.shape)
            else:
                if len(source.shape) == 3:
                    name = f"{prefix}flatten{end}"
                    place = self.graph.add(name, "Flatten", place, input_type=np.array(source.shape), start_dim=0, end_dim=-1)
                weight = part.weight if isinstance(part, FloatDense) else _unrolled(part, source.own)
                place = self.graph.add(f"{prefix}linear{end}", "Linear", place, weight=weight.astype(np.float32))
                reached = (weight.shape[0],)
            if reached != target.shape:
                name = f"{prefix}flatten{end}"
                place = self.graph.add(name, "Flatten", place, input_type=np.array(reached), start_dim=0, end_dim=-1)
            self.graph.edges.append((place, target.node))


def _delay(graph: NirGraph, name: str, source: _Population, axonal: IntArray, more: int, dt_s: float) -> str:
    """The node whose output is delayed by axonal + more steps: a new Delay, or ``source.node`` if the delay is 0."""
    steps = np.broadcast_to(axonal, source.own).reshape(source.shape) + more
    if not steps.any():
        return source.node
    return graph.add(name, "Delay", source.node, delay=(steps * dt_s).astype(np.float32))


def _branches(synapse: FloatDense | FloatConv) -> Iterator[tuple[str, int, FloatDense | FloatConv]]:
    """Yields (name, synaptic delay in steps, the synapses with this delay); NIR delays nodes, not synapses."""
    if isinstance(synapse, FloatConv) or synapse.delay_steps is None:
        yield "", 0, synapse
        return
    for steps in np.unique(synapse.delay_steps).astype(int).tolist():
        yield f"_late{steps}", steps, FloatDense(np.where(synapse.delay_steps == steps, synapse.weight, 0.0))


@NODES.register(FloatCuba)
def _cuba_node(neuron: FloatCuba, own: Shape, shape: Shape, dt_s: float) -> tuple[str, dict[str, Any]]:
    """Type and parameters of the node; ``myelin.convert.nir.format`` has the equations."""
    current, voltage, bias = (
        np.broadcast_to(values, own).reshape(shape) for values in (neuron.current_decay, neuron.voltage_decay, neuron.bias)
    )
    current, voltage = (np.where(decay == 0, NO_DECAY, decay) for decay in (current, voltage))
    fields = {
        "tau_syn": dt_s / current,
        "tau_mem": dt_s / voltage,
        "r": 1 / voltage,
        "v_leak": bias / voltage,
        "w_in": 1 / current,
    }
    if neuron.threshold is not None:
        fields |= {"v_threshold": np.full(shape, neuron.threshold), "v_reset": np.zeros(shape)}
    kind = "CubaLI" if neuron.threshold is None else "CubaLIF"
    return kind, {name: np.asarray(values, np.float32) for name, values in fields.items()}


def _conv(synapse: FloatConv, source: Shape) -> dict[str, Any]:
    """Fields of a Conv2d node; groups become zero weights, since nir's type check mistakes a group for all channels."""
    outputs, depth = synapse.weight.shape[:2]
    weight = np.zeros((outputs, depth * synapse.groups, *synapse.weight.shape[2:]), np.float32)
    for group in range(synapse.groups):
        rows = slice(group * outputs // synapse.groups, (group + 1) * outputs // synapse.groups)
        weight[rows, group * depth : (group + 1) * depth] = synapse.weight[rows]
    weight, padding = _squared(weight, synapse.padding, synapse.dilation)
    return {
        "input_shape": tuple(source[1:]),
        "weight": weight,
        "stride": synapse.stride,
        "padding": padding,
        "dilation": synapse.dilation,
        "groups": 1,
        "bias": np.zeros(outputs, np.float32),
    }


def _squared(
    weight: npt.NDArray[np.float32], padding: tuple[int, int], dilation: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], tuple[int, int]]:
    """The kernel padded with zeros to a square, and the padding adjusted to it; unchanged if one side is even and one odd.

    nir 1.0.8 mistakes the height of a kernel for its width when it checks shapes (``ir/conv.py``), so it rejects others.
    """
    sides = weight.shape[2:]
    if (sides[0] - sides[1]) % 2:
        return weight, padding
    more = [(max(sides) - side) // 2 for side in sides]
    squared = np.pad(weight, ((0, 0), (0, 0), *((size, size) for size in more)))
    return squared, (padding[0] + more[0] * dilation[0], padding[1] + more[1] * dilation[1])


def _unrolled(synapse: FloatConv, source: Shape) -> npt.NDArray[np.float64]:
    """The matrix of a convolution whose source neurons are a row in the graph: NIR has no node that unflattens a row."""
    listed = unroll(synapse, as_chw(source))
    if listed.shape[0] * listed.shape[1] > _MAX_WEIGHTS:
        raise NetworkError(
            f"its convolution of neurons in a row is a matrix of {listed.shape[0]} x {listed.shape[1]} in NIR; at most "
            f"{_MAX_WEIGHTS} weights are written"
        )
    matrix = np.zeros(listed.shape)
    matrix[listed.target, listed.source] = listed.weight
    return matrix
