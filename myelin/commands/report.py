"""``myelin report``: one HTML file that says whether a network may go to the chip."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import show_progress

#: Stages whose JSON the report takes, and the commands that write it.
_STAGES = {"validation": "validate", "mapping": "map", "profile": "profile", "exploration": "explore", "sweep": "sweep"}
#: Samples that are mapped and profiled unless the user says: means over more hardly move.
MEASURED_SAMPLES = 100


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``report``; its handler is the default ``run``."""
    parser = subparsers.add_parser(
        "report",
        help="one offline HTML file: did the integers cost accuracy, where, what helps, may it go to the chip?",
        description="Put what all stages found into one HTML file that loads nothing, and its values beside it as JSON. What "
        "is not given is measured: validation needs --data, mapping and profile take it too, else the golden inputs. Exit code "
        "0 when the file is written, whatever it says; the gate is `myelin validate`.",
    )
    arguments.add_network(parser, "source", "RUN|ART", help="artifact folder; or a run's, exported for the report")
    parser.add_argument("--out", metavar="FILE.html", type=Path, default=Path("report.html"), help="default: report.html")
    arguments.add_data(parser, help="what to validate on: builtin, a folder, or a file of the SHD format")
    arguments.add_split(parser, help="part of the data, as for `myelin validate`")
    parser.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=arguments.percent_points,
        default=1.0,
        help="as for `myelin validate` (default: 1.0)",
    )
    text = f"samples to map and profile with (default: {MEASURED_SAMPLES})"
    arguments.add_samples(parser, default=MEASURED_SAMPLES, help=text)
    for stage, command in _STAGES.items():
        parser.add_argument(f"--{stage}", metavar="FILE", type=Path, help=f"what `myelin {command}` wrote as JSON")
    parser.add_argument(
        "--run", dest="training_run", metavar="RUN", type=Path, help="folder of the run, for its learning curve"
    )
    parser.set_defaults(run=run_report)


def run_report(args: argparse.Namespace) -> int:
    """Write the report; returns 0."""
    from myelin.report.measure import write_report

    given = {name: getattr(args, name) for name in _STAGES}
    report = write_report(
        args.source,
        args.data,
        args.out,
        split=args.split,
        max_drop_points=args.max_drop,
        samples=args.samples,
        stages={name: path for name, path in given.items() if path is not None},
        run=args.training_run,
        progress=show_progress(),
        say=partial(print, flush=True),
    )
    print("\n".join(report.lines()))
    return 0
