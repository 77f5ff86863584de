"""A NIR graph as plain data, and the only use of the package ``nir``: it reads and writes files without interpreting them."""

from __future__ import annotations

import contextlib
import io
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import h5py
import numpy as np

from myelin.convert.hdf5 import Budget, check_texts, has_long_texts
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.files import check_not_pointer, write_atomically
from myelin.hw_configs.parts import require
from myelin.hw_configs.reading.bounds import MEMBERS
from myelin.hw_configs.reading.hdf5_types import is_sound

#: Types of nodes that can be imported.
SUPPORTED = (
    *("Input", "Output", "Identity", "NIRGraph", "Linear", "Affine", "Conv1d", "Conv2d", "SumPool2d", "AvgPool2d", "Scale"),
    *("Delay", "Flatten", "CubaLIF", "CubaLI", "LIF", "LI", "IF", "I", "Threshold"),
)
#: Fields that hold one whole number.
_SINGLE = ("groups", "start_dim", "end_dim")
#: Upper bounds on nodes and nested graphs; no network for these chips exceeds them.
_MAX_NODES, _MAX_DEPTH = 10_000, 8


class Node(NamedTuple):
    """A node: the name of its type in NIR, and its fields as arrays, numbers, texts or tuples."""

    kind: str
    fields: Mapping[str, Any]


@dataclass(eq=False)
class NirGraph:
    """Nodes by name, edges (from, to), and the graph's metadata."""

    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)

    def add(self, name: str, kind: str, after: str | None = None, **fields: Any) -> str:
        """Add a node, with an edge to it from ``after``; returns its name."""
        self.nodes[name] = Node(kind, fields)
        if after is not None:
            self.edges.append((after, name))
        return name

    def title(self, name: str) -> str:
        """The name of a node in error messages."""
        return f"node {name!r} ({self.nodes[name].kind})"

    @contextlib.contextmanager
    def naming(self, name: str) -> Iterator[None]:
        """Prefix a NetworkError raised in the context with ``title(name)``."""
        try:
            yield
        except NetworkError as error:
            raise NetworkError(f"{self.title(name)}: {error}") from error


def load_nir() -> ModuleType:
    """The package ``nir``; raises MissingPartError with the cure where it is not installed."""
    require("nir")
    import nir

    return nir


def write_graph(graph: NirGraph, path: str | os.PathLike[str]) -> None:
    """Write ``graph`` as a NIR file; it appears complete or not at all.

    Raises:
        MissingPartError: the package nir is not installed.
        NetworkError: the file cannot be written.
    """
    nir = load_nir()
    nodes = {name: getattr(nir, node.kind)(**node.fields) for name, node in graph.nodes.items()}
    checked = all(len(set(np.shape(node.fields["weight"])[2:])) == 1 for node in graph.nodes.values() if node.kind == "Conv2d")
    built = nir.NIRGraph(nodes=nodes, edges=list(graph.edges), metadata=dict(graph.metadata), type_check=checked)
    content = io.BytesIO()  # HDF5 on a full disk fails in ways that are no OSError
    nir.write(content, built)
    try:
        write_atomically(path, content.getvalue())
    except OSError as error:
        raise NetworkError(f"{path} cannot be written: {error.strerror or error}") from error


def read_graph(path: str | os.PathLike[str]) -> NirGraph:
    """The graph in a NIR file, with nested graphs flattened: their nodes are named ``graph.node``.

    Raises:
        MissingPartError: the package nir is not installed.
        NetworkError: the file cannot be read, has links to elsewhere or nodes that are not supported, which are named.
    """
    nir = load_nir()
    place = Path(path)
    if not os.path.isfile(place):
        raise NetworkError(f"{place}: no such file; a NIR file (HDF5, usually *.nir) is expected")
    check_not_pointer(place, NetworkError)
    check_texts(place)
    try:
        with h5py.File(place, "r") as file:
            _check_file(file)
        root = nir.read(str(place), type_check=False)
        graph = NirGraph(metadata=dict(root.metadata))
        _take_apart(root, "", graph)
        _check_edges(graph)
    except NetworkError as error:
        raise NetworkError(f"{place}: {error}") from error
    except Exception as error:  # the package asserts, indexes and converts unchecked: a file may raise any exception
        reason = " ".join(str(error).strip("'\"").split()) or type(error).__name__
        raise NetworkError(f"{place} cannot be read as a NIR file (HDF5): {reason}") from error
    return graph


def _check_file(file: h5py.File) -> None:
    """Reject external data, links, unsupported nodes and files that are too large, before a value is read."""
    if not isinstance(file.get("node"), h5py.Group):
        raise NetworkError("the file has no group 'node'; a NIR file has its graph there")
    budget, most = Budget(), MEMBERS.value
    for number, (place, member) in enumerate(_members(file, "")):
        if number >= most:
            raise NetworkError(f"the file has more than {most} groups and data sets; {MEMBERS.cure(10 * most)}")
        if isinstance(member, h5py.Dataset):
            if member.external or member.is_virtual:
                raise NetworkError(f"{place!r} is stored in another file; a network file is one file")
            if not is_sound(member):
                raise NetworkError(f"{place!r} has a damaged type; copy or download the file again")
            if has_long_texts(member):
                raise NetworkError(
                    f"{place!r} holds texts that are longer than the file: it is damaged; copy or download it again"
                )
            budget.spend(member, place, repr(place))
    _check_types(file["node"], "")


