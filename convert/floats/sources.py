"""Reads float networks from NIR files, netx files with fractional values, and run folders."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from myelin.convert.arrays import Shape
from myelin.convert.delays import clip_delays
from myelin.convert.floats.network import FloatNetwork
from myelin.convert.opened import TITLES, check_options, require
from myelin.convert.samples import Binning
from myelin.hw_configs.errors import NetworkError


@dataclass(frozen=True, eq=False)
class OpenedFloats:
    """A float network, its name, and the description of data in its source: None and () if there is none.

    ``note``: what was found or assumed while reading; None if nothing was.
    """

    network: FloatNetwork
    binning: Binning | None = None
    keys: tuple[str, ...] = ()
    name: str | None = None
    note: str | None = None


def open_floats(path: str | os.PathLike[str], *, dt_ms: float | None = None, input_shape: Shape | None = None) -> OpenedFloats:
    """Read the float network of a NIR file, a netx file, a folder that ``myelin train`` wrote, or an artifact that holds one.

    A network of plain PyTorch, or of any other origin, needs no file: build a ``FloatNetwork`` from its arrays.

    Args:
        path: path of the file or folder.
        dt_ms: length of a step in milliseconds, for a NIR file only; None for that of the file.
        input_shape: shape of the input, for a netx file without an input layer; None for that of the file.

    Raises:
        NetworkError: the path cannot be read, or holds something that a ``FloatNetwork`` cannot represent.
        MissingPartError: the package nir is not installed.
    """
    place = Path(path)
    kind = require(place, ("nir", "netx", "artifact", "run"), "`myelin quantise`", {})
    check_options(place, kind, dt_ms=dt_ms, input_shape=input_shape)
    if kind == "artifact":
        return _of_artifact(place)
    if kind == "run":
        from myelin.convert.checkpoint import read_checkpoint
        from myelin.convert.floats.checkpoint import floats_from_checkpoint

        checkpoint = read_checkpoint(place)
        run = checkpoint.run
        binning = Binning.from_dict(run.data_section, f"{place}: run.json")
        return OpenedFloats(floats_from_checkpoint(checkpoint), binning, run.keys, run.name)
    if kind == "nir":
        from myelin.convert.nir.format import open_nir_floats

        network, note = open_nir_floats(place, dt_ms=dt_ms)
        return OpenedFloats(network, name=place.stem, note=note)
    from myelin.convert.netx.floats import read_netx_floats

    return OpenedFloats(read_netx_floats(place, input_shape=input_shape), name=place.stem)


def clipped_floats(opened: OpenedFloats, limit_steps: int) -> OpenedFloats:
    """``opened`` with no delay longer than ``limit_steps``; its note reports what was shortened."""
    network, found = clip_delays(opened.network, limit_steps)
    return replace(opened, network=network, note="; ".join([*([opened.note] if opened.note else []), *map(str, found)]) or None)


def _of_artifact(place: Path) -> OpenedFloats:
    """The floats that an artifact holds: those that were quantised, or those of its run."""
    from myelin.convert.artifact.artifact import read_artifact
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.checkpoint import read_checkpoint
    from myelin.convert.floats.checkpoint import floats_from_checkpoint
    from myelin.convert.floats.file import read_floats

    origin = Origin.of(read_artifact(place))
    if origin.floats is not None:
        floats = read_floats(origin.floats)
    elif origin.checkpoint is not None:
        floats = floats_from_checkpoint(read_checkpoint(origin.checkpoint))
    else:
        raise NetworkError(
            f"{place}: is {TITLES['artifact']} of integers alone; `myelin quantise` takes floats: name what "
            "holds them, a file or a run"
        )
    return OpenedFloats(floats, origin.binning, origin.keys, origin.name)
