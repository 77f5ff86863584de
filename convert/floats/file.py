"""Writes a float network to a file of plain arrays, and reads it back; every number is exact.

The file is an npz: ``structure`` is a text, the JSON of nested tables ``{"kind": name of the class, field: value, ...}``; a
field that is an array holds ``{"array": name}``, the name of the npz entry with its values.
"""

from __future__ import annotations

import io
import json
import os
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.floats import twins  # noqa: F401  every float neuron is known once this is imported
from myelin.convert.floats.network import FloatConv, FloatDense, FloatLayer, FloatNetwork, FloatRecurrent
from myelin.convert.floats.neuron import FloatNeuron
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.files import write_atomically
from myelin.hw_configs.reading.array_files import read_npz
from myelin.hw_configs.reading.text_files import parse_json

#: Version of the file's layout.
FORMAT = 1
_STRUCTURE = "structure"
_Arrays = dict[str, npt.NDArray[Any]]


def write_floats(network: FloatNetwork, path: str | os.PathLike[str]) -> None:
    """Write ``network``; the file appears complete or not at all.

    Raises:
        NetworkError: the file cannot be written.
    """
    try:
        write_atomically(path, floats_content(network))
    except OSError as error:
        raise NetworkError(f"{path} cannot be written: {error.strerror or error}") from error


def floats_content(network: FloatNetwork) -> bytes:
    """The content of the file."""
    arrays: _Arrays = {}
    structure = {"format": FORMAT, "network": _written(network, "network", arrays)}
    content = io.BytesIO()
    np.savez_compressed(content, **{_STRUCTURE: np.asarray(json.dumps(structure))}, **arrays)  # type: ignore[arg-type]
    return content.getvalue()


def read_floats(path: str | os.PathLike[str]) -> FloatNetwork:
    """The float network that ``write_floats`` wrote.

    Raises:
        NetworkError: the file cannot be read, or is not such a file.
    """
    try:
        arrays = read_npz(path)
        structure = parse_json(str(arrays[_STRUCTURE]))
        if structure["format"] != FORMAT:
            raise NetworkError(f"{path}: float network of format {structure['format']}, this version reads {FORMAT}")
        network = _read(structure["network"], arrays)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise NetworkError(f"{path} cannot be read as a float network: {type(error).__name__}: {error}") from error
    if not isinstance(network, FloatNetwork):
        raise NetworkError(f"{path} holds a {type(network).__name__}; a FloatNetwork is needed")
    return network


def _written(value: Any, name: str, arrays: _Arrays) -> Any:
    """``value`` as JSON; its arrays are added to ``arrays`` under names that begin with ``name``."""
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {"array": name}
    if is_dataclass(value):
        entries = {entry.name: _written(getattr(value, entry.name), f"{name}.{entry.name}", arrays) for entry in fields(value)}
        return {"kind": type(value).__name__, **entries}
    if isinstance(value, tuple):
        return [_written(entry, f"{name}.{index}", arrays) for index, entry in enumerate(value)]
    return value.item() if isinstance(value, np.generic) else value


def _read(value: Any, arrays: _Arrays) -> Any:
    if isinstance(value, list):
        return tuple(_read(entry, arrays) for entry in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]]
    kinds = _kinds()
    if value["kind"] not in kinds:
        raise ValueError(f"kind {value['kind']!r}; {', '.join(kinds)} can be read")
    return kinds[value["kind"]](**{name: _read(entry, arrays) for name, entry in value.items() if name != "kind"})


def _kinds() -> dict[str, type]:
    """Name -> class of everything that a float network consists of."""
    parts = (FloatNetwork, FloatLayer, FloatDense, FloatConv, FloatRecurrent)
    return {kind.__name__: kind for kind in (*parts, *_subclasses(FloatNeuron))}


def _subclasses(kind: type) -> list[type]:
    found: list[type] = []
    below: list[type] = kind.__subclasses__()
    for one in below:
        found += [one, *_subclasses(one)]
    return found
