"""Float networks from wherever they are: NIR files, netx files with fractions, run folders of ours."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from myelin.convert.floats.network import FloatNetwork
from myelin.convert.samples import Binning
from myelin.hw_configs.errors import NetworkError


@dataclass(frozen=True, eq=False)
class OpenedFloats:
    """A float network, and what its source says of data: None and () where it says nothing."""

    network: FloatNetwork
    binning: Binning | None = None
    keys: tuple[str, ...] = ()


def open_floats(path: str | os.PathLike[str]) -> OpenedFloats:
    """The float network of a ``*.nir`` file, another file, which is netx, or a folder that ``myelin train`` wrote.

    A network of plain PyTorch, or of any other origin, needs no file: ``FloatNetwork`` is built from its arrays.

    Raises:
        NetworkError: it cannot be read, or holds something that a ``FloatNetwork`` cannot say.
        BackendError: the package nir is not installed.
    """
    place = Path(path)
    if not place.exists():
        raise NetworkError(f"{place}: no such file or folder; a NIR file (*.nir), a netx file or a run folder is expected")
    if place.is_dir():
        from myelin.convert.checkpoint import read_checkpoint
        from myelin.convert.floats.checkpoint import floats_from_checkpoint

        checkpoint = read_checkpoint(place)
        run = checkpoint.run
        binning = Binning.from_dict(run.data_section, f"{place}: run.json")
        return OpenedFloats(floats_from_checkpoint(checkpoint), binning, run.keys)
    if place.suffix == ".nir":
        from myelin.convert.nir.format import read_nir_floats

        return OpenedFloats(read_nir_floats(place))
    from myelin.convert.netx.floats import read_netx_floats

    return OpenedFloats(read_netx_floats(place))
