"""Checks whether the network of an artifact is the trained one, using the other files of the artifact.

If ``network.net`` was changed, the change is located instead of only refused.  The integers are compared field by field with
those of the trained network (``checkpoint/``) or, without a checkpoint, with those of ``lava_network.npz``.  The golden values
are compared too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.artifact import NETWORK, Artifact, damaged_files, read_manifest
from myelin.convert.artifact.card import CARD
from myelin.convert.artifact.golden import Golden, golden_parity
from myelin.convert.artifact.lava_export import ARRAYS, PARTS, SCRIPT, network_arrays
from myelin.convert.artifact.provenance import CHECKPOINT, CHECKPOINT_FILES, FLOATS
from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
from myelin.convert.compare.constants import ConstantDifference, constant_differences, require_same_structure
from myelin.convert.compare.difference import Parity
from myelin.convert.delays import clip_delays
from myelin.convert.layers import Dense
from myelin.convert.layers.complex import complex_synapse
from myelin.convert.network import Layer, Network
from myelin.convert.netx.format import read_netx
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.reading.array_files import read_npz

_CHECKPOINT = tuple(f"{CHECKPOINT}/{name}" for name in CHECKPOINT_FILES)


@dataclass(frozen=True)
class Deviation:
    """A field of the network that differs from the expected one.

    Attributes:
        layer: index of the layer; -1 for the input.
        where: name of the layer.
        field: name of the field, such as ``synapse.weight``.
        index: index of the first value that differs, () for a single number.
        neuron: flat index of the neuron that owns this constant or incoming synapse; None if many neurons share it.
        values, different_values: number of values in the field, and of those that differ.
        expected, got: the first value that differs; texts if the two cannot be compared value by value.
    """

    layer: int
    where: str
    field: str
    index: tuple[int, ...]
    neuron: int | None
    values: int
    different_values: int
    expected: int | str
    got: int | str

    def __str__(self) -> str:
        place = f"[{', '.join(map(str, self.index))}]" if self.index else ""
        neuron = "" if self.neuron is None else f", neuron {self.neuron}"
        more = f" ({self.different_values} of {self.values} values of it differ)" if self.different_values > 1 else ""
        return f"{self.where}{neuron}: {self.field}{place} is {self.got}, expected {self.expected}{more}"


@dataclass(frozen=True, eq=False)
class Examination:
    """The result of ``examine``.

    Attributes:
        artifact: the artifact with its present ``network.net``, changed or not.
        damaged: file name -> message, for each file that is missing or differs from its hash in the manifest.
        reference: the source of the expected network; None if there is none.
        expected: the network according to ``reference``; None if there is none.
        deviations: fields in which the network differs from ``expected``, in the order of the layers.
        golden: comparison with the golden values.
    """

    artifact: Artifact
    damaged: Mapping[str, str]
    reference: str | None
    expected: Network | None
    deviations: tuple[Deviation, ...]
    golden: Parity

    @property
    def has_checkpoint(self) -> bool:
        """Whether the artifact contains the trained network."""
        return set(_CHECKPOINT) <= self.artifact.manifest["files"].keys() - self.damaged.keys()

    @property
    def failures(self) -> list[str]:
        """The reasons why this is not the trained network; empty if there are none."""
        found = [f"{NETWORK} is not what {self.reference} holds: {deviation}" for deviation in self.deviations]
        if not self.golden.equal:
            found.append(str(self.golden))
        if NETWORK in self.damaged and not found:
            found.append(self.damaged[NETWORK])
        return found


def examine(folder: str | os.PathLike[str]) -> Examination:
    """Read an artifact whose ``network.net`` may have been changed, and compare it with the artifact's other files.

    Raises:
        NetworkError: no artifact; a needed file is missing or damaged; or the network's structure differs from the expected
            one.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    damaged = damaged_files(place, manifest)
    for name, problem in damaged.items():
        tolerated = name in (*_CHECKPOINT, FLOATS, SCRIPT, ARRAYS, CARD) and not (place / name).exists()
        if (name != NETWORK and not tolerated) or not (place / NETWORK).is_file():
            raise NetworkError(problem)
    network = read_netx(place / NETWORK)
    golden = Golden.read(place, network)
    reference, expected = _expected(place, network, manifest, damaged)
    deviations: tuple[Deviation, ...] = ()
    if expected is not None:
        try:
            require_same_structure(expected, network)
        except NetworkError as error:
            raise NetworkError(f"{place}: {NETWORK} (B) is not what {reference} (A) holds: {error}") from error
        found = constant_differences(expected, network)
        deviations = tuple(_deviation(difference, network) for difference in found)
    artifact = Artifact(place, network, golden, manifest)
    return Examination(artifact, damaged, reference, expected, deviations, golden_parity(place, network, golden))


