"""Opens a network from a path of any kind: a netx file, a NIR file, an artifact folder or a run folder.

Every command and function that takes a network uses ``read``.  A command that accepts only some kinds calls ``require``, whose
message names the object, its kind, the allowed kinds, and a cure.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import h5py

from myelin.convert.arrays import Shape
from myelin.convert.network import Network
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.files import check_plain
from myelin.hw_configs.reading.bounds import check_regular

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.checkpoint import Checkpoint
    from myelin.convert.floats.network import FloatNetwork

Kind = Literal["netx", "nir", "artifact", "run"]
#: Name of each kind in messages.
TITLES: dict[Kind, str] = {
    "netx": "a netx file",
    "nir": "a NIR file",
    "artifact": "an artifact folder",
    "run": "a run folder",
}
#: File in a folder that identifies its kind.
_TELLS: dict[str, Kind] = {"manifest.json": "artifact", "run.json": "run"}
#: Option of reading -> the kinds that it is for, and why it is for no other.
_OPTIONS: dict[str, tuple[tuple[Kind, ...], str]] = {
    "dt_ms": (("nir",), "; dt_ms= (--dt-ms) is for NIR files, whose times are in seconds; leave it out"),
    "input_shape": (
        ("netx",),
        ", which says the shape of its input; input_shape= (--input-shape) is for netx files that do not: leave it out",
    ),
    "clip_delays": (
        ("netx", "nir"),
        "; clip_delays= (--clip-delays) of reading is for netx and NIR files: shorten the delays when exporting, with "
        "`myelin export --clip-delays` (clip_delays=True in Python)",
    ),
}
_EXPECTED = "a netx file (*.net), a NIR file (*.nir), an artifact folder or a run folder is expected"


@dataclass(frozen=True, eq=False)
class Opened:
    """A network and its origin.

    Attributes:
        path: path that was read; None for a network made in memory.
        kind: kind of the path; None without a path.
        network: the integer network.
        artifact: the artifact with golden inputs and manifest; None for other kinds.
        checkpoint: the trained network of a run folder, with its record; None for other kinds.
        note: assumptions and roundings made while reading; None if there were none.
        floats: the floats of a NIR file that the integers were rounded from; None for other kinds.
        dt_ms: length of a step of a NIR file in milliseconds; None for other kinds.
        clipped_to: ``clip_delays`` of reading: the integers have no longer delay, ``floats`` may; None if it was not given.
    """

    path: Path | None
    kind: Kind | None
    network: Network
    artifact: Artifact | None = None
    checkpoint: Checkpoint | None = None
    note: str | None = None
    floats: FloatNetwork | None = None
    dt_ms: float | None = None
    clipped_to: int | None = None

    def __repr__(self) -> str:
        where = "" if self.path is None else f" {self.path}"
        note = [] if self.note is None else [f"  note: {self.note}"]
        return "\n".join([f"Opened {self.title}{where}", *note, repr(self.network)])

    def _repr_html_(self) -> str:
        return self.network._repr_html_()

    @property
    def name(self) -> str:
        """Name in messages and results: the path."""
        return "network" if self.path is None else str(self.path)

    @property
    def title(self) -> str:
        """The kind in words."""
        return "a network in memory" if self.kind is None else TITLES[self.kind]

    @property
    def exported_for(self) -> str | None:
        """Name of the target that an artifact was exported for; None for other kinds."""
        return None if self.artifact is None else str(self.artifact.manifest["target"]["name"])


#: Networks that functions accept: one in memory, the result of ``read`` or of ``export``, an artifact, or a path.
Source = Network | Opened | str | os.PathLike[str]


def kind_of(path: str | os.PathLike[str]) -> Kind:
    """The kind of ``path``, from the identifying file of a folder, or from the groups of an HDF5 file.

    A file that is not HDF5 counts as NIR if its name ends in ``.nir``, else as netx; the reader then reports the error.

    Raises:
        NetworkError: the path does not exist, or is a folder that is neither an artifact nor a run.
    """
    if not isinstance(path, str | os.PathLike):
        raise NetworkError(f"a {type(path).__name__} is no path; {_EXPECTED}")
    place = Path(path)
    if not os.path.exists(place):
        raise NetworkError(f"{place}: no such file or folder; {_EXPECTED}")
    check_regular(place, NetworkError)
    if os.path.isdir(place):
        for name, kind in _TELLS.items():
            if (place / name).is_file():
                return kind
        raise NetworkError(
            f"{place} has no manifest.json; an artifact folder, as myelin export writes it, or a run folder, which holds a "
            "run.json, is expected"
        )
    try:
        check_plain(place)
    except OSError as error:
        raise NetworkError(f"{place}: {error.strerror}; {_EXPECTED}") from error
    try:
        with h5py.File(place, "r") as file:
            if "layer" in file or "node" in file:
                return "netx" if "layer" in file else "nir"
    except (OSError, RuntimeError):
        pass  # not HDF5: its reader reports that
    return "nir" if place.suffix == ".nir" else "netx"


def read(
    path: str | os.PathLike[str],
    *,
    dt_ms: float | None = None,
    input_shape: Shape | None = None,
    clip_delays: int | None = None,
) -> Opened:
    """Read the network of ``path``, and the artifact or checkpoint that contains it.

    An artifact is verified: file hashes and golden outputs. The floats of a NIR file without integers are rounded to nearest;
    ``note`` reports it.

    Args:
        path: a netx file, a NIR file, an artifact folder, or a run folder that ``myelin train`` wrote.
        dt_ms: length of a step in milliseconds, for a NIR file only; None for that of the file.
        input_shape: shape of the input, for a netx file without an input layer; None for that of the file.
        clip_delays: shorten longer delays of a netx or NIR file to this number of steps; ``note`` reports their number.

    Raises:
        NetworkError: the path is of no such kind, or is damaged; or an argument is given for another kind.
        MissingPartError: the path is a NIR file, and the package nir is not installed.
    """
    kind = kind_of(path)
    place = Path(path)
    check_options(place, kind, dt_ms=dt_ms, input_shape=input_shape, clip_delays=clip_delays)
    if clip_delays is not None:
        return clipped(read(path, dt_ms=dt_ms, input_shape=input_shape), clip_delays)
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
        return Opened(place, kind, opened.network, note=opened.note, floats=opened.floats, dt_ms=opened.dt_ms)
    from myelin.convert.netx.format import open_netx

    found = open_netx(place, input_shape=input_shape)
    return Opened(place, kind, found.network, note=found.note)


def check_options(path: Path, kind: Kind, **options: object) -> None:
    """Raise NetworkError if an option of reading, which is not None, is for paths of another kind than ``kind``."""
    for name, value in options.items():
        if value is not None and kind not in _OPTIONS[name][0]:
            raise NetworkError(f"{path}: is {TITLES[kind]}{_OPTIONS[name][1]}")


def takes(source: object, option: str) -> bool:
    """Whether ``source`` is a path of a kind that an option of reading, such as ``dt_ms``, is for."""
    return isinstance(source, str | os.PathLike) and os.path.exists(source) and kind_of(source) in _OPTIONS[option][0]


def read_each(
    sources: Sequence[Source],
    *,
    dt_ms: float | None = None,
    input_shape: Shape | None = None,
    clip_delays: int | None = None,
) -> list[Source]:
    """``sources``, the paths among them read with the options that are for their kind; paths without options stay paths.

    Args:
        sources: networks, of which some may be paths.
        dt_ms, input_shape, clip_delays: as of ``read``.

    Raises:
        NetworkError: a path cannot be read, or an option is for none of the sources.
    """
    options = {"dt_ms": dt_ms, "input_shape": input_shape, "clip_delays": clip_delays}
    given = {name: value for name, value in options.items() if value is not None}
    found: list[dict[str, Any]] = [{name: given[name] for name in given if takes(source, name)} for source in sources]
    found[0] |= {name: value for name, value in given.items() if not any(name in own for own in found)}  # refused below
    return [opened_source(source, **own) if own else source for source, own in zip(sources, found, strict=True)]


def clipped(opened: Opened, limit_steps: int) -> Opened:
    """``opened`` with no delay longer than ``limit_steps``; its note reports what was shortened."""
    from myelin.convert.delays import clip_delays

    network, found = clip_delays(opened.network, limit_steps)
    note = "; ".join([*([opened.note] if opened.note else []), *map(str, found)])
    return replace(opened, network=network, note=note or None, clipped_to=limit_steps)


def opened_source(
    source: Source,
    *,
    dt_ms: float | None = None,
    input_shape: Shape | None = None,
    clip_delays: int | None = None,
) -> Opened:
    """``source`` as an ``Opened``, read if it is a path; see ``read`` for the options and errors.

    Raises:
        NetworkError: ``source`` is none of the kinds, or an option is given for one that is no path.
    """
    options = {"dt_ms": dt_ms, "input_shape": input_shape, "clip_delays": clip_delays}
    given = [name for name, value in options.items() if value is not None]
    if given and not isinstance(source, str | os.PathLike):
        raise NetworkError(
            f"{given[0]} says how a file is read, and the network is no path; give it to myelin.read, or leave it out"
        )
    if isinstance(source, Opened):
        return source
    if isinstance(source, Network):
        return Opened(None, None, source)
    if not isinstance(source, str | Path):
        from myelin.convert.artifact.artifact import Artifact

        if isinstance(source, Artifact):
            return Opened(source.folder, "artifact", source.network, artifact=source)
    if not isinstance(source, str | os.PathLike):
        raise NetworkError(
            f"a {type(source).__name__} is no network; a Network, a path, or what myelin.read or myelin.export returned is "
            f"allowed{_cure(source)}"
        )
    return read(source, dt_ms=dt_ms, input_shape=input_shape, clip_delays=clip_delays)


def _cure(source: object) -> str:
    if hasattr(source, "state_dict"):
        return "; make a network of a torch module with myelin.from_torch"
    return "; make integers of floats with myelin.quantise" if hasattr(source, "map_delays") else ""


def note_lines(result: Mapping[str, Any]) -> list[str]:
    """Lines for the screen on how the network of a result was read, from its ``note``; empty without assumptions."""
    return [f"note          {result['note']}"] if result.get("note") else []


def require(path: str | os.PathLike[str], allowed: tuple[Kind, ...], what: str, cures: dict[Kind, str]) -> Kind:
    """The kind of ``path``, if it is among ``allowed``.

    Args:
        path: path given by the user.
        allowed: accepted kinds.
        what: the caller in words, such as "`myelin validate`".
        cures: kind that is not accepted -> cure.

    Raises:
        NetworkError: the path is of another kind, or of none.
    """
    kind = kind_of(path)
    if kind in allowed:
        return kind
    wanted = " or ".join(TITLES[one] for one in get_args(Kind) if one in allowed)
    raise NetworkError(f"{os.fspath(path)}: is {TITLES[kind]}; {what} takes {wanted}; {cures[kind]}")
