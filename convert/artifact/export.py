"""Export a run folder as an artifact; refuses networks that the target does not support."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from myelin.hw_configs.errors import DataError, GateError
from myelin.hw_configs.target import Target
from myelin.train.run.metrics import percent

if TYPE_CHECKING:
    from myelin.convert.network import Network
    from myelin.train.run.run_record import RunRecord

#: Number of samples whose exact outputs an artifact contains.
GOLDEN_SAMPLES = 4
_CHOSEN = "the first sample of each of some classes, spread evenly over all"


@dataclass(frozen=True, eq=False)
class Exported:
    """The result of ``export``.

    Attributes:
        folder: path of the artifact.
        network: its integer network.
        lines: its content as text for the screen.
    """

    folder: Path
    network: Network
    lines: tuple[str, ...]


def export(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    target: Target | str | Path,
    clip_delays: bool = False,
    data: str | None = None,
) -> Exported:
    """Write the artifact of a trained run: network, golden inputs with their exact outputs, manifest, checkpoint.

    Args:
        source: a run folder.
        out: folder to write; an older artifact is replaced.
        target: a target, its name, or a TOML file that describes one.
        clip_delays: shorten delays that are too long for the target; ``lines`` reports their number.
        data: data for the golden inputs; None for the data of the run, if they are built in.

    Raises:
        NetworkError: ``source`` is not a run or cannot be read, or ``out`` holds something else.
        TargetError: no such target.
        DataError: no data for the golden inputs, or data of another kind.
        GateError: the target does not support the network; the message lists every violation.
    """
    from myelin.convert import delays
    from myelin.convert.artifact.artifact import MANIFEST, write_artifact
    from myelin.convert.artifact.files import sha256
    from myelin.convert.artifact.lava_export import ARRAYS, SCRIPT
    from myelin.convert.artifact.provenance import CHECKPOINT, CHECKPOINT_FILES
    from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
    from myelin.convert.opened import require
    from myelin.convert.rules import calibrate, check, not_checked, notes
    from myelin.convert.samples import Binning, open_samples, spread_choice
    from myelin.hw_configs.target_files import load_target

    held = target if isinstance(target, Target) else load_target(target)
    run_folder, place = Path(source), Path(out)
    if run_folder.is_file() or (run_folder / MANIFEST).is_file():  # other errors in a run: its reader reports them
        file_cure = "its integers need no export: check, map, simulate and diff take it as it is"
        artifact_cure = f"the trained network in it is {run_folder / CHECKPOINT}, which can be exported again"
        require(run_folder, ("run",), "`myelin export`", {"netx": file_cure, "nir": file_cure, "artifact": artifact_cure})
    checkpoint = read_checkpoint(run_folder)
    run = checkpoint.run
    network = network_from_checkpoint(checkpoint)
    limit: int | None = None
    clipped: list[str] = []
    if clip_delays and held.delay_steps_max is not None:
        limit = held.delay_steps_max
        network, shortened = delays.clip_delays(network, limit)
        clipped = [str(entry) for entry in shortened]
    binning = Binning.from_dict(run.data_section, f"{run_folder}: run.json")
    samples = open_samples(data or _builtin_data(run, run_folder), binning, classes=run.classes, keys=run.keys)
    chosen = spread_choice(samples.labels, GOLDEN_SAMPLES)
    inputs = samples.frames(chosen)
    calibration = calibrate(network, [inputs])
    violations = check(network, held, calibration)
    if violations:
        listed = "; ".join(f"({number}) {violation.message}" for number, violation in enumerate(violations, 1))
        raise GateError(f"{held.name} does not hold {run_folder}, nothing was written: {listed}")
    files = {f"{CHECKPOINT}/{name}": run_folder / name for name in CHECKPOINT_FILES}
    write_artifact(
        place,
        network,
        held,
        inputs=inputs,
        provenance={
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
                "sha256": {name: sha256(path) for name, path in files.items()},
            },
            "binning": binning.as_dict(),
            "classes": run.classes,
            "keys": list(run.keys),
            "clipped_to_steps": limit if clipped else None,
            "clipped": clipped,
            "golden": {
                "data": Path(samples.dataset.name).name,
                "split": samples.split,
                "samples": chosen.tolist(),
                "labels": samples.labels[chosen].tolist(),
                "chosen": _CHOSEN,
            },
        },
        metrics={
            "validation_accuracy_percent": percent(run.best.validation_accuracy),
            "train_accuracy_percent": percent(run.best.train_accuracy),
            "parameters": run.parameters,
            "recurrent_parameters": run.recurrent_parameters,
        },
        attachments=files,
    )
    unfinished = f" (the run is not finished: {run.epochs} are planned)" if run.epochs_done < run.epochs else ""
    lines = (
        f"exported      {run_folder}: epoch {run.best.epoch} of 0..{run.epochs_done - 1}{unfinished}, {len(network.layers)} "
        f"layers, longest delay {network.max_delay_steps} steps",
        *(f"clipped       {line}" for line in clipped),
        f"rules         {held.name} holds it" + "".join(f"; {line}" for line in not_checked(held, calibration)),
        *(f"note          {line}" for line in notes(held, calibration)),
        f"golden        samples {', '.join(map(str, chosen))} of {samples.dataset.name} ({samples.split}): {_CHOSEN}",
        f"artifact      {place}: network.net, golden.npz, manifest.json, {CHECKPOINT}/; {SCRIPT} and {ARRAYS} run it with "
        "stock lava-nc alone",
    )
    return Exported(place, network, lines)


def _builtin_data(run: RunRecord, folder: Path) -> str:
    """Name of the built-in data set that the run was trained on; raises DataError if it was not a built-in one."""
    from myelin.train.datasets import BUILTIN

    for name, place in BUILTIN.items():
        if (place / run.data).is_file():
            return name
    raise DataError(f"{folder}: was trained on {run.data}, which is not built in; name data for the golden inputs with --data")
