"""From the groups of a netx file to a ``Network``; the fields are described in ``myelin.convert.netx.format``."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.layers import Conv, DelayedRecurrent, Dense
from myelin.convert.layers.conv import as_chw
from myelin.convert.network import Input, Layer, Network
from myelin.convert.netx.fields import MAX_VALUES, Fields
from myelin.convert.netx.neurons import default_neuron, read_input_neuron, read_neuron
from myelin.convert.netx.values import declared_shape, delay_values, pair, population, spread, weights, whole_number
from myelin.convert.neurons import Cuba, Delta, Sigma, SigmaDelta
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import STATE_MAX, THRESHOLD_MAX

_MAX_LAYERS = 1000
#: Threshold of a readout of states in ml_genn_netx.
_ML_GENN_STATE_THRESHOLD = 1 << 16
_CONNECTIONS = ("dense", "dense_rec", "conv", "conv_rec")
_KNOWN = ("input", "flatten", "average", *_CONNECTIONS)


def read_network(
    root: Fields, input_shape: Shape | None, input_message_bits: int | None, spike_exp: int | None = None
) -> Network:
    """The network below ``root``; ``myelin.convert.netx.format.read_netx`` says what the arguments and errors are."""
    groups = layer_groups(root)
    ours = "myelin_format" in root.group.attrs
    kinds = [group.text("type") for group in groups]
    source: Input | None = None
    layers: list[Layer] = []
    average: int | None = None
    for position, (group, kind) in enumerate(zip(groups, kinds, strict=True)):
        group.name = f"layer/{position} ({kind})"
        if kind not in _KNOWN:
            raise NetworkError(f"{group.name}: layers of this type are not supported; supported are {', '.join(_KNOWN)}")
        if average is not None:
            raise NetworkError(f"{group.name}: a layer follows the average layer, which must be the last")
        following = next((other for other in kinds[position + 1 :] if other != "flatten"), None)
        if kind == "input":
            if source is not None or layers:
                raise NetworkError(f"{group.name}: only the first layer may be the input")
            source = _read_input(group, population(group, kind, ours, following), input_message_bits, spike_exp)
            continue
        if source is None:
            source = Input(_guess_input(group, kind, input_shape), input_message_bits or 0)
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


def layer_groups(root: Fields) -> list[Fields]:
    """The groups ``layer/0``, ``layer/1``, ... of a file, in order; raises NetworkError where they have gaps."""
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
        groups.append(Fields(group.group, f"layer/{index}"))
    return groups


def _read_input(group: Fields, shape: Shape, message_bits: int | None, spike_exp: int | None) -> Input:
    bits = whole_number(group, "message_bits", 0) if message_bits is None else message_bits
    constants = group.child("neuron")
    if constants is None:
        return Input(shape, bits)
    neuron = read_input_neuron(group, constants, shape, spike_exp)
    if isinstance(neuron, Delta) and message_bits is None and "message_bits" not in group:
        bits = max(0, STATE_MAX.bit_length() - neuron.shift)  # what the states of a chip hold
    weight = whole_number(group, "weight") if "weight" in group else Input(shape, neuron=neuron).weight
    return Input(shape, bits, neuron, weight, whole_number(group, "bias", 0))


def _read_layer(group: Fields, kind: str, before: Shape, ours: bool, following: str | None, spike_exp: int | None) -> Layer:
    shape = population(group, kind, ours, following)
    try:
        synapse, columns = _read_synapse(group, kind, before, shape)
        axonal, synaptic = _read_delays(group, "delay", shape, columns)
        if isinstance(synapse, Dense):
            synapse = Dense(synapse.weight, synapse.weight_exp, synaptic)
        elif synaptic is not None:
            raise NetworkError("'delay' is a matrix; a convolution takes delays per neuron or per channel")
        neuron = group.child("neuron")
        if neuron is None and kind != "dense":
            raise NetworkError("group 'neuron' is missing; netx needs it")
        constants = default_neuron(group, shape) if neuron is None else read_neuron(group, neuron, shape, spike_exp)
        recurrent = _read_recurrent(group, shape) if kind.endswith("_rec") else None
        output = _read_output(group, constants, ours, recurrent is None and following in (None, "average"))
        return Layer(shape, synapse, constants, axonal, recurrent, output)
    except NetworkError as error:
        text = str(error)
        raise NetworkError(text if text.startswith("layer/") else f"{group.name}: {text}") from error


def _read_synapse(group: Fields, kind: str, before: Shape, shape: Shape) -> tuple[Dense | Conv, int]:
    """The feed-forward connection, and the number of its columns, which a vector of delays may belong to."""
    exponent = whole_number(group, "weight_exp", 0)
    if kind.startswith("conv"):
        if exponent:
            raise NetworkError(f"weight_exp is {exponent}; Lava's fixed-point convolution has no weight exponent")
        return _read_conv(group, "", int(np.prod(as_chw(before)))), -1
    sources, targets = int(np.prod(before)), int(np.prod(shape))
    return Dense(_read_matrix(group, "weight", targets, sources), exponent), sources


def _read_matrix(group: Fields, key: str, targets: int, sources: int) -> npt.NDArray[Any]:
    declared = group.size_of(key)
    if declared is None:
        raise NetworkError(f"{group.name}: {key!r} is missing; netx needs it")
    if int(np.prod(declared, dtype=object)) != targets * sources or (len(declared) > 1 and declared[0] != targets):
        raise NetworkError(f"{group.name}: {key!r} has shape {declared}; ({targets}, {sources}) is expected")
    return weights(group, key, targets * sources).reshape(targets, sources)


def _read_conv(group: Fields, suffix: str, most_inputs: int) -> Conv:
    key = "weight" + suffix
    declared = group.size_of(key) or ()
    if len(declared) == 5 and declared[4] == 1:
        declared = declared[:4]
    if len(declared) != 4 or declared[1] > most_inputs:
        raise NetworkError(f"{group.name}: {key!r} has shape {declared}; (out, in / groups, height, width) is expected")
    return Conv(
        weights(group, key, MAX_VALUES).reshape(declared),
        stride=pair(group, "stride" + suffix),
        padding=pair(group, "padding" + suffix),
        dilation=pair(group, "dilation" + suffix),
        groups=whole_number(group, "groups" + suffix),
    )


def _read_recurrent(group: Fields, shape: Shape) -> DelayedRecurrent:
    exponent = whole_number(group, "weight_exp_rec", 0)
    size = int(np.prod(shape))
    if len(group.size_of("weight_rec") or ()) == 4:
        axonal, synaptic = _read_delays(group, "delay_rec", shape, -1)
        return DelayedRecurrent(_read_conv(group, "_rec", size), axonal)
    axonal, synaptic = _read_delays(group, "delay_rec", shape, size)
    return DelayedRecurrent(Dense(_read_matrix(group, "weight_rec", size, size), exponent, synaptic), axonal)


def _read_delays(group: Fields, key: str, shape: Shape, columns: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Axonal delays, and synaptic ones (out, columns) or None; ``columns`` is -1 for a convolution."""
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


