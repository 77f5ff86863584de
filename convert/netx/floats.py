"""Reader of netx files with unquantised numbers, as a ``FloatNetwork``.

The fields are those of ``myelin.convert.netx.format``; weights, thresholds, decays, biases and delays may be fractions.  The
file sets the unit: SLAYER's is a threshold of 64 with weights in units of 1/64 of it.  ``FLOAT_READERS`` has the neurons
that are read.  Weight exponents are rejected; floats do not need them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatArray, FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent
from myelin.convert.floats.neuron import FloatNeuron
from myelin.convert.hdf5 import check_texts
from myelin.convert.layers.conv import as_chw
from myelin.convert.netx.alif import read_float_alif
from myelin.convert.netx.cuba import read_float_cuba
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.float_values import float_threshold, spread_floats
from myelin.convert.netx.read import check_input_shape, guess_input, layer_groups, layer_kind
from myelin.convert.netx.synapses import kernel_shape, pool_geometry, pool_shape, recurrent_kind
from myelin.convert.netx.values import declared_shape, pair, population, whole_number
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.files import check_not_pointer
from myelin.hw_configs.fixed_point import THRESHOLD_MAX

#: Readers by the text in ``neuron/type``: (layer group, neuron group, shape, whether its state is read out) -> neuron.
FLOAT_READERS: dict[str, Callable[[Fields, Fields, Shape, bool], FloatNeuron]] = {
    "CUBA": read_float_cuba,
    "LOIHI": read_float_cuba,  # older name of CUBA
    "ALIF": read_float_alif,
}
_CONNECTIONS = ("dense", "dense_rec", "conv", "conv_rec", "pool")


def read_netx_floats(path: str | os.PathLike[str], *, input_shape: Shape | None = None) -> FloatNetwork:
    """The network in a netx file, with its numbers unchanged.

    Args:
        path: the file.
        input_shape: shape of the input, for files that begin with a convolution and do not state it.

    Raises:
        NetworkError: the file cannot be read, or a ``FloatNetwork`` cannot represent it; names the layer and the field.
    """
    place = Path(path)
    if not os.path.isfile(place):
        raise NetworkError(f"{place}: no such file; a netx file (HDF5, usually *.net) is expected")
    check_texts(place)
    check_not_pointer(place, NetworkError)
    try:
        with h5py.File(place, "r") as file:
            return _network(Fields(file, "file"), input_shape)
    except NetworkError as error:
        raise NetworkError(f"{place}: {error}") from error
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, MemoryError, OverflowError) as error:
        reason = " ".join(str(error).strip("'\"").split()) or type(error).__name__
        raise NetworkError(f"{place} cannot be read as a netx file (HDF5): {reason}") from error


def states_input(path: str | os.PathLike[str]) -> bool:
    """Whether a netx file says the shape of its input; True for a file that cannot be read, which its reader refuses."""
    try:
        with h5py.File(path, "r") as file:
            first = file["layer/0"]
            return "input_shape" in first or np.asarray(first["type"]).reshape(-1)[0] == b"input"
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, IndexError):
        return True


def _network(root: Fields, input_shape: Shape | None) -> FloatNetwork:
    groups = layer_groups(root)
    ours = "myelin_format" in root.group.attrs
    kinds = [layer_kind(group, position) for position, group in enumerate(groups)]
    source: Shape | None = None
    bits, average = 0, None
    layers: list[FloatLayer] = []
    for position, (group, kind) in enumerate(zip(groups, kinds, strict=True)):
        following = next((other for other in kinds[position + 1 :] if other != "flatten"), None)
        if kind == "input" and position == 0:
            if "neuron" in group:
                raise NetworkError(f"{group.name}: the input drives neurons; a float network takes spikes at its input")
            source, bits = population(group, kind, ours, following), whole_number(group, "message_bits", 0)
            check_input_shape(group, source, input_shape)
        elif kind == "average" and position == len(groups) - 1:
            average = int(np.prod(declared_shape(group)))
        elif kind in _CONNECTIONS:
            source = guess_input(group, kind, input_shape) if source is None else source
            before = layers[-1].shape if layers else source
            last = following in (None, "average")
            layers.append(_layer(group, kind, before, population(group, kind, ours, following), last, ours))
        elif kind != "flatten":
            raise NetworkError(
                f"{group.name}: a layer of this type cannot stand here; supported are input, flatten, average, "
                f"{', '.join(_CONNECTIONS)}"
            )
    if not layers or source is None:
        raise NetworkError("the file has no layer with weights; dense or conv layers are expected")
    return FloatNetwork(source, tuple(layers), bits, average)


def _layer(group: Fields, kind: str, before: Shape, shape: Shape, last: bool, ours: bool) -> FloatLayer:
    neuron = group.child("neuron")
    read = None if neuron is None else FLOAT_READERS.get(neuron.text("type"))
    if neuron is None or read is None:
        raise NetworkError(f"{group.name}: has no neurons of type {', '.join(FLOAT_READERS)}, which a float network may have")
    for key in ("weight_exp", "weight_exp_rec"):
        if whole_number(group, key, 0):
            raise NetworkError(f"{group.name}: {key} is {group.number(key)}; fold it into the weights of a file of floats")
    try:
        synapse, delay = _connection(group, kind, "", before, shape)
        recurrent = None
        if kind.endswith("_rec"):
            own = recurrent_kind(group, shape)
            recurrent = FloatRecurrent(*_connection(group, own, "_rec", shape, shape))
        top, said = float_threshold(neuron, shape), group.text("output", "")
        state = said == "state" or (not said and not ours and last and recurrent is None and top >= THRESHOLD_MAX)
        return FloatLayer(shape, synapse, read(group, neuron, shape, state), delay, recurrent)
    except NetworkError as error:
        text = str(error)
        raise NetworkError(text if text.startswith("layer/") else f"{group.name}: {text}") from error


def _connection(
    group: Fields, kind: str, suffix: str, before: Shape, shape: Shape
) -> tuple[FloatDense | FloatConv, FloatArray]:
    """A connection with its synaptic delays, and the axonal delays of the population ``shape``."""
    synapse, key = _synapse(group, kind, suffix, before, shape), "delay" + suffix
    synaptic = group.numbers(key + "_synaptic", synapse.weight.size)
    axonal = np.zeros(())
    if synaptic is None and isinstance(synapse, FloatDense) and group.size_of(key) == synapse.weight.shape:
        synaptic = group.numbers(key, synapse.weight.size)
    else:
        axonal = spread_floats(group, key, shape, 0.0)
    if synaptic is None:
        return synapse, axonal
    if not isinstance(synapse, FloatDense):
        raise NetworkError(f"{group.name}: {key!r} is a matrix; a convolution takes delays per neuron or per channel")
    return FloatDense(synapse.weight, synaptic.astype(np.float64)), axonal


def _synapse(group: Fields, kind: str, suffix: str, before: Shape, shape: Shape) -> FloatDense | FloatConv:
    key = "weight" + suffix
    if kind == "pool":
        weight = np.asarray(group.numbers(key)).reshape(pool_shape(group, before, shape))
        return FloatConv(*pool_geometry(group, weight, before))
    if kind.startswith("conv"):
        groups = whole_number(group, "groups" + suffix)
        kernel = kernel_shape(group, suffix, before, shape, as_chw(shape)[0], groups)
        geometry: dict[str, Any] = {name: pair(group, name + suffix) for name in ("stride", "padding", "dilation")}
        return FloatConv(np.asarray(group.numbers(key)).reshape(kernel), **geometry, groups=groups)
    values, targets, sources = group.numbers(key), int(np.prod(shape)), int(np.prod(before))
    if values is None:
        raise NetworkError(f"{group.name}: {key!r} is missing; netx needs it")
    if values.size != targets * sources:
        raise NetworkError(f"{group.name}: {key!r} has shape {values.shape}; ({targets}, {sources}) is expected")
    return FloatDense(values.reshape(targets, sources))
