"""Lossless encoding of a network's integers in the metadata of a graph, as arrays and numbers under flat names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from myelin.convert.layers import Conv, DelayedRecurrent, Dense
from myelin.convert.network import Input, Layer, Network
from myelin.convert.neurons import NEURONS
from myelin.hw_configs.errors import NetworkError

#: Prefix of every name.
ROOT = "network"
_MAX_LAYERS = 1000


def _classes() -> dict[str, Any]:
    """The classes that a network consists of, by name, with the neurons registered at the time of the call."""
    return {kind.__name__: kind for kind in (Network, Input, Layer, Dense, Conv, DelayedRecurrent, *NEURONS.values())}


def integers(network: Network) -> dict[str, Any]:
    """Every field of ``network`` by its name, such as ``network.layers.0.synapse.weight``; fields that are None are omitted."""
    found: dict[str, Any] = {}
    _encode(network, ROOT, found)
    return found


def _encode(value: Any, name: str, found: dict[str, Any]) -> None:
    if value is None:
        return
    if is_dataclass(value):
        found[f"{name}.type"] = type(value).__name__
        for entry in fields(value):
            _encode(getattr(value, entry.name), f"{name}.{entry.name}", found)
    elif isinstance(value, tuple) and value and is_dataclass(value[0]):
        found[f"{name}.count"] = len(value)
        for index, entry in enumerate(value):
            _encode(entry, f"{name}.{index}", found)
    elif isinstance(value, np.ndarray | tuple):
        array = np.asarray(value, np.int32)
        found[name] = array if array.ndim else int(array)  # HDF5 cannot compress an array without axes
    else:
        found[name] = value


def network_of(values: Mapping[str, Any]) -> Network | None:
    """The network encoded by ``integers``, None if there is none; NetworkError if a value is invalid."""
    if f"{ROOT}.type" not in values:
        return None
    try:
        network = _decode(values, ROOT)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise NetworkError(f"the integers in its metadata are damaged: {error}") from error
    if not isinstance(network, Network):
        raise NetworkError(f"the integers in its metadata are a {type(network).__name__}; a Network is expected")
    return network


def _decode(values: Mapping[str, Any], name: str) -> Any:
    if f"{name}.count" in values:
        count = int(values[f"{name}.count"])
        if not 0 < count <= _MAX_LAYERS:
            raise NetworkError(f"the integers in its metadata have {count} layers; 1 to {_MAX_LAYERS} are expected")
        return tuple(_decode(values, f"{name}.{index}") for index in range(count))
    if f"{name}.type" in values:
        cls = _classes()[str(values[f"{name}.type"])]
        names = (f"{name}.{entry.name}" for entry in fields(cls))
        given = {
            key: key.rpartition(".")[2] for key in names if any(f"{key}{end}" in values for end in ("", ".type", ".count"))
        }
        return cls(**{short: _decode(values, key) for key, short in given.items()})
    value = values[name]
    return value if isinstance(value, str) or np.ndim(value) else int(value)
