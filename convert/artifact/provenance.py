"""Where a network comes from: what a run folder and an artifact say of it, checked before anything relies on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.convert.samples import Binning
from myelin.hw_configs.errors import NetworkError

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.checkpoint import Checkpoint

#: Folder inside an artifact with the trained network it came from, so that validation needs nothing else.
CHECKPOINT = "checkpoint"
CHECKPOINT_FILES = ("run.json", "model.safetensors")


@dataclass(frozen=True)
class Run:
    """What a run folder says of itself, checked.

    Attributes:
        name: of the experiment.
        target: what it was trained for.
        classes, keys: number of classes and their names, () where the data has none.
        data: name of the training data's file.
        data_section: the configuration's section on how spikes become frames.
        epochs, epochs_done: planned and done.
        best: figures of the exported epoch.
        parameters, recurrent_parameters: counts.
        seed: of the run.
        versions: of Python, torch and numpy at training.
    """

    name: str
    target: str
    classes: int
    keys: tuple[str, ...]
    data: str
    data_section: dict[str, Any]
    epochs: int
    epochs_done: int
    best: dict[str, Any]
    parameters: int
    recurrent_parameters: int
    seed: int
    versions: dict[str, str]

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Run:
        """The facts in run.json; raises NetworkError where one is missing."""
        record, config = checkpoint.record, checkpoint.config
        try:
            return cls(
                name=str(config["name"]),
                target=str(config["target"]),
                classes=int(record["classes"]),
                keys=tuple(str(key) for key in record["keys"]),
                data=str(record["data"]["name"]),
                data_section=dict(config["data"]),
                epochs=int(config["train"]["epochs"]),
                epochs_done=int(record["epochs_done"]),
                best={name: record["best"][name] for name in ("epoch", "train_accuracy", "validation_accuracy")},
                parameters=int(record["parameters"]),
                recurrent_parameters=int(record["recurrent_parameters"]),
                seed=int(config["train"]["seed"]),
                versions={str(name): str(value) for name, value in record["versions"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NetworkError(
                f"{checkpoint.folder}: run.json is incomplete ({type(error).__name__}: {error}); train again"
            ) from error


@dataclass(frozen=True)
class Origin:
    """What an artifact says of its data and training.

    Attributes:
        name: of the experiment.
        target: name of the target it was exported for.
        classes, keys: number of classes and their names.
        binning: how spikes become frames.
        clipped_to_steps: limit to which delays were clipped at export; None if none was.
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
        """The facts in the manifest; raises NetworkError where one is missing, DataError where the binning is."""
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
