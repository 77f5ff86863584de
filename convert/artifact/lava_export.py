"""Writes a script that needs stock lava-nc alone, and the file of plain arrays from which it builds its graph."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.layers import DelayedRecurrent, Synapse
from myelin.convert.network import Network
from myelin.convert.neurons import Neuron
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.fixed_point import SDNN_MESSAGE_BITS

SCRIPT, ARRAYS = "lava_network.py", "lava_network.npz"
#: Copied unchanged; it is not a module of this package and imports nothing from it.
TEMPLATE = Path(__file__).with_name("standalone") / SCRIPT

#: ``Neuron.MODEL`` of the neurons that the script knows itself; others come with the name of their process and its arguments.
KNOWN_NEURONS = ("cuba", "delta", "sigma_delta", "sigma")

#: Names of a layer's feed-forward connection: of its only part, or of its real and its imaginary weights.
PARTS = ("forward", "imag")

_Arrays = dict[str, npt.NDArray[Any]]


def write_lava_script(network: Network, folder: Path) -> tuple[str, str]:
    """Write the script and its arrays into ``folder`` and return both names; the script needs ``golden.npz`` beside it."""
    shutil.copyfile(TEMPLATE, folder / SCRIPT)
    np.savez_compressed(folder / ARRAYS, **network_arrays(network))  # type: ignore[arg-type]
    return SCRIPT, ARRAYS


def network_arrays(network: Network) -> _Arrays:
    """Name -> array of numbers or texts; the script's docstring explains the names."""
    source = network.input
    arrays: dict[str, Any] = {"input.shape": source.shape}
    bits, shape = source.message_bits, source.shape
    if source.neuron is not None:
        arrays |= {"input.weight": source.weight, "input.bias": source.bias}
        arrays |= _named("input.neuron", _neuron(source.neuron))
        bits = SDNN_MESSAGE_BITS if source.neuron.GRADED else 0
    for index, layer in enumerate(network.layers):
        arrays[f"{index}.shape"] = layer.shape
        arrays[f"{index}.axonal_delay_steps"] = layer.delays
        arrays[f"{index}.output"] = layer.state if layer.output == "state" else "spikes"
        for name, part in zip(PARTS, layer.synapse.parts):
            arrays |= _named(f"{index}.{name}", _synapse(part, shape, bits))
        bits, shape = SDNN_MESSAGE_BITS if layer.neuron.GRADED else 0, layer.shape
        if layer.recurrent is not None:
            arrays |= _named(f"{index}.recurrent", _recurrent(layer.recurrent, layer.shape))
        arrays |= _named(f"{index}.neuron", _neuron(layer.neuron))
    return {name: np.asarray(value) for name, value in arrays.items()}


def _synapse(synapse: Synapse, shape: tuple[int, ...], message_bits: int) -> dict[str, Any]:
    if not synapse.SPATIAL:
        synapse = synapse.as_dense(shape)
    values: dict[str, Any] = {"kind": synapse.kind, "weight": synapse.weight, "message_bits": message_bits}
    if synapse.SPATIAL:
        return values | {name: getattr(synapse, name) for name in ("stride", "padding", "dilation", "groups")}
    values["weight_exp"] = synapse.weight_exp
    return values if synapse.delay_steps is None else values | {"delay_steps": synapse.delay_steps}


def _recurrent(recurrent: DelayedRecurrent, shape: tuple[int, ...]) -> dict[str, Any]:
    delays = np.broadcast_to(recurrent.delay_steps, shape)
    return _synapse(recurrent.synapse, shape, 0) | {"axonal_delay_steps": delays}


def _neuron(neuron: Neuron) -> dict[str, Any]:
    if neuron.LAVA_PROCESS:
        given = {f"argument.{name}": _shared(value) for name, value in neuron.lava_arguments().items()}
        return {"kind": neuron.MODEL, "process": neuron.LAVA_PROCESS, **given}
    if neuron.MODEL not in KNOWN_NEURONS:
        raise NetworkError(f"the standalone script has no process for {neuron.LABEL}; it knows {', '.join(KNOWN_NEURONS)}")
    return {"kind": neuron.MODEL} | {name: _shared(value) for name, value in neuron.fields().items()}


def _shared(values: Any) -> Any:
    """A single number if all values are equal; Lava documents one decay per population."""
    array = np.asarray(values)
    return array.flat[0] if np.all(array == array.flat[0]) else array


def _named(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in values.items()}