def _known(kind: str) -> set[str]:
    """Attributes that a node of a type may have in a file."""
    if kind in ("Input", "Output"):
        return {"type", "shape", "metadata"}
    if kind == "NIRGraph":
        return {"type", "nodes", "edges", "metadata", "input_type", "output_type"}
    names = {entry.name for entry in fields(getattr(load_nir(), kind))}
    return {"type", "metadata", *(names if kind in ("Flatten", "Identity") else names - {"input_type", "output_type"})}


def _members(group: h5py.Group, place: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if depth > 4 * _MAX_DEPTH:
        raise NetworkError(f"{place!r} is nested more than {_MAX_DEPTH} graphs deep")
    for key in group:
        name = f"{place}/{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise NetworkError(f"{name!r} is a link to elsewhere; a network file is one file")
        yield name, group[key]
        if isinstance(group[key], h5py.Group):
            yield from _members(group[key], name, depth + 1)


def _check_types(group: h5py.Group, name: str) -> None:
    where = f"node {name!r}" if name else "the graph"
    if not isinstance(group, h5py.Group):
        raise NetworkError(f"{where} is a dataset; a group with its attributes is expected")
    given = group.get("type")
    text = isinstance(given, h5py.Dataset) and given.shape == () and given.dtype.kind in "SO"
    kind = given[()] if text else "?"
    kind = kind.decode("utf-8", "replace") if isinstance(kind, bytes) else str(kind)
    if not name and kind != "NIRGraph":
        raise NetworkError(f"the file holds a single node of type {kind}; a graph (NIRGraph) is expected")
    if kind not in SUPPORTED:
        raise NetworkError(f"node {name!r} is of type {kind}, which is not supported; supported are {', '.join(SUPPORTED)}")
    unknown = sorted(set(group) - _known(kind))
    if unknown:
        raise NetworkError(
            f"{where} ({kind}) has {', '.join(map(repr, unknown))}, which is no attribute of it in NIR, so its "
            "meaning is unknown: remove it, or read the file with a newer version of Myelin"
        )
    if kind == "NIRGraph" and isinstance(group.get("nodes"), h5py.Group):
        if len(group["nodes"]) > _MAX_NODES:
            raise NetworkError(f"a graph has {len(group['nodes'])} nodes; at most {_MAX_NODES} are expected")
        for key, member in group["nodes"].items():
            _check_types(member, f"{name}.{key}" if name else key)


def _take_apart(root: Any, prefix: str, graph: NirGraph) -> None:
    """Add the nodes of ``root``; edges to a nested graph lead to its input, edges from it start at its output."""
    ends: dict[str, tuple[str, str]] = {}
    for key, node in root.nodes.items():
        name = prefix + key
        ends[key] = (name, name)
        if type(node).__name__ != "NIRGraph":
            given = {**vars(node)}
            given.pop("metadata", None)
            graph.nodes[name] = Node(type(node).__name__, given)
            with graph.naming(name):
                _check_values(graph.nodes[name])
            continue
        inner = (list(node.inputs), list(node.outputs))
        if len(inner[0]) != 1 or len(inner[1]) != 1:
            raise NetworkError(
                f"graph {name!r} has {len(inner[0])} inputs and {len(inner[1])} outputs; one of each is supported"
            )
        _take_apart(node, f"{name}.", graph)
        ends[key] = (f"{name}.{inner[0][0]}", f"{name}.{inner[1][0]}")
    for source, target in root.edges:
        for key in (source, target):
            if key not in ends:
                raise NetworkError(f"an edge names node {prefix + key!r}, which does not exist")
        graph.edges.append((ends[source][1], ends[target][0]))


def _check_values(node: Node) -> None:
    """Raise NetworkError unless the fields are numbers, of which none is NaN or infinite, with one value where NIR has one."""
    for key, value in node.fields.items():
        if key.endswith("_type"):
            value = None if not isinstance(value, Mapping) else next(iter(value.values()), None)
        if value is None or (key == "padding" and isinstance(value, str | bytes)):
            continue
        array = np.asarray(value)
        if array.dtype.kind not in "biuf" or array.size == 0:
            raise NetworkError(f"{key} has dtype {array.dtype} and shape {array.shape}; numbers are expected")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            count = int(np.count_nonzero(~np.isfinite(array)))
            raise NetworkError(f"{key} holds {count} values that are NaN or infinite")
        if key in _SINGLE and (array.size != 1 or np.any(array != np.round(array))):
            raise NetworkError(f"{key} is {array.reshape(-1)[:3].tolist()}; one whole number is expected")


def _check_edges(graph: NirGraph) -> None:
    (edge, times), *_ = Counter(graph.edges).most_common(1) or [(("", ""), 0)]
    if times > 1:
        raise NetworkError(f"the edge from {edge[0]!r} to {edge[1]!r} is given {times} times")
