"""The origin of a network, read from its artifact and checked before use.

``provenance`` in a manifest holds ``name``, ``source``, ``classes``, ``keys``, ``task``, ``binning``, ``clipped_to_steps``,
``clipped`` and ``golden``; of a run also ``run``, of a quantisation ``quantisation``, and ``user`` if the user gave some.
Manifests of 0.1.0 hold those of a run without ``name``, ``source`` and ``task``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from myelin.convert.samples import Binning, Task
from myelin.hw_configs.errors import NetworkError

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact

#: Folder inside an artifact with the trained network, so that validation needs no other file.
CHECKPOINT = "checkpoint"
CHECKPOINT_FILES = ("run.json", "model.safetensors")
#: File inside an artifact with the float network that was quantised.
FLOATS = "floats.npz"
_UNKNOWN: Mapping[str, Any] = {"keys": (), "binning": None, "clipped_to_steps": None}


@dataclass(frozen=True)
class Origin:
    """Where an artifact's network comes from; a run is one possibility.

    Attributes:
        name: name of the experiment or of the file; the artifact's folder if nothing was named.
        target: name of the target it was exported for.
        classes, keys: number of classes, and their names, () if unknown; for traces the number of outputs.
        task: kind of the answer: one class for a sample, one for each step, or a trace.
        binning: conversion of spikes to frames; None if unknown, as for a network that was exported with arrays.
        clipped_to_steps: limit to which delays were clipped at export; None if no delay was clipped.
        checkpoint: folder with the trained network; None if the artifact was made without a run.
        floats: file of the float network that was quantised (``myelin.convert.floats.file``); None if there is none.
        run: facts of the run; None without one.
        user: provenance that the user gave at export; {} for none.
    """

    name: str
    target: str
    classes: int
    keys: tuple[str, ...]
    task: Task
    binning: Binning | None
    clipped_to_steps: int | None
    checkpoint: Path | None
    floats: Path | None
    run: Mapping[str, Any] | None
    user: Mapping[str, Any]

    @classmethod
    def of(cls, artifact: Artifact) -> Origin:
        """Read the manifest; raises NetworkError if an entry is missing, DataError if the binning is wrong."""
        folder, files = artifact.folder, artifact.manifest["files"]
        checkpoint = folder / CHECKPOINT if f"{CHECKPOINT}/{CHECKPOINT_FILES[0]}" in files else None
        try:
            facts: Mapping[str, Any] = artifact.manifest["provenance"]
            if checkpoint is None:  # nothing but a run needs any entry
                facts = {"classes": artifact.network.num_classes, **_UNKNOWN, **facts}
            run, binning, clipped = facts.get("run"), facts["binning"], facts["clipped_to_steps"]
            task = facts.get("task", "classes")
            if task not in get_args(Task):
                raise ValueError(f"task is {task!r}")
            return cls(
                name=str(facts.get("name") or (folder.name if run is None else run["name"])),
                target=str(artifact.manifest["target"]["name"]),
                classes=int(facts["classes"]),
                keys=tuple(str(key) for key in facts["keys"]),
                task=task,
                binning=None if binning is None else Binning.from_dict(binning, f"{folder}: manifest.json"),
                clipped_to_steps=None if clipped is None else int(clipped),
                checkpoint=checkpoint,
                floats=folder / FLOATS if FLOATS in files else None,
                run=None if run is None else dict(run),
                user=dict(facts.get("user") or {}),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise NetworkError(
                f"{folder}: manifest.json does not say where the network comes from ({type(error).__name__}: {error}); export "
                "it again"
            ) from error
