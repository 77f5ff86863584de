"""The registry of neurons, by the names used in target files and messages."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from myelin.convert.neurons.neuron import Neuron

N = TypeVar("N", bound=type[Neuron])

#: Registered neurons by ``MODEL``, in the order of registration.
NEURONS: dict[str, type[Neuron]] = {}


def register(neuron: N) -> N:
    """Decorator that registers a neuron for files and rules; place it above ``@dataclass(frozen=True, eq=False)``.

    Raises:
        TypeError: the neuron does not fulfil the contract, or another neuron has its name.
    """
    name = neuron.__name__
    missing = [entry for entry in ("MODEL", "STATES") if not hasattr(neuron, entry)]
    if missing:
        raise TypeError(f"neuron {name}: {' and '.join(missing)} are not set; see the contract in neurons/neuron.py")
    if neuron.__abstractmethods__:
        raise TypeError(f"neuron {name}: {', '.join(sorted(neuron.__abstractmethods__))} is not implemented")
    fields: set[str] = {entry.name for entry in dataclasses.fields(neuron)} if dataclasses.is_dataclass(neuron) else set()
    lacking = [constant.name for constant in neuron.CONSTANTS if constant.name not in fields]
    if lacking:
        raise TypeError(f"neuron {name}: constants {', '.join(lacking)} are no fields of the dataclass")
    there = NEURONS.setdefault(neuron.MODEL, neuron)
    if there is not neuron and there.__qualname__ != neuron.__qualname__:
        raise TypeError(f"neuron {name}: MODEL {neuron.MODEL!r} is that of {there.__name__}; give it a name of its own")
    NEURONS[neuron.MODEL] = neuron
    return neuron
