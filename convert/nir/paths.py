"""Paths through a NIR graph from neurons to neurons, each as one connection with weights, delays and bias.

A path between two populations may have Delay, Flatten, Scale and pooling nodes and one node with weights; parallel paths are
summed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense
from myelin.convert.nir.folding import applied, chained, pool, scaled, scaling
from myelin.convert.nir.graph import NirGraph
from myelin.convert.nir.neurons import NEURONS
from myelin.hw_configs.errors import NetworkError

#: Upper bound on the paths into one population; a chain of layers has fewer.
_MAX_WAYS = 4096


@dataclass(frozen=True, eq=False)
class Way:
    """One path of the spikes of ``source``.

    Attributes:
        source: node of the neurons, or the input.
        nodes: names of the nodes along the path.
        shape: shape of the output of the last node.
        early: delay in steps before the weights, () or flat with one value per neuron of the source.
        late: delay in steps after the weights, () or flat with one value per neuron of the target.
        synapse: the weights, with scaling and pooling folded in, or None; a path without weights can only end in the output.
        bias: bias of the weights; () or of ``shape``.
        start: shape of the source.
        weighted: whether a node with weights was passed, which no other may follow, unlike scaling and pooling.
    """

    source: str
    nodes: tuple[str, ...]
    shape: Shape
    early: FloatArray
    late: FloatArray
    synapse: FloatDense | FloatConv | None
    bias: FloatArray
    start: Shape = ()
    weighted: bool = False


def ways_to(graph: NirGraph, name: str, shapes: dict[str, Shape], dt_s: float) -> list[Way]:
    """Every path into node ``name``; a path from a population that is not in ``shapes`` has no shape and no synapse."""
    sources: dict[str, list[str]] = {node: [] for node in graph.nodes}
    for source, target in graph.edges:
        sources[target].append(source)
    found = []
    for path in _paths(graph, name, sources):
        begin, nodes = path[0], path[1:]
        found.append(_way(graph, begin, nodes, shapes.get(begin), dt_s))
    return found


def _paths(graph: NirGraph, name: str, sources: dict[str, list[str]]) -> list[tuple[str, ...]]:
    """Nodes of every path into ``name``: the first is the neurons or the input, ``name`` itself is not included."""
    found: list[tuple[str, ...]] = []
    pending: list[tuple[str, ...]] = [(source,) for source in sources[name]]
    while pending:
        path = pending.pop()
        first = path[0]
        if graph.nodes[first].kind in (*NEURONS, "Input") and not _within(graph, first, sources):
            found.append(path)
            continue
        if not sources[first]:
            raise NetworkError(f"{graph.title(first)}: nothing leads to it")
        for source in sources[first]:
            if source in path:
                raise NetworkError(f"{graph.title(source)}: a cycle leads through it without neurons; a recurrence has neurons")
            pending.append((source, *path))
        if len(found) + len(pending) > _MAX_WAYS:
            raise NetworkError(f"{graph.title(name)}: more than {_MAX_WAYS} ways lead to it; a chain of layers is supported")
    return found


def _within(graph: NirGraph, name: str, sources: dict[str, list[str]]) -> bool:
    """Whether ``name`` is the input of a nested graph, which passes its input on."""
    return graph.nodes[name].kind == "Input" and bool(sources[name])


def _way(graph: NirGraph, source: str, nodes: tuple[str, ...], shape: Shape | None, dt_s: float) -> Way:
    zero = np.zeros(())
    way = Way(source, nodes, shape or (), zero, zero, None, zero, shape or ())
    if shape is None:
        return way
    for name in nodes:
        kind, fields = graph.nodes[name].kind, graph.nodes[name].fields
        with graph.naming(name):
            if kind == "Delay":
                way = _delayed(way, np.asarray(fields["delay"], np.float64) / dt_s)
            elif kind == "Flatten":
                way = replace(way, shape=_flattened(way.shape, fields))
            elif kind in ("SumPool2d", "AvgPool2d"):
                geometry = [_pair(fields[key], False, 0, key) for key in ("kernel_size", "stride", "padding")]
                way = _after(way, pool(kind, way.shape, *geometry))
            elif kind == "Scale":
                way = _scaled(way, np.asarray(fields["scale"], np.float64))
            elif kind in ("Linear", "Affine", "Conv1d", "Conv2d"):
                way = _weighted(way, kind, fields)
    return way


def _flattened(shape: Shape, fields: Any) -> Shape:
    """The row of all elements; NetworkError if Flatten leaves several axes of more than one element."""
    first, last = (int(np.asarray(fields[key]).reshape(())) for key in ("start_dim", "end_dim"))
    given = fields.get("input_type", {}).get("input")
    axes = shape if given is None else tuple(int(size) for size in np.asarray(given).reshape(-1))
    if int(np.prod(axes)) != int(np.prod(shape)):
        raise NetworkError(f"input_type is {axes}, what reaches it has shape {shape}")
    low, high = (end + len(axes) if end < 0 else end for end in (first, last))
    if any(size > 1 for axis, size in enumerate(axes) if not low <= axis <= high):
        raise NetworkError(
            f"start_dim {first} and end_dim {last} leave axes of shape {axes}; a row of all elements is supported"
        )
    return (int(np.prod(shape)),)


def _after(way: Way, synapse: FloatDense | FloatConv) -> Way:
    """``way`` with the linear map ``synapse`` behind it."""
    shape = synapse.output_shape(way.shape)
    if way.synapse is None:
        return replace(way, synapse=synapse, shape=shape)
    if way.late.size > 1:
        raise NetworkError(
            "a delay that differs between neurons stands before it, behind a pool; put the delay before the pool"
        )
    bias = applied(synapse, way.bias, way.shape, shape)
    return replace(way, synapse=chained(way.synapse, synapse, way.start, way.shape, shape), shape=shape, bias=bias)


def _scaled(way: Way, scale: FloatArray) -> Way:
    if scale.size not in (1, int(np.prod(way.shape))):
        raise NetworkError(f"scale has shape {scale.shape}, what reaches it has shape {way.shape}")
    scale = scale.reshape(()) if scale.size == 1 else scale.reshape(way.shape)
    if way.synapse is None:
        return replace(way, synapse=scaling(way.shape, scale))
    return replace(way, synapse=scaled(way.synapse, way.start, way.shape, scale), bias=way.bias * scale)


def _behind(way: Way, synapse: FloatDense | FloatConv, bias: FloatArray) -> Way:
    """``way`` with the weights ``synapse`` behind it, which may follow scaling and pooling."""
    return replace(_after(way, synapse), bias=bias if bias.size > 1 else bias.reshape(()), weighted=True)


def _delayed(way: Way, steps: FloatArray) -> Way:
    if steps.size not in (1, int(np.prod(way.shape))):
        raise NetworkError(f"delay has shape {steps.shape}, what reaches it has shape {way.shape}")
    if steps.size and steps.min() < 0:
        raise NetworkError(f"delay is {steps.min():g} steps at its shortest; a delay is never negative")
    steps = steps.reshape(-1) if steps.size > 1 else steps.reshape(())
    return replace(way, early=way.early + steps) if way.synapse is None else replace(way, late=way.late + steps)


def _weighted(way: Way, kind: str, fields: Any) -> Way:
    if way.weighted:
        raise NetworkError("weights follow weights without neurons between; multiply them into one node")
    weight = np.asarray(fields["weight"], np.float64)
    bias = np.asarray(fields.get("bias", 0.0), np.float64)
    if kind in ("Linear", "Affine"):
        if not way.shape or int(np.prod(way.shape)) != way.shape[-1]:
            raise NetworkError(f"what reaches it has shape {way.shape}, neurons in a row are expected: put a Flatten before it")
        synapse: FloatDense | FloatConv = FloatDense(weight)
    else:
        synapse = _conv(kind, weight, fields)
        if len(way.shape) != 3:
            raise NetworkError(f"what reaches it has shape {way.shape}; channels with their axes are expected")
        bias = bias.reshape(-1, 1, 1) if bias.size > 1 else bias
    outputs = weight.shape[0]
    if bias.size not in (1, outputs):
        raise NetworkError(f"bias has {bias.size} values, {outputs} are expected")
    return _behind(way, synapse, bias)


def _conv(kind: str, weight: FloatArray, fields: Any) -> FloatConv:
    flat = kind == "Conv1d"
    if weight.ndim != (3 if flat else 4):
        raise NetworkError(
            f"weight has shape {weight.shape}; (out, in / groups, {'length' if flat else 'height, width'}) is allowed"
        )
    stride, dilation = (_pair(fields[key], flat, 1, key) for key in ("stride", "dilation"))
    kernel = weight.reshape(*weight.shape[:2], 1, -1) if flat else weight
    padding = fields["padding"]
    padding = padding.decode() if isinstance(padding, bytes) else padding
    if isinstance(padding, str):
        extra = [dilation[axis] * (kernel.shape[2 + axis] - 1) for axis in range(2)]
        if padding not in ("same", "valid") or (padding == "same" and (any(size % 2 for size in extra) or stride != (1, 1))):
            raise NetworkError(
                f"padding is {padding!r} for a kernel of {kernel.shape[2:]}; as many zeros on both sides are supported"
            )
        pads = (extra[0] // 2, extra[1] // 2) if padding == "same" else (0, 0)
    else:
        pads = _pair(padding, flat, 0, "padding")
    return FloatConv(kernel, stride, pads, dilation, int(np.asarray(fields["groups"]).reshape(())))


def _pair(value: Any, flat: bool, none: int, key: str) -> tuple[int, int]:
    """(vertical, horizontal); if the convolution has one axis (``flat``), vertical is ``none``."""
    numbers = np.asarray(value).reshape(-1)
    if numbers.dtype.kind not in "biuf":
        raise NetworkError(f"{key} has dtype {numbers.dtype}; whole numbers are allowed")
    if numbers.size not in ((1,) if flat else (1, 2)) or not np.array_equal(numbers, np.round(numbers)):
        raise NetworkError(
            f"{key} is {numbers.tolist()}; {'one whole number' if flat else 'one or two whole numbers'} are allowed"
        )
    return (none, int(numbers[0])) if flat else (int(numbers[0]), int(numbers[-1]))