def _read_output(group: Fields, neuron: Cuba | SigmaDelta | Sigma, ours: bool, last: bool) -> Literal["spikes", "state"]:
    said = group.text("output", "")
    if said in ("spikes", "state"):
        return said  # type: ignore[return-value]
    if said:
        raise NetworkError(f"{group.name}: 'output' is {said!r}; 'spikes' or 'state' is expected")
    if not isinstance(neuron, Cuba):
        return "state" if isinstance(neuron, Sigma) else "spikes"
    marked = neuron.threshold >= THRESHOLD_MAX or neuron.threshold == _ML_GENN_STATE_THRESHOLD
    return "state" if last and not ours and marked else "spikes"


def _guess_input(group: Fields, kind: str, input_shape: Shape | None) -> Shape:
    if input_shape is not None:
        return tuple(input_shape)
    declared = group.size_of("weight") if kind.startswith("dense") else None
    if declared is None or len(declared) < 2:
        raise NetworkError(f"{group.name}: the file has no input layer and the input's shape cannot be told: pass input_shape=")
    return (int(declared[1]),)


def _check_flatten(group: Fields, before: Shape, following: str | None) -> None:
    if following is not None and following.startswith("conv"):
        raise NetworkError(f"{group.name}: a convolution follows a flatten layer; netx has no meaning for that")
    if "shape" in group and int(np.prod(declared_shape(group))) != int(np.prod(before)):
        raise NetworkError(
            f"{group.name}: shape {declared_shape(group)} does not have the {int(np.prod(before))} elements before it"
        )