def _expected(
    place: Path, network: Network, manifest: Mapping[str, Any], damaged: Mapping[str, str]
) -> tuple[str | None, Network | None]:
    there = {name for name in manifest["files"] if name not in damaged}
    if set(_CHECKPOINT) <= there:
        expected = network_from_checkpoint(read_checkpoint(place / CHECKPOINT))
        facts = manifest.get("provenance")
        limit = facts.get("clipped_to_steps") if isinstance(facts, dict) else None
        return f"{CHECKPOINT}/", clip_delays(expected, limit)[0] if isinstance(limit, int) else expected
    if ARRAYS in there:
        return ARRAYS, _with_arrays(network, place)
    return None, None


def _with_arrays(network: Network, place: Path) -> Network:
    """``network`` with the constants in ``lava_network.npz``."""
    try:
        arrays = read_npz(place / ARRAYS)
        apart = sorted(arrays.keys() ^ network_arrays(network).keys())
        if apart:
            raise ValueError(f"only one of them has {apart[0]}")
        layers = tuple(_layer(layer, arrays, f"{index}.") for index, layer in enumerate(network.layers))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise NetworkError(f"{place}: {ARRAYS} does not fit {NETWORK}: {error}; export the artifact again") from error
    return replace(network, layers=layers)


def _layer(layer: Layer, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Layer:
    recurrent = layer.recurrent
    if recurrent is not None:
        synapse = _synapse(recurrent.synapse, arrays, f"{prefix}recurrent.")
        recurrent = replace(recurrent, synapse=synapse, delay_steps=arrays[f"{prefix}recurrent.axonal_delay_steps"])
    return replace(
        layer,
        synapse=_forward(layer.synapse, arrays, prefix),
        neuron=_known(layer.neuron, arrays, f"{prefix}neuron."),
        delay_steps=arrays[f"{prefix}axonal_delay_steps"],
        recurrent=recurrent,
    )


def _forward(synapse: Any, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Any:
    parts = [_synapse(part, arrays, f"{prefix}{name}.") for name, part in zip(PARTS, synapse.parts)]
    return parts[0] if len(parts) == 1 else complex_synapse(*parts)


def _synapse(synapse: Any, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Any:
    if isinstance(synapse, Dense):
        synapse = replace(synapse, delay_steps=arrays.get(f"{prefix}delay_steps"))
    return _known(replace(synapse, weight=arrays[f"{prefix}weight"]), arrays, prefix)


def _known(part: Any, arrays: Mapping[str, npt.NDArray[Any]], prefix: str) -> Any:
    """``part`` with those fields that are single integers or lists of numbers replaced by their values in ``arrays``."""
    changes: dict[str, Any] = {}
    for entry in fields(part):
        value, stored = getattr(part, entry.name), arrays.get(prefix + entry.name)
        if stored is not None and type(value) is int:
            changes[entry.name] = int(stored)
        elif stored is not None and isinstance(value, np.ndarray):
            changes[entry.name] = stored
    return replace(part, **changes)


def _deviation(difference: ConstantDifference, network: Network) -> Deviation:
    return Deviation(
        layer=difference.layer,
        where=difference.where,
        field=difference.name,
        index=difference.index,
        neuron=_neuron(difference, network),
        values=difference.values,
        different_values=difference.different,
        expected=difference.a,
        got=difference.b,
    )


def _neuron(difference: ConstantDifference, network: Network) -> int | None:
    if difference.layer < 0 or not difference.index:
        return None
    layer = network.layers[difference.layer]
    owner, _, _ = difference.name.rpartition(".")
    if owner.endswith("synapse"):
        synapse = layer.recurrent.synapse if owner.startswith("recurrent") and layer.recurrent else layer.synapse
        return difference.index[-2] if isinstance(synapse.parts[0], Dense) else None  # (part,) target, source
    if difference.values == layer.neurons:
        shape = layer.shape if len(difference.index) == len(layer.shape) else (layer.neurons,)
        return int(np.ravel_multi_index(difference.index, shape))
    return None
