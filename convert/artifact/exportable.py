"""What an artifact is made from: the network of a source of any kind, and all that is known about where it comes from."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.artifact.provenance import CHECKPOINT, CHECKPOINT_FILES, FLOATS, Origin
from myelin.convert.network import Network
from myelin.convert.opened import TITLES, Opened, opened_source
from myelin.convert.samples import Binning, Task
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.hw_configs.reading.bounds import FILE_MB, read_whole
from myelin.train.run.files.metrics import percent

if TYPE_CHECKING:
    from myelin.convert.artifact.artifact import Artifact
    from myelin.convert.axes import TimeAxis
    from myelin.convert.checkpoint import Checkpoint
    from myelin.train.run.files.run_record import RunRecord


@dataclass(frozen=True, eq=False)
class Exportable:
    """A network with its origin.

    Attributes:
        name: name of the source in messages.
        network: the integers.
        said: the source in words, for the screen.
        facts: entries of the manifest's ``provenance``: ``name``, ``source``, and those of its kind, such as ``run``.
        classes, keys, task, binning, clipped_to_steps: as in ``Origin``.
        metrics: results measured in training.
        attachments: name in the artifact -> content of a file.
        golden: inputs that the source brings, (samples, steps, *input shape), and what is known about them.
        data: name or path of the data for golden inputs, such as the built-in data set of a run; None if unknown.
    """

    name: str
    network: Network
    said: str
    facts: Mapping[str, Any]
    classes: int
    keys: tuple[str, ...] = ()
    task: Task = "classes"
    binning: Binning | None = None
    clipped_to_steps: int | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    attachments: Mapping[str, bytes] = field(default_factory=dict)
    golden: tuple[npt.NDArray[Any], Mapping[str, Any]] | None = None
    data: str | None = None


def exportable(
    source: Any,
    *,
    target: str,
    inputs: Any = None,
    input_shape: Shape | int | None = None,
    time_axis: TimeAxis | None = None,
    dt_ms: float | None = None,
) -> Exportable:
    """``source`` with its origin.

    Args:
        source: a ``Network``, a torch module, a path, or what ``read`` or ``export`` returned.
        target: name of the target; a module's integers are made for it.
        inputs, input_shape, time_axis: of a torch module: its input shape, or inputs that tell it.  The shape of the input may
            be given for a netx file without an input layer too.
        dt_ms: as in ``read``.

    Raises:
        NetworkError: the source cannot be read, or a module's layers have no integers.
        DataError: a torch module without input shape.
    """
    if is_module(source):
        return _of_module(source, target, inputs, input_shape, time_axis)
    shape = (input_shape,) if isinstance(input_shape, int) else input_shape
    if shape is not None and not isinstance(source, str | os.PathLike):
        raise DataError("input_shape is for torch modules; a network knows the shape of its input: leave it out")
    opened = opened_source(source, dt_ms=dt_ms, input_shape=shape)
    if opened.checkpoint is not None:
        return _of_run(opened, opened.checkpoint)
    if opened.artifact is not None:
        return _of_artifact(opened, opened.artifact)
    return _of_network(opened)


def is_module(source: object) -> bool:
    """Whether ``source`` is a torch module; torch is not imported."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.nn.Module)


def _of_module(
    module: Any, target: str, inputs: Any, input_shape: Shape | int | None, time_axis: TimeAxis | None
) -> Exportable:
    from myelin.convert.modules.from_torch import from_torch

    kind = f"{type(module).__module__}.{type(module).__qualname__}"
    if input_shape is None:
        shape = tuple(getattr(inputs, "shape", ()))
        if len(shape) < 3:
            raise DataError(
                f"a module of class {kind} does not say the shape of its input; give input_shape, or inputs as an array "
                "(batch, ..., steps)"
            )
        input_shape = shape[2:] if time_axis == 1 else shape[1:-1]  # a module takes time last
    try:
        network = from_torch(module, input_shape, target=target, time_axis=time_axis)
    except NetworkError as error:
        if "calibrate=" not in str(error):
            raise
        raise NetworkError(f"{error} in myelin.from_torch, whose network export takes") from error
    facts = {"name": type(module).__name__, "source": "module", "module": kind}
    return Exportable(type(module).__name__, network, f"a module of class {kind}", facts, network.num_classes)


