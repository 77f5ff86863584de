"""``myelin report``: one HTML file that says whether a network may go to the chip."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.commands.arguments import percent_points, positive
from myelin.hw_configs.errors import NetworkError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

#: Stages whose JSON the report takes, and the commands that write it.
_STAGES = {"validation": "validate", "mapping": "map", "profile": "profile", "exploration": "explore", "sweep": "sweep"}
#: Samples that are mapped and profiled unless the user says: means over more hardly move.
MEASURED_SAMPLES = 100


def add_command(subparsers: Subparsers) -> None:
    """Add ``report``; its handler is the default ``run``."""
    parser = subparsers.add_parser(
        "report",
        help="one offline HTML file: did the integers cost accuracy, where, what helps, may it go to the chip?",
        description="Put what all stages found into one HTML file that loads nothing, and its values beside it as JSON. What "
        "is not given is measured: validation needs --data, mapping and profile take it too, else the golden inputs. Exit code "
        "0 when the file is written, whatever it says; the gate is `myelin validate`.",
    )
    parser.add_argument("source", metavar="RUN|ART", type=Path, help="artifact folder; or a run's, exported for the report")
    parser.add_argument("--out", metavar="FILE.html", type=Path, default=Path("report.html"), help="default: report.html")
    parser.add_argument("--data", metavar="PATH", help="what to validate on: builtin, a folder, or a file of the SHD format")
    parser.add_argument("--split", choices=("train", "valid", "test"), help="part of the data, as for `myelin validate`")
    parser.add_argument(
        "--max-drop", metavar="POINTS", type=percent_points, default=1.0, help="as for `myelin validate` (default: 1.0)"
    )
    parser.add_argument("--samples", metavar="N", type=positive, default=MEASURED_SAMPLES,
                        help=f"samples to map and profile with (default: {MEASURED_SAMPLES})")  # fmt: skip
    for stage, command in _STAGES.items():
        parser.add_argument(f"--{stage}", metavar="FILE", type=Path, help=f"what `myelin {command}` wrote as JSON")
    parser.add_argument(
        "--run", dest="training_run", metavar="RUN", type=Path, help="folder of the run, for its learning curve"
    )
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> int:
    """Make the report; returns 0."""
    from myelin.convert.artifact.artifact import MANIFEST
    from myelin.convert.artifact.export import export
    from myelin.report.make import read_stage

    given = {name: getattr(args, name) for name in _STAGES}
    stages = {name: read_stage(path, name) for name, path in given.items() if path is not None}
    with tempfile.TemporaryDirectory() as temporary:
        folder, run = args.source, args.training_run
        if not (folder / MANIFEST).is_file():
            if not (folder / "run.json").is_file():
                raise NetworkError(
                    f"{folder}: neither an artifact nor a run; name what `myelin export` or `myelin train` wrote"
                )
            folder, run = Path(temporary) / f"{args.source.resolve().name}_artifact", run or args.source
            print("\n".join(export(args.source, _target_of(args.source), folder, data=args.data)))
        for line in make_report(
            folder,
            args.out,
            stages,
            data=args.data,
            split=args.split,
            max_drop_points=args.max_drop,
            run=run,
            samples=args.samples,
        ):
            print(line)
    return 0


def make_report(
    folder: Path,
    out: Path,
    stages: dict[str, dict[str, Any]],
    *,
    data: str | None = None,
    split: str | None = None,
    max_drop_points: float = 1.0,
    run: Path | None = None,
    samples: int = MEASURED_SAMPLES,
) -> list[str]:
    """Measure what ``stages`` lacks, and write the report; returns lines for the screen.

    Args:
        folder: of the artifact.
        out: page to write; its values go beside it as .json.
        stages: JSON of stages, by the names of ``myelin.report.make.NEEDED``.
        data, split: what to run; without data nothing is validated.
        max_drop_points: of the validation that is run here.
        run: folder of the training run, or None.
        samples: how many are mapped and profiled.
    """
    from myelin.report.make import measured, put_together, write

    stages = dict(stages)
    missing: dict[str, dict[str, str]] = {}
    if "validation" not in stages and data is not None:
        stages["validation"] = _validated(folder, data, split, max_drop_points)
    if not {"mapping", "profile"} <= stages.keys():
        found, missing = measured(folder, data, split, samples)
        stages = {**found, **stages}
    values = put_together(folder, stages, missing=missing, run=run)
    page, beside = write(out, values)
    verdict = values["verdict"]
    return [
        f"verdict       {verdict['headline']}",
        *(f"              {reason}" for reason in verdict["reasons"]),
        f"report        {page} ({page.stat().st_size / 1024:.0f} KiB), its values {beside}",
    ]


def _validated(folder: Path, data: str, split: str | None, max_drop_points: float) -> dict[str, Any]:
    """What `myelin validate --json` writes, printed too."""
    from myelin.commands.validate import DEFAULT_LAVA_SAMPLES
    from myelin.convert.artifact.examine import examine
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.samples import open_samples
    from myelin.validation.backends import require_trained, result, validate_artifact

    examination = examine(folder)
    require_trained(examination)
    origin = Origin.of(examination.artifact)
    samples = open_samples(data, origin.binning, split=split, classes=origin.classes, keys=origin.keys)
    validation = validate_artifact(
        examination,
        origin,
        samples,
        max_drop_points=max_drop_points,
        lava_samples=DEFAULT_LAVA_SAMPLES,
        progress=sys.stderr.isatty(),
    )
    return result(validation)


def _target_of(run: Path) -> str:
    from myelin.convert.checkpoint import read_checkpoint

    return read_checkpoint(run).run.target
