"""Neurons whose contract names their Lava process and its arguments."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.neurons import Neuron


def named_arguments(neuron: Neuron, shape: Shape, *, image: bool) -> dict[str, Any]:
    """Arguments of the neuron's process: one number where all values are equal, else one for each neuron.

    Args:
        neuron: the population's constants.
        shape: the population's shape, (neurons,) or (channels, height, width).
        image: whether the process has shape (x, y, channel), as Lava's Conv expects, instead of a flat one.
    """
    arguments: dict[str, Any] = {"shape": shape[::-1] if image else (int(np.prod(shape)),)}
    for name, value in neuron.lava_arguments().items():
        values = np.asarray(value)
        full = np.broadcast_to(values, shape)
        if np.all(values == values.flat[0]):
            arguments[name] = values.flat[0].item()
        else:
            arguments[name] = full.transpose(2, 1, 0).copy() if image else full.reshape(-1).copy()
    return arguments


def create_named(neuron: Neuron, arguments: dict[str, Any]) -> Any:
    """A new process ``Neuron.LAVA_PROCESS``; call ``compat.prepare()`` first."""
    module, _, name = neuron.LAVA_PROCESS.rpartition(".")
    return getattr(import_module(module), name)(**arguments)