def _of_network(opened: Opened) -> Exportable:
    network, path = opened.network, opened.path
    facts: dict[str, Any] = {"name": "network", "source": "network"}
    attachments = {}
    if path is not None:
        content = read_whole(path, FILE_MB)
        facts = {
            "name": path.stem,
            "source": opened.kind,
            "file": {"name": path.name, "sha256": hashlib.sha256(content).hexdigest(), "note": opened.note},
        }
    if opened.floats is not None:
        from myelin.convert.floats.file import floats_content

        attachments[FLOATS] = floats_content(opened.floats)
    said = opened.title if path is None else f"{path}, {opened.title}"
    return Exportable(opened.name, network, said, facts, network.num_classes, attachments=attachments)


def _of_artifact(opened: Opened, artifact: Artifact) -> Exportable:
    """An artifact again, for another target or with other inputs: its origin stays."""
    origin = Origin.of(artifact)
    made_here = ("classes", "keys", "task", "binning", "clipped_to_steps", "clipped", "golden")
    before = artifact.manifest["provenance"]
    facts = {name: value for name, value in before.items() if name not in made_here}
    facts |= {"name": origin.name, "exported_before": {"name": artifact.folder.name, "target": origin.target}}
    names = [name for name in artifact.manifest["files"] if name == FLOATS or name.startswith(f"{CHECKPOINT}/")]
    return Exportable(
        opened.name,
        artifact.network,
        f"{opened.name}, {TITLES['artifact']} for {origin.target}",
        facts,
        origin.classes,
        origin.keys,
        origin.task,
        origin.binning,
        origin.clipped_to_steps,
        metrics=artifact.manifest.get("metrics", {}),
        attachments={name: _intact(artifact, name) for name in names},
        golden=(artifact.golden.spikes, before.get("golden", {"kind": "golden", "samples": len(artifact.golden.spikes)})),
    )


def _intact(artifact: Artifact, name: str) -> bytes:
    """The content of a file of ``artifact``, if it is what its manifest says."""
    content = read_whole(artifact.folder / name, FILE_MB)
    if hashlib.sha256(content).hexdigest() != artifact.manifest["files"][name]["sha256"]:
        raise NetworkError(f"{artifact.folder}: {name} was changed since the artifact was read; read it again")
    return content


def _of_run(opened: Opened, checkpoint: Checkpoint) -> Exportable:
    run, folder = checkpoint.run, checkpoint.folder
    binning = Binning.from_dict(run.data_section, f"{folder}: run.json")
    files = {f"{CHECKPOINT}/{name}": checkpoint.files[name] for name in CHECKPOINT_FILES}
    facts = {
        "name": run.name,
        "source": "run",
        "run": {
            "name": run.name,
            "seed": run.seed,
            "epochs": run.epochs,
            "epochs_done": run.epochs_done,
            "exported_epoch": run.best.epoch,
            "trained_for": run.target,
            "myelin": run.myelin,
            "data": run.data,
            "versions": run.versions,
            "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        },
    }
    errors = {"validation_error": run.best.validation_error, "train_error": run.best.train_error}
    metrics = {
        **({} if run.task != "trace" else errors),
        "validation_accuracy_percent": percent(run.best.validation_accuracy),
        "train_accuracy_percent": percent(run.best.train_accuracy),
        "validation_samples": run.data_facts.get("validation_samples"),
        "parameters": run.parameters,
        "recurrent_parameters": run.recurrent_parameters,
    }
    unfinished = f" (the run is not finished: {run.epochs} are planned)" if not run.finished else ""
    return Exportable(
        str(folder),
        opened.network,
        f"{folder}: epoch {run.best.epoch} of 0..{run.epochs_done - 1}{unfinished}",
        facts,
        run.classes,
        run.keys,
        task=run.task,
        binning=binning,
        metrics=metrics,
        attachments=files,
        data=_builtin_data(run),
    )


def _builtin_data(run: RunRecord) -> str | None:
    """Name of the built-in data set that the run was trained on; None if it was not a built-in one."""
    from myelin.train.datasets import BUILTIN

    return next((name for name, place in BUILTIN.items() if (place / Path(run.data).name).is_file()), None)
