"""Conversion of the groups of a netx file to a ``Network``; ``myelin.convert.netx.format`` describes the fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.layers import DelayedRecurrent, Dense, Synapse
from myelin.convert.network import Input, Layer, Network
from myelin.convert.netx.complex import is_complex
from myelin.convert.netx.cuba import default_neuron
from myelin.convert.netx.fields import Fields
from myelin.convert.netx.known import check_layer, kind_of_layer
from myelin.convert.netx.neurons import read_neuron
from myelin.convert.netx.synapses import SYNAPSES, read_synapse, recurrent_kind
from myelin.convert.netx.values import declared_shape, delay_values, population, spread, whole_number
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import STATE_SHIFT, THRESHOLD_MAX

_MAX_LAYERS = 1000
#: Threshold of a readout of states in ml_genn_netx.
_ML_GENN_STATE_THRESHOLD = 1 << 16


def read_network(
    root: Fields, input_shape: Shape | None, input_message_bits: int | None, spike_exp: int | None = None
) -> Network:
    """The network below ``root``; ``myelin.convert.netx.format.read_netx`` documents arguments and errors."""
    groups = layer_groups(root)
    ours = "myelin_format" in root.group.attrs
    kinds = [layer_kind(group, position) for position, group in enumerate(groups)]
    source: Input | None = None
    layers: list[Layer] = []
    average: int | None = None
    for position, (group, kind) in enumerate(zip(groups, kinds, strict=True)):
        if average is not None:
            raise NetworkError(f"{group.name}: a layer follows the average layer, which must be the last")
        following = next((other for other in kinds[position + 1 :] if other != "flatten"), None)
        if kind == "input":
            if source is not None or layers:
                raise NetworkError(f"{group.name}: only the first layer may be the input")
            source = _read_input(group, population(group, kind, ours, following), input_message_bits, spike_exp)
            check_input_shape(group, source.shape, input_shape)
            continue
        if source is None:
            source = Input(guess_input(group, kind, input_shape), input_message_bits or 0)
        before = layers[-1].shape if layers else source.shape
        if kind == "flatten":
            _check_flatten(group, before, following)
        elif kind == "average":
            average = int(np.prod(declared_shape(group)))
        else:
            layers.append(_read_layer(group, kind, before, ours, following, spike_exp))
    if source is None or not layers:
        raise NetworkError("the file has no layer with weights; dense or conv layers are expected")
    return Network(source, tuple(layers), average)


def layer_kind(group: Fields, position: int) -> str:
    """The type of a layer, which is supported; the older ``recurrent`` is netx's ``dense_rec``."""
    kind = kind_of_layer(group)
    group.name = f"layer/{position} ({kind})"
    check_layer(group, kind)
    if kind == "recurrent":
        group.other_names["weight_rec"] = "recWeight"
        return "dense_rec"
    return kind


def layer_groups(root: Fields) -> list[Fields]:
    """The groups ``layer/0``, ``layer/1``, ... of a file, in order; NetworkError if the numbering has gaps."""
    top = root.child("layer")
    if top is None:
        raise NetworkError("the file has no group 'layer'; a netx file has its layers there")
    count = len(top.group)
    if count > _MAX_LAYERS:
        raise NetworkError(f"group 'layer' has {count} members; at most {_MAX_LAYERS} layers are expected")
    missing = [str(index) for index in range(count) if str(index) not in top]
    if missing:
        got = ", ".join(sorted(top.group)[:10])
        raise NetworkError(f"group 'layer' has members {got}; layers are numbered from 0 without gaps, {missing[0]} is missing")
    groups = []
    for index in range(count):
        group = top.child(str(index))
        assert group is not None
        groups.append(Fields(group.group, f"layer/{index}", root.budget))
    return groups


def _read_input(group: Fields, shape: Shape, message_bits: int | None, spike_exp: int | None) -> Input:
    bits = whole_number(group, "message_bits", 0) if message_bits is None else message_bits
    constants = group.child("neuron")
    if constants is None:
        return Input(shape, bits)
    neuron = read_neuron(group, constants, shape, spike_exp, at_input=True)
    if message_bits is None and "message_bits" not in group:
        bits = neuron.input_message_bits
    weight = whole_number(group, "weight") if "weight" in group else Input(shape, neuron=neuron).weight
    return Input(shape, bits, neuron, weight, whole_number(group, "bias", 0))


