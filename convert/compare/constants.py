"""Comparison of two networks without a run: whether they have the same structure, and which constants differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.network import Network
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.written import thousands


@dataclass(frozen=True)
class ConstantDifference:
    """A field in which two networks differ.

    Attributes:
        layer: index of the layer; -1 for the input.
        where: name of the layer: ``layer 1 (dense)``, ``input``, ...
        name: name of the field, such as ``synapse.weight``; a convolution's kernel counts once, not once per neuron.
        values, different: number of values in the field, and of values that differ.
        index: index of the first value that differs, () for a single number.
        a, b: this value in A and in B; a text if the two cannot be compared value by value.
    """

    layer: int
    where: str
    name: str
    values: int
    different: int
    index: tuple[int, ...]
    a: int | str
    b: int | str

    def __str__(self) -> str:
        if not self.index:
            return f"{self.where}: {self.name} is {self.a} in A and {self.b} in B"
        place = ", ".join(map(str, self.index))
        return (
            f"{self.where}: {thousands(self.different)} of {thousands(self.values)} values of {self.name} differ, "
            f"first at ({place}): "
            f"{self.a} in A and {self.b} in B"
        )


def require_same_structure(a: Network, b: Network) -> None:
    """Raise NetworkError unless ``a`` and ``b`` have the same structure; the message names the first difference."""
    for what, one, two in _structure(a, b):
        if one != two:
            raise NetworkError(
                f"A and B have different structure: {what} is {one} in A and {two} in B; two networks with the same layers "
                "can be compared"
            )


def _structure(a: Network, b: Network) -> Iterator[tuple[str, Any, Any]]:
    yield "shape of the input", a.input.shape, b.input.shape
    yield "kind of input", _kind(a.input.neuron), _kind(b.input.neuron)
    yield "number of layers", len(a.layers), len(b.layers)
    for index, (one, two) in enumerate(zip(a.layers, b.layers)):
        yield f"kind of layer {index}", f"{one.kind!r}", f"{two.kind!r}"
        yield f"neuron of layer {index}", _kind(one.neuron), _kind(two.neuron)
        yield f"shape of layer {index}", one.shape, two.shape
        yield f"output of layer {index}", f"{one.output!r}", f"{two.output!r}"
    yield "number of classes", a.num_classes, b.num_classes


def _kind(neuron: object) -> str:
    return "plain spikes" if neuron is None else f"{type(neuron).__name__} neurons"


def constant_differences(a: Network, b: Network) -> list[ConstantDifference]:
    """Every field that differs between two networks of the same structure, from the input to the last layer."""
    found = list(_fields(-1, "input", "", a.input, b.input, a.input.shape))
    for index, (one, two) in enumerate(zip(a.layers, b.layers)):
        found += _fields(index, f"layer {index} ({one.kind})", "", one, two, one.shape)
    return found


def _fields(layer: int, where: str, prefix: str, a: Any, b: Any, shape: Shape) -> Iterator[ConstantDifference]:
    for entry in fields(a):
        name, one, two = prefix + entry.name, getattr(a, entry.name), getattr(b, entry.name)
        if is_dataclass(one) and is_dataclass(two):
            yield from _fields(layer, where, f"{name}.", one, two, shape)
        elif isinstance(one, np.ndarray) and isinstance(two, np.ndarray):
            yield from _arrays(layer, where, name, one, two, shape)
        elif isinstance(one, np.ndarray) or isinstance(two, np.ndarray):
            texts = ("none" if value is None else f"{value.size} values" for value in (one, two))
            yield ConstantDifference(layer, where, name, 1, 1, (), *texts)
        elif one != two:
            values = (value if isinstance(value, int) else str(value) for value in (one, two))
            yield ConstantDifference(layer, where, name, 1, 1, (), *values)


def _arrays(layer: int, where: str, name: str, a: np.ndarray, b: np.ndarray, shape: Shape) -> Iterator[ConstantDifference]:
    if a.shape != b.shape:  # one number against one per neuron, or kernels of different sizes
        try:
            a, b = np.broadcast_to(a, shape), np.broadcast_to(b, shape)
        except ValueError:
            yield ConstantDifference(layer, where, name, 1, 1, (), f"of shape {a.shape}", f"of shape {b.shape}")
            return
    unequal = a != b
    if unequal.any():
        index = tuple(int(number) for number in np.unravel_index(int(np.argmax(unequal)), unequal.shape))
        yield ConstantDifference(layer, where, name, a.size, int(unequal.sum()), index, int(a[index]), int(b[index]))
