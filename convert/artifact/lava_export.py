"""A script for those who have stock lava-nc and nothing else, and the file of plain arrays that it builds its graph from."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.layers import Conv, DelayedRecurrent, Dense
from myelin.convert.network import Network
from myelin.convert.neurons import Cuba, Delta, Sigma, SigmaDelta
from myelin.hw_configs.fixed_point import SDNN_MESSAGE_BITS

SCRIPT, ARRAYS = "lava_network.py", "lava_network.npz"
#: Copied as it is; it is no module of this package and imports nothing of it.
TEMPLATE = Path(__file__).with_name("standalone") / SCRIPT

_Arrays = dict[str, npt.NDArray[Any]]


def write_lava_script(network: Network, folder: Path) -> tuple[str, str]:
    """Write the script and its arrays into ``folder``; beside ``golden.npz`` it runs. Returns the names of both files."""
    shutil.copyfile(TEMPLATE, folder / SCRIPT)
    np.savez_compressed(folder / ARRAYS, **network_arrays(network))  # type: ignore[arg-type]
    return SCRIPT, ARRAYS


def network_arrays(network: Network) -> _Arrays:
    """The network as arrays of numbers and texts, by the names that the script's docstring explains."""
    source = network.input
    arrays: dict[str, Any] = {"input.shape": source.shape}
    bits = source.message_bits
    if source.neuron is not None:
        arrays |= {"input.weight": source.weight, "input.bias": source.bias}
        arrays |= _named("input.neuron", _neuron(source.neuron))
        bits = SDNN_MESSAGE_BITS if source.neuron.GRADED else 0
    for index, layer in enumerate(network.layers):
        arrays[f"{index}.shape"] = layer.shape
        arrays[f"{index}.axonal_delay_steps"] = layer.delays
        arrays[f"{index}.output"] = layer.state if layer.output == "state" else "spikes"
        arrays |= _named(f"{index}.forward", _synapse(layer.synapse, bits))
        bits = SDNN_MESSAGE_BITS if layer.neuron.GRADED else 0
        if layer.recurrent is not None:
            arrays |= _named(f"{index}.recurrent", _recurrent(layer.recurrent, layer.shape))
        arrays |= _named(f"{index}.neuron", _neuron(layer.neuron))
    return {name: np.asarray(value) for name, value in arrays.items()}


def _synapse(synapse: Dense | Conv, message_bits: int) -> dict[str, Any]:
    values: dict[str, Any] = {"kind": synapse.kind, "weight": synapse.weight, "message_bits": message_bits}
    if isinstance(synapse, Conv):
        return values | {name: getattr(synapse, name) for name in ("stride", "padding", "dilation", "groups")}
    values["weight_exp"] = synapse.weight_exp
    return values if synapse.delay_steps is None else values | {"delay_steps": synapse.delay_steps}


def _recurrent(recurrent: DelayedRecurrent, shape: tuple[int, ...]) -> dict[str, Any]:
    delays = np.broadcast_to(recurrent.delay_steps, shape)
    return _synapse(recurrent.synapse, 0) | {"axonal_delay_steps": delays}


def _neuron(neuron: Cuba | SigmaDelta | Sigma | Delta) -> dict[str, Any]:
    if isinstance(neuron, Sigma):
        return {"kind": "sigma"}
    if isinstance(neuron, Cuba):
        names: tuple[str, ...] = ("threshold", "current_decay", "voltage_decay", "bias_mant", "bias_exp")
        return {"kind": "cuba"} | {name: _shared(getattr(neuron, name)) for name in names}
    names = ("threshold", "spike_exp", "state_exp", "cumulative_error")
    values = {name: getattr(neuron, name) for name in names}
    if isinstance(neuron, Delta):
        return {"kind": "delta"} | values
    return {"kind": "sigma_delta", "bias": _shared(neuron.bias), "activation": neuron.activation} | values


def _shared(values: Any) -> Any:
    """One number where all are the same: Lava documents decays as one for a population."""
    array = np.asarray(values)
    return array.flat[0] if np.all(array == array.flat[0]) else array


def _named(prefix: str, values: dict[str, Any]) -> dict[str, Any]:
    return {f"{prefix}.{name}": value for name, value in values.items()}
