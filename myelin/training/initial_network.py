"""What a training run can start from: a run, an artifact, a quantised network, or a float network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myelin.convert.artifact.export import Exported
from myelin.convert.delays import clip_delays
from myelin.convert.floats.network import FloatNetwork, dequantised
from myelin.convert.network import Network
from myelin.convert.opened import Opened, read
from myelin.convert.samples import Binning
from myelin.hw_configs.errors import ConfigError

#: What ``init_from`` takes.
Start = str | os.PathLike[str] | Network | Opened | FloatNetwork | Exported


@dataclass(frozen=True, eq=False)
class InitialNetwork:
    """A network to start from, in floats.

    Attributes:
        name: for people.
        floats: the network, in SLAYER's unit or any other.
        config: configuration of the run that it comes from; None if it comes from no run.
        binning: how spikes become frames; None if unknown.
        classes: number of outputs.
        tensors: those of the run by name, with its norms apart from its weights; None if it comes from no run.
    """

    name: str
    floats: FloatNetwork
    config: dict[str, Any] | None = None
    binning: Binning | None = None
    tensors: Mapping[str, Any] | None = None

    @property
    def classes(self) -> int:
        """Number of outputs."""
        return self.floats.layers[-1].shape[0]


def initial_network(start: Start) -> InitialNetwork:
    """The network of ``start``.

    Of a run, and of an artifact that holds the checkpoint of its run, these are the trained floats.  Of any other, these are
    the integers as floats, which is exact.

    Args:
        start: a run folder, an artifact, a netx or NIR file; a network in memory; what ``myelin.read`` or ``myelin.export``
            returns.

    Raises:
        ConfigError: ``start`` is something else.
        NetworkError: the path cannot be read, or its network has no floats.
    """
    if isinstance(start, FloatNetwork):
        return InitialNetwork("a float network in memory", start)
    if isinstance(start, Network):
        return InitialNetwork("a network in memory", dequantised(start))
    if isinstance(start, Exported):
        start = start.folder
    if not isinstance(start, Opened):
        if not isinstance(start, str | os.PathLike):
            raise ConfigError(
                f"init_from is a {type(start).__name__}; a run folder, an artifact, a netx or NIR file, a Network, a "
                "FloatNetwork, or the result of read or export is allowed"
            )
        start = read(start)
    if start.kind == "run":
        assert start.path is not None
        return _run(start.path, start.name)
    if start.artifact is not None:
        return _artifact(start)
    if start.floats is not None:  # those that reading has rounded
        floats = start.floats if start.clipped_to is None else clip_delays(start.floats, start.clipped_to)[0]
        return InitialNetwork(start.name, floats)
    return InitialNetwork(start.name, dequantised(start.network))


def _run(folder: Path, name: str) -> InitialNetwork:
    from myelin.convert.checkpoint import read_checkpoint
    from myelin.convert.floats.checkpoint import floats_from_checkpoint

    checkpoint = read_checkpoint(folder)
    binning = Binning.from_dict(checkpoint.run.data_section, f"{folder}: run.json")
    return InitialNetwork(name, floats_from_checkpoint(checkpoint), checkpoint.config, binning, checkpoint.tensors)


def _artifact(opened: Opened) -> InitialNetwork:
    artifact = opened.artifact
    assert artifact is not None
    checkpoint = artifact.folder / "checkpoint"
    if (checkpoint / "run.json").is_file():
        return _run(checkpoint, opened.name)
    said = artifact.manifest.get("provenance", {}).get("binning")
    binning = None if said is None else Binning.from_dict(said, f"{artifact.folder}: manifest.json")
    return InitialNetwork(opened.name, dequantised(artifact.network), binning=binning)
