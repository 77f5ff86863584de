"""The artifact: a folder from which any backend can run a network and verify its output, without torch or data.

Files: ``network.net`` (netx HDF5), ``golden.npz`` (a few real inputs with the exact spikes, output and class scores),
``lava_network.py`` and ``lava_network.npz`` (the same network as a script for stock lava-nc), ``README.md`` (a model card, for
sharing the folder), ``manifest.json`` (target, provenance, metrics, versions, and the SHA-256 of every other file), and
attached files.  Artifacts of 0.1.0 have no ``README.md``.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert import notebook
from myelin.convert.artifact.card import CARD, model_card
from myelin.convert.artifact.files import atomic_folder, sha256
from myelin.convert.artifact.golden import GOLDEN, Golden, golden_parity
from myelin.convert.artifact.lava_export import write_lava_script
from myelin.convert.network import Network
from myelin.convert.netx.format import netx_content, read_netx
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.hw_configs.reading.bounds import FILE_MB, MB
from myelin.hw_configs.reading.text_files import read_json
from myelin.hw_configs.target import Target
from myelin.hw_configs.version import VERSION

NETWORK, MANIFEST = "network.net", "manifest.json"
#: Version of the folder's layout.
FORMAT = 1


@dataclass(frozen=True, eq=False)
class Artifact:
    """A verified artifact.

    Attributes:
        folder: path of the artifact.
        network: the integer network.
        golden: inputs with their exact outputs.
        manifest: target, provenance, metrics and versions, as written at export.
    """

    folder: Path
    network: Network
    golden: Golden
    manifest: Mapping[str, Any]

    def __fspath__(self) -> str:
        return str(self.folder)

    def __repr__(self) -> str:
        return notebook.artifact_text(self)

    def _repr_html_(self) -> str:
        return notebook.artifact_html(self)


def write_artifact(
    folder: str | os.PathLike[str],
    network: Network,
    target: Target,
    *,
    inputs: npt.ArrayLike,
    provenance: Mapping[str, Any],
    metrics: Mapping[str, Any],
    user: Mapping[str, Any] | None = None,
    attachments: Mapping[str, bytes] | None = None,
) -> Path:
    """Write an artifact atomically; replaces only an older artifact or an empty folder.

    Args:
        folder: folder to write.
        network: the network; check it against the target with ``myelin.convert.rules.check`` before.
        target: the target that the network was made for.
        inputs: (samples, steps, *input shape), a few real inputs; the simulator computes their outputs.
        provenance: origin of the network (checkpoint, configuration, data set, seeds), as JSON values.
        user: provenance that the user gave, as JSON values, which becomes its entry ``user``.
        metrics: measured results, units in the names, as JSON values.
        attachments: name in the artifact, such as ``checkpoint/run.json`` -> content of a further file.

    Raises:
        NetworkError: the folder holds something else, or the network does not fit a netx file.
        DataError: the inputs do not fit the network, or JSON cannot hold provenance or metrics.
    """
    place = Path(folder)
    _check_replaceable(place)
    spikes = np.asarray(inputs)
    if spikes.ndim < 3 or len(spikes) == 0:
        raise DataError(f"golden inputs have shape {spikes.shape}; at least one sample of (samples, steps, input) is needed")
    golden, content = Golden.of(network, spikes), netx_content(network)
    manifest = {
        "format": FORMAT,
        "myelin": VERSION,
        "target": {"name": target.name, "title": target.title, "limits": target.limits, "not_public": list(target.unknown)},
        "provenance": _plain("provenance", provenance) | ({} if user is None else {"user": _plain("provenance", user)}),
        "metrics": _plain("metrics", metrics),
        "versions": _versions(),
    }
    try:
        with atomic_folder(place) as temporary:
            (temporary / NETWORK).write_bytes(content)
            golden.write(temporary / GOLDEN)
            script = write_lava_script(network, temporary)
            for name, attached in (attachments or {}).items():
                (temporary / name).parent.mkdir(parents=True, exist_ok=True)
                (temporary / name).write_bytes(attached)
            card = model_card(network, manifest, golden_samples=len(spikes))
            (temporary / CARD).write_bytes(card.encode(errors="backslashreplace"))
            names = (NETWORK, GOLDEN, *script, CARD, *(attachments or {}))
            manifest["files"] = {name: {"sha256": sha256(temporary / name)} for name in names}
            (temporary / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    except OSError as error:
        raise NetworkError(f"{place} cannot be written: {error.strerror or error}") from error
    return place


def read_artifact(folder: str | os.PathLike[str]) -> Artifact:
    """Read and verify an artifact: the file hashes, and that the simulator reproduces the golden outputs.

    Raises:
        NetworkError: a file is missing, damaged or changed, or an output differs; the message names it and the place.
    """
    place = Path(folder)
    manifest = read_manifest(place)
    for problem in damaged_files(place, manifest).values():
        raise NetworkError(problem)
    network = read_netx(place / NETWORK)
    golden = Golden.read(place, network)
    parity = golden_parity(place, network, golden)
    if not parity.equal:
        raise NetworkError(
            f"{place}: golden values do not come out: {parity.different_values} of {parity.values} differ, {parity.first}; the "
            "file or this version of the simulator is wrong; export the artifact again"
        )
    return Artifact(place, network, golden, manifest)


def damaged_files(place: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """File name -> message, for each file that is missing or differs from its hash in the manifest."""
    found = {}
    for name, entry in manifest["files"].items():
        path = place / name
        if not os.path.isfile(path):
            found[name] = f"{place}: {name} is missing; export the artifact again"
            continue
        size = path.stat().st_size
        if size > FILE_MB.bytes:
            found[name] = f"{place}: {name} has {size} bytes, more than {FILE_MB.value} MB; {FILE_MB.cure(-(-size // MB))}"
            continue
        got = sha256(path)
        if got != entry.get("sha256"):
            own = ", and put words of your own in another file beside it" if name == CARD else ""
            found[name] = (
                f"{place}: {name} was changed or damaged: its SHA-256 is {got[:12]}..., the manifest says "
                f"{str(entry.get('sha256'))[:12]}...; export the artifact again{own}"
            )
    return found


def _check_replaceable(place: Path) -> None:
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise NetworkError(f"{place} is not a folder; give a new folder for the artifact")
    if place.is_dir() and any(place.iterdir()) and _format_of(place) is None:
        raise NetworkError(f"{place} holds files that are not an artifact; give a new or empty folder")


def _format_of(place: Path) -> int | None:
    try:
        found = read_json(place / MANIFEST)
        return found["format"] if isinstance(found["format"], int) and NETWORK in found["files"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def read_manifest(place: Path) -> dict[str, Any]:
    """The checked manifest of the artifact ``place``; raises NetworkError if it is not a valid manifest."""
    if not (place / MANIFEST).is_file():
        raise NetworkError(f"{place} has no {MANIFEST}; an artifact folder, as myelin export writes it, is expected")
    version = _format_of(place)
    if version is None:
        raise NetworkError(f"{place}: {MANIFEST} is not the manifest of an artifact; export the artifact again")
    if version != FORMAT:
        raise NetworkError(f"{place}: the artifact has format {version}, this version reads {FORMAT}; export it again")
    manifest: dict[str, Any] = read_json(place / MANIFEST)
    files = manifest["files"]
    listed = isinstance(files, dict) and all(isinstance(entry, dict) for entry in files.values())
    if not listed or not {NETWORK, GOLDEN} <= set(files):
        raise NetworkError(f"{place}: {MANIFEST} must list {NETWORK} and {GOLDEN}; export the artifact again")
    outside = [name for name in files if Path(name).is_absolute() or ".." in Path(name).parts]
    if outside:
        raise NetworkError(f"{place}: {MANIFEST} lists {outside[0]}, which lies outside the folder; export the artifact again")
    return manifest


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in ("myelin-loihi", "numpy", "h5py", "numba"):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "unknown"
    return versions


def _plain(name: str, value: Any) -> Any:
    """``value`` as plain JSON values, without loss; raises DataError, naming the place, if that is impossible."""
    if isinstance(value, Mapping):
        return {str(key): _plain(f"{name}.{key}", entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(f"{name}[{index}]", entry) for index, entry in enumerate(value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, os.PathLike):
        value = os.fspath(value)
    if value is None or isinstance(value, (bool, int, str)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise DataError(f"{name} is {value!r}; numbers, texts, lists and tables are allowed in a manifest")
