"""``myelin report``: writes one HTML file that answers whether a network may go to the chip."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import show_progress, write_result
from myelin.commands.validate import add_reference, reference_of
from myelin.hw_configs.terminal.screen import show, tell
from myelin.validation.defaults import MAX_DROP

#: Stage whose JSON the report accepts -> the command that writes it.
_STAGES = {"validation": "validate", "mapping": "map", "profile": "profile", "exploration": "explore", "sweep": "sweep"}
#: Default number of samples to map and profile; means over more samples hardly change.
MEASURED_SAMPLES = 100


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``report``; it sets ``run``."""
    parser = subparsers.add_parser(
        "report",
        help="write one offline HTML file: lost accuracy, its causes, cures, and whether the network may go to the chip",
        description="Write the results of all stages into one HTML file that loads nothing, and its values as JSON beside it. "
        "Stages that are not given are measured. Validation needs --data; mapping and profile use --data or else the golden "
        "inputs, or random spikes. Exit code 0 if the file is written, whatever its verdict; the gate is `myelin validate`.",
    )
    arguments.add_network(
        parser, "source", "RUN|ART|NET", help="artifact folder, netx or NIR file; or run folder, which is exported first"
    )
    arguments.add_target(parser, required=False, help="target to judge for (default: that of the artifact or run, else loihi2)")
    parser.add_argument(
        "--out", metavar="FILE.html", type=Path, default=Path("report.html"), help="file to write (default: report.html)"
    )
    arguments.add_data(parser, help="data to validate on: builtin, a folder, or a file of the SHD format, .npz, or QTDB's .mat")
    arguments.add_split(parser, help="part of the data, as for `myelin validate`")
    arguments.add_binning(parser)
    arguments.add_reading(parser)
    add_reference(parser)
    parser.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=arguments.percent_points,
        default=MAX_DROP,
        help=f"as for `myelin validate` (default: {MAX_DROP:g})",
    )
    text = f"number of samples to map and profile (default: {MEASURED_SAMPLES})"
    arguments.add_samples(parser, default=MEASURED_SAMPLES, help=text)
    for stage, command in _STAGES.items():
        parser.add_argument(f"--{stage}", metavar="FILE", type=Path, help=f"JSON file written by `myelin {command}`")
    parser.add_argument(
        "--run", dest="training_run", metavar="RUN", type=Path, help="folder of the training run, for its learning curve"
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> int:
    """Write the report; returns 0."""
    from myelin.report.measure import write_report

    given = {name: getattr(args, name) for name in _STAGES}
    source, dt_ms = arguments.source_beside(args, args.source, args.reference)
    report = write_report(
        source,
        args.data,
        args.out,
        reference=reference_of(args),
        split=args.split,
        steps=args.steps,
        step_ms=args.step_ms,
        dt_ms=dt_ms,
        output_scale=args.output_scale,
        target=args.target,
        max_drop=args.max_drop,
        samples=args.samples,
        stages={name: path for name, path in given.items() if path is not None},
        run=args.training_run,
        progress=show_progress(),
        say=tell,
    )
    show(report.lines())
    result = {"report": str(report.page), "values": str(report.beside), "verdict": report.values["verdict"]}
    write_result(args.json, "report", result)
    return 0
