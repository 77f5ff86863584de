"""The origin of a network, read from its artifact and checked before use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.convert.samples import Binning
from myelin.hw_configs.errors import NetworkError

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact

#: Folder inside an artifact with the trained network, so that validation needs no other file.
CHECKPOINT = "checkpoint"
CHECKPOINT_FILES = ("run.json", "model.safetensors")


@dataclass(frozen=True)
class Origin:
    """The data and training of an artifact's network.

    Attributes:
        name: name of the experiment.
        target: name of the target it was exported for.
        classes, keys: number of classes and their names.
        binning: conversion of spikes to frames.
        clipped_to_steps: limit to which delays were clipped at export; None if no delay was clipped.
        checkpoint: folder with the trained network.
    """

    name: str
    target: str
    classes: int
    keys: tuple[str, ...]
    binning: Binning
    clipped_to_steps: int | None
    checkpoint: Path

    @classmethod
    def of(cls, artifact: Artifact) -> Origin:
        """Read the manifest; raises NetworkError if an entry is missing, DataError if the binning is missing or wrong."""
        try:
            facts: Mapping[str, Any] = artifact.manifest["provenance"]
            clipped = facts["clipped_to_steps"]
            return cls(
                name=str(facts["run"]["name"]),
                target=str(artifact.manifest["target"]["name"]),
                classes=int(facts["classes"]),
                keys=tuple(str(key) for key in facts["keys"]),
                binning=Binning.from_dict(facts["binning"], f"{artifact.folder}: manifest.json"),
                clipped_to_steps=None if clipped is None else int(clipped),
                checkpoint=artifact.folder / CHECKPOINT,
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NetworkError(
                f"{artifact.folder}: manifest.json does not say where the network comes from ({type(error).__name__}: "
                f"{error}); export the run again"
            ) from error