def _read_layer(group: Fields, kind: str, before: Shape, ours: bool, following: str | None, spike_exp: int | None) -> Layer:
    shape = population(group, kind, ours, following)
    try:
        synapse = read_synapse(group, kind, before, shape)
        axonal, synaptic = _read_delays(group, "delay", shape, _columns(synapse, before))
        synapse = _delayed(synapse, synaptic, "delay")
        neuron = group.child("neuron")
        if neuron is None and kind != "dense":
            raise NetworkError("group 'neuron' is missing; netx needs it")
        constants: Neuron = default_neuron(group, shape) if neuron is None else read_neuron(group, neuron, shape, spike_exp)
        recurrent = _read_recurrent(group, shape) if kind.endswith("_rec") else None
        output = _read_output(group, constants, ours, recurrent is None and following in (None, "average"))
        return Layer(shape, synapse, constants, axonal, recurrent, output)
    except NetworkError as error:
        text = str(error)
        raise NetworkError(text if text.startswith("layer/") else f"{group.name}: {text}") from error


def _read_recurrent(group: Fields, shape: Shape) -> DelayedRecurrent:
    synapse = SYNAPSES[recurrent_kind(group, shape)].read(group, "_rec", shape, shape)
    axonal, synaptic = _read_delays(group, "delay_rec", shape, _columns(synapse, shape))
    return DelayedRecurrent(_delayed(synapse, synaptic, "delay_rec"), axonal)


def _columns(synapse: Synapse, before: Shape) -> int:
    """Number of columns of the weight matrix, which a vector of delays may belong to; -1 for a convolution."""
    return int(np.prod(before)) if isinstance(synapse.parts[0], Dense) else -1


def _delayed(synapse: Synapse, synaptic: npt.NDArray[Any] | None, key: str) -> Synapse:
    if synaptic is None:
        return synapse
    if not isinstance(synapse.parts[0], Dense):
        raise NetworkError(f"{key!r} is a matrix; a connection of kind {synapse.kind} takes delays per neuron or per channel")
    made: Any = synapse  # a dense connection, or one of two dense parts
    return replace(made, delay_steps=synaptic)


def _read_delays(group: Fields, key: str, shape: Shape, columns: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Axonal delays, and synaptic delays (out, columns) or None; ``columns`` is -1 for a convolution."""
    size = int(np.prod(shape))
    most = max(size, size * columns)
    axonal: npt.NDArray[Any] = np.zeros((), np.int32)
    synaptic = delay_values(group, key + "_synaptic", most)
    values = delay_values(group, key, most)
    if values is not None and synaptic is None and columns > 0 and values.shape == (size, columns):
        synaptic = values
    elif values is not None and values.ndim == 1 and values.size not in (1, size, shape[0]) and values.size == columns:
        synaptic = np.broadcast_to(values, (size, columns))
    elif values is not None:
        axonal = spread(group, key, values, shape)
    return axonal, synaptic


def _read_output(group: Fields, neuron: Neuron, ours: bool, last: bool) -> Literal["spikes", "state"]:
    said = group.text("output", "")
    if said in ("spikes", "state"):
        return said  # type: ignore[return-value]
    if said:
        raise NetworkError(f"{group.name}: 'output' is {said!r}; 'spikes' or 'state' is expected")
    if not neuron.SENDS:
        return "state"
    if neuron.READOUT is None or neuron.reset_above is None:
        return "spikes"
    threshold = neuron.reset_above >> STATE_SHIFT
    marked = threshold >= THRESHOLD_MAX or threshold == _ML_GENN_STATE_THRESHOLD
    return "state" if last and not ours and marked else "spikes"


def guess_input(group: Fields, kind: str, input_shape: Shape | None) -> Shape:
    """Shape of the input of a file without an input layer: the given one, or the columns of the first weights."""
    if "input_shape" in group:  # a training block wrote it, without an input layer before it
        own = declared_shape(group, "input_shape")
        check_input_shape(group, own, input_shape)
        return own
    if input_shape is not None:
        return tuple(input_shape)
    declared = group.size_of("weight/real" if is_complex(group) else "weight") if kind.startswith("dense") else None
    if declared is None or len(declared) < 2:
        raise NetworkError(
            f"{group.name}: the file has no input layer and the input's shape cannot be told: pass input_shape= "
            "(--input-shape C H W)"
        )
    return (int(declared[1]),)


def check_input_shape(group: Fields, shape: Shape, given: Shape | None) -> None:
    """Raise NetworkError if the shape of the input was given and is not that of the file."""
    if given is not None and tuple(given) != shape:
        raise NetworkError(
            f"{group.name}: the input has shape {shape} in the file, {tuple(given)} was given: leave input_shape= "
            "(--input-shape) out"
        )


def _check_flatten(group: Fields, before: Shape, following: str | None) -> None:
    if following is not None and following.startswith("conv"):
        raise NetworkError(f"{group.name}: a convolution follows a flatten layer; netx has no meaning for that")
    if "shape" in group and int(np.prod(declared_shape(group))) != int(np.prod(before)):
        raise NetworkError(
            f"{group.name}: shape {declared_shape(group)} does not have the {int(np.prod(before))} elements before it"
        )
