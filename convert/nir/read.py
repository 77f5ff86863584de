"""Conversion of a NIR graph to a ``FloatNetwork``: nodes become layers, the paths between them connections.

Each node with a state is a layer.  Delays before the weights are axonal delays of the source layer.  Delays after the weights,
and different delays on parallel paths, are synaptic.  The input has no axonal delays, so its delays are synaptic too.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.cuba import FloatCuba
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent
from myelin.convert.nir.graph import NirGraph
from myelin.convert.nir.neurons import NEURONS, Constants, neuron_constants
from myelin.convert.nir.paths import Way, ways_to
from myelin.convert.nir.timing import TimeStep
from myelin.hw_configs.errors import NetworkError

#: Delays that are this close to an integer, in steps, count as the integer: a file has seconds as 32-bit floats.
_TOLERANCE = 1e-4


def float_network(graph: NirGraph, step: TimeStep, latency: int, settled_bias: bool) -> FloatNetwork:
    """The network of ``graph``; ``myelin.convert.nir.format.read_nir`` documents arguments and errors.

    ``step`` gives the time; ``latency`` is 1 if feed-forward delays include the step of latency of each connection, else 0.
    """
    source, output = _ends(graph)
    dt_s = step.dt_s
    shape = _input_shape(graph, source)
    order = _chain(graph, source)
    shapes: dict[str, Shape] = {source: shape}  # in the graph, where the neurons of a convolution may be flattened
    layers: list[FloatLayer] = []
    before = source
    for name in order:
        with graph.naming(name):
            forward = _weighted_ways(graph, name, before, shapes, dt_s)
            shapes[name] = forward[0].shape
            own = _weighted_ways(graph, name, name, shapes, dt_s)
            if any(int(np.prod(way.shape)) != int(np.prod(shapes[name])) for way in forward + own):
                found = ", ".join(sorted({str(way.shape) for way in forward + own}))
                raise NetworkError(f"what reaches it has shapes {found}; one is expected")
            reached = _reached(forward[0], layers[-1].shape if layers else shape)
            constants = neuron_constants(graph, name, reached, step)
            merging = _Merging(constants.gain, reached)
            sources = layers[-1].shape if layers else shape
            axonal, synapse = merging.merged(forward, sources, bool(layers), latency)
            recurrent = None
            if own:
                delay, loop = merging.merged(own, reached, True, 0)
                recurrent = FloatRecurrent(loop, delay)
            bias = constants.bias + sum(_bias(graph, way, constants, reached, settled_bias) for way in forward + own)
            decays = constants.current_decay, constants.voltage_decay
            layer = FloatLayer(reached, synapse, FloatCuba(constants.threshold, *decays, bias), recurrent=recurrent)
        if layers:
            with graph.naming(before):
                layers[-1] = replace(layers[-1], delay_steps=axonal)
        layers.append(layer)
        before = name
    with graph.naming(output):
        delay = _last_delay(graph, output, before, shapes, dt_s)
        layers[-1] = replace(layers[-1], delay_steps=_shaped(delay, layers[-1].shape))
    return FloatNetwork(shape, tuple(layers))


def _ends(graph: NirGraph) -> tuple[str, str]:
    """The input and the output of the whole graph."""
    targets, sources = {target for _, target in graph.edges}, {source for source, _ in graph.edges}
    inputs = [name for name, node in graph.nodes.items() if node.kind == "Input" and name not in targets]
    outputs = [name for name, node in graph.nodes.items() if node.kind == "Output" and name not in sources]
    for found, what in ((inputs, "input"), (outputs, "output")):
        if len(found) != 1:
            raise NetworkError(
                f"the graph has {len(found)} {what}s ({', '.join(map(repr, found)) or 'none'}); one is supported"
            )
    return inputs[0], outputs[0]


def _input_shape(graph: NirGraph, source: str) -> Shape:
    given = graph.nodes[source].fields["input_type"]["input"]
    if given is None:
        raise NetworkError(f"{graph.title(source)}: it does not say its shape")
    sizes = np.asarray(given, np.float64).reshape(-1)
    if np.any(sizes != np.round(sizes)) or np.any(np.abs(sizes) > 1 << 26):
        raise NetworkError(f"{graph.title(source)}: shape is {sizes[:4].tolist()}; whole numbers of up to 2^26 are allowed")
    shape = tuple(int(size) for size in sizes)
    if len(shape) == 4 and shape[0] == 1:  # the axis of samples, which norse writes
        shape = shape[1:]
    if len(shape) not in (1, 2, 3) or min(shape) < 1:
        raise NetworkError(
            f"{graph.title(source)}: shape is {shape}; (neurons,), (channels, length) or (channels, height, width) is allowed, "
            "without an axis of samples"
        )
    spatial = any(graph.nodes[target].kind.startswith("Conv") for begin, target in graph.edges if begin == source)
    if not spatial and int(np.prod(shape)) == shape[-1]:
        return (shape[-1],)
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape


def _chain(graph: NirGraph, source: str) -> list[str]:
    """The nodes with a state in order from the input; each receives from the previous one and, optionally, from itself."""
    neurons = [name for name, node in graph.nodes.items() if node.kind in NEURONS]
    if not neurons:
        raise NetworkError(f"the graph has no neurons; {', '.join(NEURONS)} are supported")
    before: dict[str, str] = {}
    for name in neurons:
        others = sorted({way.source for way in ways_to(graph, name, {}, 1.0)} - {name})
        if len(others) != 1:
            came = " and ".join(graph.title(other) for other in others) or "nothing but itself"
            raise NetworkError(
                f"{graph.title(name)}: it is reached from {came}; a chain of layers, each perhaps with a cycle to itself, is "
                "supported"
            )
        before[name] = others[0]
    after = {earlier: name for name, earlier in before.items()}
    if len(after) != len(before):
        twice = next(earlier for earlier in after if list(before.values()).count(earlier) > 1)
        raise NetworkError(f"{graph.title(twice)}: several layers are reached from it; a chain is supported")
    order, here = [], source
    while here in after:
        here = after[here]
        order.append(here)
        if len(order) > len(neurons):
            break
    if set(order) != set(neurons):
        lost = sorted(set(neurons) - set(order))[0]
        raise NetworkError(
            f"{graph.title(lost)}: it stands in a cycle of several layers; a cycle of a layer with itself is supported"
        )
    return order


def _weighted_ways(graph: NirGraph, name: str, source: str, shapes: dict[str, Shape], dt_s: float) -> list[Way]:
    """The paths from ``source`` into node ``name``; NetworkError if one has no weights."""
    ways = [way for way in ways_to(graph, name, shapes, dt_s) if way.source == source]
    if any(way.synapse is None for way in ways):
        if graph.nodes[name].kind == "Threshold":
            raise NetworkError(
                f"{graph.title(source)} reaches it without weights: neurons without a reset, which are not supported; a "
                "Threshold of weighted spikes is"
            )
        raise NetworkError(f"{graph.title(source)} reaches it without weights; put a Linear between")
    return ways


def _reached(way: Way, before: Shape) -> Shape:
    """Shape of the population in the network, which keeps the axes of a convolution."""
    assert way.synapse is not None
    return way.synapse.output_shape(before) if isinstance(way.synapse, FloatConv) else way.shape


class _Merging:
    """Merges parallel paths into a population of ``shape`` into one connection; ``gain`` is () or of ``shape``."""

    def __init__(self, gain: FloatArray, shape: Shape) -> None:
        self.gain = np.broadcast_to(gain, shape)
        self.shape = shape

    def merged(self, ways: list[Way], before: Shape, axonal: bool, latency: int) -> tuple[FloatArray, FloatDense | FloatConv]:
        """Axonal delays of the source population, and the connection.

        Args:
            ways: parallel paths.
            before: shape of the source population.
            axonal: whether the source population may have axonal delays.
            latency: steps that the delays include but a ``FloatNetwork`` does not count.

        Raises:
            NetworkError: the paths cannot be merged, or a delay is shorter than ``latency``.
        """
        if not all(isinstance(way.synapse, FloatDense) for way in ways):
            if len(ways) > 1:
                raise NetworkError("a convolution reaches it beside other weights; one convolution is supported")
            return self._conv(ways[0], before, axonal, latency)
        targets, sources = int(np.prod(self.shape)), int(np.prod(before))
        early = [np.broadcast_to(_snapped(way.early - latency), (sources,)) for way in ways]
        shared = np.maximum(np.min(early, axis=0), 0) if axonal else np.zeros(sources)
        weight, delay, taken = np.zeros((targets, sources)), np.zeros((targets, sources)), np.zeros((targets, sources), bool)
        for way, steps in zip(ways, early, strict=True):
            assert isinstance(way.synapse, FloatDense)
            used = way.synapse.weight != 0
            own = _snapped(steps - shared + np.broadcast_to(way.late, (targets,))[:, None])
            if np.any(own[used] < 0):
                raise NetworkError(_too_early(float((own + shared)[used].min()) + latency))
            if np.any(taken & used & (own != delay)):
                raise NetworkError(
                    "two ways reach it with different delays between the same neurons; one delay for each pair is supported"
                )
            weight += way.synapse.weight
            delay = np.where(used, own, delay)
            taken |= used
        weight *= self.gain.reshape(-1, 1)
        return _shaped(shared, before), FloatDense(weight, delay if delay.any() else None)

    def _conv(self, way: Way, before: Shape, axonal: bool, latency: int) -> tuple[FloatArray, FloatConv]:
        assert isinstance(way.synapse, FloatConv)
        if np.any(way.late != np.reshape(way.late, -1)[0]):
            raise NetworkError("delays behind its convolution differ between neurons; put them before it")
        delay = _snapped(way.early + np.reshape(way.late, -1)[0] - latency)
        if delay.min() < 0:
            raise NetworkError(_too_early(float(delay.min()) + latency))
        if np.any(delay) and not axonal:
            raise NetworkError("a delay stands between the input and its convolution; layers have delays, inputs have none")
        if not np.allclose(self.gain, self.gain[:, :1, :1], rtol=1e-6, atol=0):
            raise NetworkError(
                "r, w_in, time constants or v_threshold make the gain differ within a channel of its convolution; one for each "
                "channel is supported"
            )
        return _shaped(delay, before), replace(way.synapse, weight=way.synapse.weight * self.gain[:, :1, :1, None])


def _bias(graph: NirGraph, way: Way, constants: Constants, shape: Shape, settled: bool) -> FloatArray:
    """The amount that a bias of the weights adds to the voltage in every step."""
    if not np.any(way.bias):
        return np.zeros(())
    if not settled and np.any(constants.current_decay < 1):
        where = next(node for node in way.nodes if np.any(graph.nodes[node].fields.get("bias", 0)))
        raise NetworkError(
            f"the bias of {graph.title(where)} goes through its synapse filter and rises from zero, which a bias of neurons "
            "does not: train without it, or take it as if it had been on forever with `myelin convert --settled-bias` "
            "(settled_bias=True of read_nir)"
        )
    bias = way.bias if isinstance(way.synapse, FloatConv) or not way.bias.ndim else way.bias.reshape(shape)
    return np.broadcast_to(constants.gain * bias / constants.current_decay, shape)


def _last_delay(graph: NirGraph, output: str, last: str, shapes: dict[str, Shape], dt_s: float) -> FloatArray:
    """Axonal delays of the last layer."""
    ways = ways_to(graph, output, shapes, dt_s)
    if len(ways) != 1 or ways[0].source != last:
        came = " and ".join(sorted({graph.title(way.source) for way in ways})) or "nothing"
        raise NetworkError(f"it is reached from {came}; the last layer, {last!r}, alone is supported")
    if ways[0].synapse is not None:
        raise NetworkError("weights reach it without neurons; end the graph in LI or CubaLI neurons")
    return _snapped(ways[0].early)


def _too_early(steps: float) -> str:
    return (
        f"it is reached after {steps:g} steps, but delays are said to include the step of latency of every connection; read "
        "them with the step added: `myelin convert --latency added` (latency='added' of read_nir)"
    )


def _snapped(steps: FloatArray) -> FloatArray:
    whole = np.rint(steps)
    return np.where(np.abs(steps - whole) < _TOLERANCE, whole, steps)


def _shaped(delay: FloatArray, shape: Shape) -> FloatArray:
    """``delay`` as one number if all values are equal, else in the population's shape."""
    return delay.reshape(-1)[0].reshape(()) if np.all(delay == delay.reshape(-1)[0]) else delay.reshape(shape)
