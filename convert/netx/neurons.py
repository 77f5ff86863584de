"""Reader and writer of neurons in a netx file; ``myelin.convert.netx.format`` describes the fields.

Each neuron that netx defines has its own reader and writer.  Any other registered neuron is written and read by its
``CONSTANTS``, with its ``MODEL`` as type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import h5py
import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.netx.alif import read_alif, write_alif
from myelin.convert.netx.constants import flat
from myelin.convert.netx.cuba import read_cuba, write_cuba
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.rf import TYPES, read_rf, write_rf
from myelin.convert.netx.sigma_delta import read_sigma_delta, write_delta, write_sigma, write_sigma_delta
from myelin.convert.netx.values import spread, whole_number
from myelin.convert.neurons import NEURONS, Alif, Cuba, Delta, Neuron, Rf, RfIz, Sigma, SigmaDelta
from myelin.convert.registry import Handlers
from myelin.hw_configs.errors import NetworkError

#: Readers by the text in ``neuron/type``: (layer group, neuron group, shape, spike_exp or None, at the input) -> neuron.
READERS: dict[str, Callable[[Fields, Fields, Shape, int | None, bool], Neuron]] = {
    "CUBA": read_cuba,
    "LOIHI": read_cuba,  # older name of CUBA
    "SDNN": read_sigma_delta,
    "ALIF": read_alif,
    **dict.fromkeys(TYPES, read_rf),
}
#: The types that a message lists.
SUPPORTED = "CUBA (or LOIHI, its older name), ALIF, SDNN, RF_PHASE and RF_IZHIKEVICH"
#: Writers by class of the neuron: (layer group, neuron, shape, whether the layer has three axes in netx).
WRITERS: Handlers[Callable[[h5py.Group, Any, Shape, bool], None]] = Handlers("has {name} neurons; netx has none of them")
WRITERS.register(Cuba)(write_cuba)
WRITERS.register(Alif)(write_alif)
WRITERS.register(SigmaDelta)(write_sigma_delta)
WRITERS.register(Delta)(write_delta)
WRITERS.register(Sigma)(write_sigma)
WRITERS.register(Rf)(write_rf)
WRITERS.register(RfIz)(write_rf)


def read_neuron(group: Fields, neuron: Fields, shape: Shape, spike_exp: int | None, *, at_input: bool = False) -> Neuron:
    """The neuron in the subgroup ``neuron`` of a layer, with the bias from the layer's group ``group``.

    Raises:
        NetworkError: the type is not supported, a constant is missing or does not fit ``shape``, or a weight exponent is set.
    """
    kind = neuron.text("type")
    reader = READERS.get(kind)
    if reader is None and kind not in NEURONS:
        raise NetworkError(f"{group.name}: neurons of type {kind!r} are not supported; {SUPPORTED} are")
    for key in ("wgtExp", "weight_exp"):
        if whole_number(neuron, key, 0):
            raise NetworkError(
                f"{group.name}: neuron/{key} is {neuron.number(key)}; netx ignores it, so the weights would have the "
                "wrong gain: fold it into the weights"
            )
    if reader is not None:
        return reader(group, neuron, shape, spike_exp, at_input)
    return _read_constants(group, neuron, shape, NEURONS[kind])


def write_neuron(group: h5py.Group, neuron: Neuron, shape: Shape, grid: bool) -> None:
    """Fill the subgroup ``neuron`` and write the bias to the layer's group; ``grid``: the layer has three axes in netx."""
    writer = WRITERS.get(neuron) or _write_constants
    writer(group, neuron, shape, grid)


def _read_constants(group: Fields, neuron: Fields, shape: Shape, kind: type[Neuron]) -> Neuron:
    values: dict[str, Any] = {}
    for constant in kind.CONSTANTS:
        key = constant.netx or constant.name
        found = neuron.numbers(key, 1 if constant.shared else int(np.prod(shape)))
        if found is None and constant.default is None:
            raise NetworkError(f"{group.name}: neuron/{key} is missing; neurons of type {kind.MODEL!r} need it")
        if found is None:
            values[constant.name] = constant.default
        else:
            values[constant.name] = found.reshape(-1)[0] if constant.shared else spread(group, key, found, shape)
    return kind(**values)


def _write_constants(group: h5py.Group, neuron: Neuron, shape: Shape, grid: bool) -> None:
    if type(neuron) is not NEURONS.get(neuron.MODEL):
        raise NetworkError(
            f"neurons of type {type(neuron).__name__} are not registered, so no file could be read again; register them with "
            "myelin.convert.neurons.register"
        )
    undescribed = neuron.fields().keys() - {constant.name for constant in neuron.CONSTANTS}
    if undescribed:
        raise NetworkError(
            f"{type(neuron).__name__} neurons hold {', '.join(sorted(undescribed))}, which their CONSTANTS do not describe; "
            "describe them there, or register a writer in myelin.convert.netx.neurons"
        )
    group["neuron/type"] = neuron.MODEL
    for constant in neuron.CONSTANTS:
        value = getattr(neuron, constant.name)
        group[f"neuron/{constant.netx or constant.name}"] = value if constant.shared else flat(value, shape, grid)
