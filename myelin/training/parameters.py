"""A float network as the initial parameters of a configured network: structures are compared, nothing is bent to fit."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, FloatNetwork
from myelin.convert.floats.neuron import FloatArray
from myelin.convert.network import naming_layer
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import DECAY_UNITY, WEIGHT_SCALE
from myelin.training.grid import best_exponent, rounded_weights
from myelin.training.learnt_constants import learnt_constants
from myelin.training.trained_neurons import TRAINED, TrainedNeuron

if TYPE_CHECKING:
    from torch import Tensor

    from myelin.train.config.config import Config
    from myelin.train.layers import Block


@dataclass(frozen=True, eq=False)
class Fitted:
    """A configuration completed with the thresholds of the network to start from, and its parameters.

    Attributes:
        config: the completed configuration.
        parameters: name in the model's ``state_dict`` -> values.
        notes: lines for the user on what was scaled, and on weights between the points of the grid.
    """

    config: Config
    parameters: dict[str, npt.NDArray[Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def fit_parameters(
    floats: FloatNetwork,
    config: Config,
    *,
    from_run: bool,
    scaled_output: bool = True,
    tensors: Mapping[str, npt.NDArray[Any]] | None = None,
) -> Fitted:
    """The parameters of ``floats`` for the network that ``config`` describes.

    A layer's threshold is that of ``floats`` unless the configuration sets its own (``layers.N.threshold``).  Weights and
    threshold of a layer are scaled together by the power of two that fits the grid of ``train.weight_bits`` best
    (``myelin.training.grid``); a run keeps its scale, since its floats were trained on this grid.  Biases are scaled with them.

    Args:
        floats: the network.
        config: a configuration resolved for its target.
        from_run: whether ``floats`` are those of a run.
        tensors: those of the run, by name, which hold its norms apart from its weights; None: no run.
        scaled_output: whether a readout of states may be scaled, which changes its output but no class; not for traces.

    Raises:
        NetworkError: the structures differ; the message names the layer, what it has, and what is allowed.
    """
    from myelin.train.model import untrained

    _check_ends(floats, config)
    model = untrained(config, floats.layers[-1].shape[0])
    fitted = Fitted(config)
    layers = list(config.layers)
    readout = config.readout
    for index, (layer, block) in enumerate(zip(floats.layers, model.blocks, strict=True)):
        last = index == len(layers)
        with naming_layer(index, layer.kind):
            neuron = TRAINED.of(layer.neuron)(layer.neuron)
            wanted = None if last else layers[index].threshold
            exponent = _exponent(layer, neuron, wanted, config, from_run=from_run, scaled=scaled_output or not last)
            found = _parameters(layer, neuron, block, exponent, "readout" if last else f"layers.{index}")
            own = {name.removeprefix(f"{index}."): v for name, v in (tensors or {}).items() if name.startswith(f"{index}.")}
            section = "readout" if last else f"layers.{index}"
            found |= learnt_constants(neuron, block, exponent, section, own, _spread)
            fitted.parameters.update({f"{index}.{name}": values for name, values in found.items()})
            threshold = None if neuron.threshold is None else _threshold(math.ldexp(neuron.threshold, exponent))
            if last:
                readout = readout if threshold is None else replace(readout, threshold=threshold)
            elif wanted is None and threshold is not None and threshold != config.neuron.threshold:
                layers[index] = replace(layers[index], threshold=threshold)
        fitted.notes.extend(_notes(index, layer, found, exponent, config))
    return replace(fitted, config=replace(config, layers=tuple(layers), readout=readout))


def _check_ends(floats: FloatNetwork, config: Config) -> None:
    got, allowed = len(floats.layers), len(config.layers) + 1
    if got != allowed:
        raise NetworkError(
            f"the network to start from has {got} layers, the configuration {allowed} (the readout is one); name a "
            "configuration of the same structure, or none"
        )
    for what, given, own, key in (
        ("input of shape", floats.input_shape, config.data.input_shape, "data.channels or data.shape"),
        ("input of message bits", floats.message_bits, config.data.message_bits, "data.message_bits"),
    ):
        if given != own:
            raise NetworkError(f"the network to start from has an {what} {given}, the configuration {own}; change {key}")
    if floats.average_groups is not None:
        raise NetworkError(
            "the network to start from ends in an average over groups; a readout of one neuron per class is allowed"
        )


def _exponent(
    layer: FloatLayer, neuron: TrainedNeuron, wanted: float | None, config: Config, *, from_run: bool, scaled: bool
) -> int:
    """Power of two by which the layer is scaled."""
    if wanted is not None and neuron.threshold:
        mantissa, exponent = math.frexp(wanted / neuron.threshold)
        if mantissa != 0.5:
            raise NetworkError(
                f"has a threshold of {neuron.threshold:g}, its configuration of {wanted:g}; this threshold or a power of two "
                "times it is allowed: leave layers.*.threshold out, and it is taken from the network"
            )
        return exponent - 1
    if from_run or not scaled or config.train.grid_bits == 0:
        return 0
    return best_exponent([synapse.weight for synapse in layer.connections], neuron.threshold, config.train.grid_bits)


def _threshold(value: float) -> float:
    """The nearest threshold of training, a multiple of 1/64."""
    nearest = round(value * WEIGHT_SCALE) / WEIGHT_SCALE
    if not 1 / WEIGHT_SCALE <= nearest < 64:
        raise NetworkError(f"has a threshold of {value:g}; 1/64 to below 64 is allowed in training")
    return nearest


def _parameters(layer: FloatLayer, neuron: TrainedNeuron, block: Block, exponent: int, where: str) -> dict[str, Any]:
    """Parameters of one block by name, from its float layer."""
    shape = tuple(block.shape)
    if layer.shape != shape:
        raise NetworkError(f"has neurons of shape {layer.shape}, its configuration of {shape}; change {where}")
    if (neuron.threshold is not None) != block.neuron.spiking:
        cure = f"set {where}.spiking={str(neuron.threshold is not None).lower()}"
        raise NetworkError(f"gives {layer.output}, its configuration {'spikes' if block.neuron.spiking else 'state'}; {cure}")
    found = {"synapse.weight": np.ldexp(_forward(layer.real_synapse, block, where), exponent)}
    if (layer.recurrent is not None) != (block.recurrence is not None):
        kind = "none" if layer.recurrent is None else layer.recurrent.synapse.kind
        raise NetworkError(f"has a recurrence of kind {kind}, its configuration not; set {where}.recurrent={kind}")
    if layer.recurrent is not None and block.recurrence is not None:
        back = _recurrent(layer.recurrent.synapse, block, where)
        found["recurrence.weight"] = np.ldexp(back, exponent)
        delay = block.recurrence.delay
        found["recurrence.delay.delay"] = _delays(layer.recurrent.delay_steps, shape, delay, f"{where}.recurrent_delay_per")
    if block.delay is not None:
        found["delay.delay"] = _delays(layer.delay_steps, shape, block.delay, f"{where}.delay_per")
    elif layer.delay_steps.any():
        raise NetworkError(
            f"has axonal delays of up to {layer.delay_steps.max():g} steps, its configuration none; set {where}.delay_per"
        )
    for name, values in (("current_decay", neuron.current_decay), ("voltage_decay", neuron.voltage_decay)):
        parameter = getattr(block.neuron, name)
        found[f"neuron.{name}"] = _decays(name, values * DECAY_UNITY, shape, block, parameter)
    return found


def _forward(synapse: FloatDense | FloatConv, block: Block, where: str) -> FloatArray:
    own = block.synapse
    spatial = hasattr(own, "stride")
    if isinstance(synapse, FloatConv) != spatial:
        raise NetworkError(
            f"is a {synapse.kind} connection, its configuration has a {'conv' if spatial else 'dense'} one; set "
            f"{where}.kind={synapse.kind}"
        )
    wanted = tuple(own.weight.shape)
    if isinstance(synapse, FloatConv):
        got = (synapse.weight.shape, synapse.stride, synapse.padding, synapse.dilation, synapse.groups)
        allowed = (wanted, getattr(own, "stride", None), getattr(own, "padding", None), (1, 1), 1)
        if got != allowed:
            names = "weights, stride, padding, dilation and groups"
            raise NetworkError(f"has {names} of {_listed(got)}, its configuration of {_listed(allowed)}; change {where}")
        return synapse.weight
    if synapse.delay_steps is not None and synapse.delay_steps.any():
        raise NetworkError("has a delay for every synapse; axonal delays are trained here")
    outputs, inputs = synapse.weight.shape
    if (outputs, inputs) == wanted:
        return synapse.weight
    if outputs == wanted[0] and inputs % wanted[1] == 0:  # a pooled readout: one weight for all positions of a channel
        by_channel = synapse.weight.reshape(*wanted, -1)
        if (by_channel == by_channel[..., :1]).all():
            return np.asarray(by_channel[..., 0])
        raise NetworkError(f"has other weights at each position of a channel; set {where}.pool=none")
    raise NetworkError(f"has weights of shape {(outputs, inputs)}, its configuration of {wanted}; change {where}")


def _recurrent(synapse: FloatDense | FloatConv, block: Block, where: str) -> FloatArray:
    assert block.recurrence is not None
    kind, wanted = block.recurrence.kind, tuple(block.recurrence.weight.shape)
    if synapse.kind != kind:
        raise NetworkError(
            f"has a {synapse.kind} recurrence, its configuration a {kind} one; set {where}.recurrent={synapse.kind}"
        )
    if isinstance(synapse, FloatDense):
        if synapse.delay_steps is not None and synapse.delay_steps.any():
            raise NetworkError("has a delay for every recurrent synapse; axonal delays are trained here")
        return synapse.weight
    kernel = synapse.weight.shape
    same = (synapse.stride, synapse.padding, synapse.dilation, synapse.groups)
    if same != ((1, 1), (kernel[2] // 2, kernel[3] // 2), (1, 1), 1):
        raise NetworkError(
            f"has a recurrence of stride, padding, dilation and groups {same}; one that keeps the shape is allowed"
        )
    as_row = (*kernel[:2], kernel[3]) if len(wanted) == 3 and kernel[2] == 1 else kernel
    if as_row != wanted:
        raise NetworkError(f"has recurrent weights of shape {as_row}, its configuration of {wanted}; set {where}.taps")
    return synapse.weight.reshape(wanted)


def _delays(steps: FloatArray, shape: Shape, delay: Any, key: str) -> FloatArray:
    values = _spread(steps, shape, delay.delay.numel())
    if values is None:
        raise NetworkError(f"has other delays within a channel, its configuration one per channel; set {key}=neuron")
    if values.size and values.max() > delay.max_delay:
        raise NetworkError(
            f"has a delay of {values.max():g} steps, {delay.max_delay} is allowed; raise delay.max_delay_steps if the target "
            "holds it, or start from a network with shorter delays"
        )
    return values


def _decays(name: str, values: FloatArray, shape: Shape, block: Block, parameter: Tensor) -> FloatArray:
    found = _spread(values, shape, parameter.numel())
    if found is None:
        raise NetworkError(
            f"has other values of {name} in a population, its configuration one for "
            f"{'all' if parameter.numel() == 1 else 'each channel'}; "
            + ("set neuron.per_neuron=true" if parameter.numel() == 1 else "start from a network that shares them in a channel")
        )
    low, high = getattr(block.neuron, "decay_ranges", ((0, DECAY_UNITY),) * 2)[name == "voltage_decay"]
    if found.min() < low or found.max() > high:
        raise NetworkError(f"has a {name} of {found.min():g}..{found.max():g}/{DECAY_UNITY}; {low}..{high} is allowed")
    return found


def _spread(values: FloatArray, shape: Shape, size: int) -> FloatArray | None:
    """``values``, broadcast to ``shape``, as ``size`` equal groups; None if a group holds different values."""
    groups = np.broadcast_to(values, shape).reshape(size, -1)
    return np.array(groups[:, 0]) if (groups == groups[:, :1]).all() else None


def _notes(index: int, layer: FloatLayer, found: dict[str, Any], exponent: int, config: Config) -> list[str]:
    where, bits, notes = f"layer {index} ({layer.kind})", config.train.grid_bits, []
    if exponent:
        what = "weights and threshold" if layer.output == "spikes" else "weights"
        notes.append(f"scaled        {where}: {what} times 2^{exponent}, onto the grid of {bits} bits")
    if bits:
        weights: Sequence[FloatArray] = [values for name, values in found.items() if name.endswith(".weight")]
        clipped, moved, total = rounded_weights(weights, bits)
        if clipped or moved:
            notes.append(
                f"grid          {where}: of {total} weights, {moved} lie between the points of {bits} bits and {clipped} "
                "beyond them; the forward pass takes the nearest"
            )
    return notes


def _listed(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))
