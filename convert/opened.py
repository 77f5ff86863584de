"""What a path holds, answered in one place: a netx file, a NIR file, an artifact folder or the run folder of a training.

Every command and function that takes a network goes through ``read``; one that cannot do with every kind asks ``require``,
whose message names the object, what it is, what is allowed, and a cure for that kind.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import h5py

from myelin.convert.network import Network
from myelin.hw_configs.errors import NetworkError

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.checkpoint import Checkpoint

Kind = Literal["netx", "nir", "artifact", "run"]
#: What messages call each kind.
TITLES: dict[Kind, str] = {
    "netx": "a netx file",
    "nir": "a NIR file",
    "artifact": "an artifact folder",
    "run": "a run folder",
}
#: The file in a folder that tells its kind.
_TELLS: dict[str, Kind] = {"manifest.json": "artifact", "run.json": "run"}
_EXPECTED = "a netx file (*.net), a NIR file (*.nir), an artifact folder or a run folder is expected"


@dataclass(frozen=True, eq=False)
class Opened:
    """A network and where it came from.

    Attributes:
        path: what was read; None for a network that was made in memory.
        kind: what the path holds; None where there is no path.
        network: its integers.
        artifact: with golden inputs and manifest; None unless it is an artifact.
        checkpoint: the trained network of a run folder, with its record; None unless it is one.
        note: what was assumed or rounded while reading; None where nothing was.
    """

    path: Path | None
    kind: Kind | None
    network: Network
    artifact: Artifact | None = None
    checkpoint: Checkpoint | None = None
    note: str | None = None

    @property
    def name(self) -> str:
        """What messages and results call it: its path."""
        return "network" if self.path is None else str(self.path)

    @property
    def title(self) -> str:
        """What it is, in words."""
        return "a network in memory" if self.kind is None else TITLES[self.kind]

    @property
    def exported_for(self) -> str | None:
        """Name of the target that an artifact was exported for; None for every other kind."""
        return None if self.artifact is None else str(self.artifact.manifest["target"]["name"])


#: What functions take for a network: one in memory, one that was read, or the path of one.
Source = Network | Opened | str | os.PathLike[str]


def kind_of(path: str | os.PathLike[str]) -> Kind:
    """The kind of what ``path`` holds, by the file that tells it in a folder, and by the groups in an HDF5 file.

    A file that is no HDF5 counts as NIR where its name ends in ``.nir``, as netx elsewhere: their readers say what is wrong.

    Raises:
        NetworkError: there is nothing, or a folder that is neither an artifact nor a run.
    """
    place = Path(path)
    if not place.exists():
        raise NetworkError(f"{place}: no such file or folder; {_EXPECTED}")
    if place.is_dir():
        for name, kind in _TELLS.items():
            if (place / name).is_file():
                return kind
        raise NetworkError(
            f"{place} has no manifest.json; an artifact folder, as myelin export writes it, or a run folder, which holds a "
            "run.json, is expected"
        )
    try:
        with h5py.File(place, "r") as file:
            if "layer" in file or "node" in file:
                return "netx" if "layer" in file else "nir"
    except (OSError, RuntimeError):
        pass  # no HDF5: what reads it next says so
    return "nir" if place.suffix == ".nir" else "netx"


def read(path: str | os.PathLike[str], *, dt_ms: float | None = None) -> Opened:
    """What ``path`` holds: its network, and the artifact or checkpoint around it.

    An artifact is verified, file hashes and golden outputs. The floats of a NIR file that does not carry integers are rounded
    to the nearest ones, which ``note`` says.

    Args:
        path: a netx file, a NIR file, an artifact folder, or a run folder that ``myelin train`` wrote.
        dt_ms: length of a step in milliseconds, of a NIR file alone; None for what the file says, and 1 where it says nothing.

    Raises:
        NetworkError: it holds none of these, or is damaged; or ``dt_ms`` is given for another kind.
        MissingPartError: a NIR file, and the package nir is not installed.
    """
    place, kind = Path(path), kind_of(path)
    if dt_ms is not None and kind != "nir":
        raise NetworkError(f"{place}: is {TITLES[kind]}; --dt-ms is for NIR files, whose times are in seconds; leave it out")
    if kind == "artifact":
        from myelin.convert.artifact.artifact import read_artifact

        artifact = read_artifact(place)
        return Opened(place, kind, artifact.network, artifact=artifact)
    if kind == "run":
        from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint

        checkpoint = read_checkpoint(place)
        return Opened(place, kind, network_from_checkpoint(checkpoint), checkpoint=checkpoint)
    if kind == "nir":
        from myelin.convert.nir.format import open_nir

        opened = open_nir(place, dt_ms=dt_ms)
        return Opened(place, kind, opened.network, note=opened.note)
    from myelin.convert.netx.format import read_netx

    return Opened(place, kind, read_netx(place))


def opened_source(source: Source, *, dt_ms: float | None = None) -> Opened:
    """``source`` as what ``read`` returns; see there for ``dt_ms`` and errors."""
    if isinstance(source, Opened):
        return source
    return Opened(None, None, source) if isinstance(source, Network) else read(source, dt_ms=dt_ms)


def note_lines(result: Mapping[str, Any]) -> list[str]:
    """What a result with ``note`` says of how its network was read, for the screen; nothing where nothing was assumed."""
    return [f"note          {result['note']}"] if result.get("note") else []


def require(path: str | os.PathLike[str], allowed: tuple[Kind, ...], what: str, cures: dict[Kind, str]) -> Kind:
    """The kind of what ``path`` holds, if it is among ``allowed``.

    Args:
        path: what the user named.
        allowed: kinds that will do.
        what: who asks, such as "`myelin validate`".
        cures: for kinds that will not do, what to do with them.

    Raises:
        NetworkError: it is of another kind, or of none.
    """
    kind = kind_of(path)
    if kind in allowed:
        return kind
    wanted = " or ".join(TITLES[one] for one in get_args(Kind) if one in allowed)
    raise NetworkError(f"{os.fspath(path)}: is {TITLES[kind]}; {what} takes {wanted}; {cures[kind]}")
