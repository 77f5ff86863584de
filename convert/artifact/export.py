"""``myelin export``: from a run folder to an artifact, refused where the target cannot hold the network."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from myelin.hw_configs.errors import DataError, GateError

if TYPE_CHECKING:
    from myelin.train.run.run_record import RunRecord

#: Samples whose exact outputs an artifact holds.
GOLDEN_SAMPLES = 4
_CHOSEN = "the first sample of each of some classes, spread evenly over all"


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``export``; its handler is the default ``run``, which takes the parsed arguments and returns the exit code."""
    parser = subparsers.add_parser(
        "export",
        help="turn a trained network into integers for a target",
        description="Write the artifact ART: network.net, golden inputs with their exact outputs, a script that runs them with "
        "stock lava-nc alone, a manifest, and a copy of the checkpoint. Refused, with everything that breaks a rule, where the "
        "target cannot hold the network.",
    )
    parser.add_argument("run_folder", metavar="RUN", type=Path, help="folder that `myelin train` wrote")
    parser.add_argument("--target", required=True, help="name of a target, or a TOML file that describes one")
    parser.add_argument("--out", metavar="ART", type=Path, required=True, help="folder to write; an older artifact is replaced")
    parser.add_argument("--clip-delays", action="store_true", help="shorten delays the target cannot hold, and say how many")
    parser.add_argument(
        "--data", metavar="PATH", help="data for the golden inputs (default: what the run was trained on, if built in)"
    )
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Export, print what was done, return 0; violations of the target's rules raise GateError."""
    for line in export(args.run_folder, args.target, args.out, clip_delays=args.clip_delays, data=args.data):
        print(line)
    return 0


def export(run_folder: Path, target_name: str, out: Path, *, clip_delays: bool = False, data: str | None = None) -> list[str]:
    """Write the artifact; returns lines that say what it holds.

    Raises:
        NetworkError: the run cannot be read, or ``out`` holds something else.
        TargetError: no such target.
        DataError: no data for the golden inputs, or data of another kind.
        GateError: the target cannot hold the network; the message holds every violation.
    """
    from myelin.convert import delays
    from myelin.convert.artifact.artifact import write_artifact
    from myelin.convert.artifact.files import sha256
    from myelin.convert.artifact.lava_export import ARRAYS, SCRIPT
    from myelin.convert.artifact.provenance import CHECKPOINT, CHECKPOINT_FILES
    from myelin.convert.checkpoint import network_from_checkpoint, read_checkpoint
    from myelin.convert.rules import calibrate, check, not_checked, notes
    from myelin.convert.samples import Binning, open_samples, spread_choice
    from myelin.hw_configs.target_files import load_target

    target = load_target(target_name)
    checkpoint = read_checkpoint(run_folder)
    run = checkpoint.run
    network = network_from_checkpoint(checkpoint)
    limit: int | None = None
    clipped: list[str] = []
    if clip_delays and target.delay_steps_max is not None:
        limit = target.delay_steps_max
        network, shortened = delays.clip_delays(network, limit)
        clipped = [str(entry) for entry in shortened]
    binning = Binning.from_dict(run.data_section, f"{run_folder}: run.json")
    samples = open_samples(data or _builtin_data(run, run_folder), binning, classes=run.classes, keys=run.keys)
    chosen = spread_choice(samples.labels, GOLDEN_SAMPLES)
    inputs = samples.frames(chosen)
    calibration = calibrate(network, [inputs])
    violations = check(network, target, calibration)
    if violations:
        listed = "; ".join(f"({number}) {violation.message}" for number, violation in enumerate(violations, 1))
        raise GateError(f"{target.name} does not hold {run_folder}, nothing was written: {listed}")
    files = {f"{CHECKPOINT}/{name}": run_folder / name for name in CHECKPOINT_FILES}
    write_artifact(
        out,
        network,
        target,
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
            "validation_accuracy_percent": 100 * run.best.validation_accuracy,
            "train_accuracy_percent": 100 * run.best.train_accuracy,
            "parameters": run.parameters,
            "recurrent_parameters": run.recurrent_parameters,
        },
        attachments=files,
    )
    unfinished = f" (the run is not finished: {run.epochs} are planned)" if run.epochs_done < run.epochs else ""
    return [
        f"exported      {run_folder}: epoch {run.best.epoch} of 0..{run.epochs_done - 1}{unfinished}, {len(network.layers)} "
        f"layers, longest delay {network.max_delay_steps} steps",
        *(f"clipped       {line}" for line in clipped),
        f"rules         {target.name} holds it" + "".join(f"; {line}" for line in not_checked(target, calibration)),
        *(f"note          {line}" for line in notes(target, calibration)),
        f"golden        samples {', '.join(map(str, chosen))} of {samples.dataset.name} ({samples.split}): {_CHOSEN}",
        f"artifact      {out}: network.net, golden.npz, manifest.json, {CHECKPOINT}/; {SCRIPT} and {ARRAYS} run it with stock "
        "lava-nc alone",
    ]


def _builtin_data(run: RunRecord, folder: Path) -> str:
    """Name of the built-in data set that the run was trained on; raises DataError where it was another."""
    from myelin.train.datasets import BUILTIN

    for name, place in BUILTIN.items():
        if (place / run.data).is_file():
            return name
    raise DataError(f"{folder}: was trained on {run.data}, which is not built in; name data for the golden inputs with --data")
