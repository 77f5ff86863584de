"""``myelin sweep``: a grid of training runs in parallel processes, resumable, with a table and pictures at the end."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.envelope import passed


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``myelin sweep``; it sets ``run``."""
    parser = subparsers.add_parser(
        "sweep",
        help="train a grid of configurations with several seeds in parallel, and compare their integer networks",
        description="Train every case of FILE at every point of its grid with every seed, each in a process of its own; "
        "evaluate the integer network of each on the part it held out; write FOLDER/table.md, FOLDER/sweep.json and pictures. "
        "The same command again continues what was interrupted and skips what is done; cases, values and seeds may be added. "
        "Started with torchrun, on one machine or on several that share FOLDER, each process takes its share of the runs.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="TOML file: base, seeds, [set], [[case]], [grid], [compare]")
    arguments.add_data(parser, required=True, help="builtin, a folder with *_train.h5, or a file of the SHD format")
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="folder to write, or to continue")
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=arguments.positive,
        help="runs at a time, which share the cores evenly (default: one for each core; fewer if OMP_NUM_THREADS is set)",
    )
    parser.add_argument(
        "--report", choices=("valid", "test"), help="evaluate on this split of the data too; no choice is made on it"
    )
    parser.add_argument("--only-table", action="store_true", help="train nothing: the table of the runs that are finished")
    parser.add_argument("--quiet", action="store_true", help="the table alone: no line for each run, no progress bar")
    arguments.add_json(parser, "write the plan and the table as JSON here too")
    parser.set_defaults(run=run_sweep)


def run_sweep(args: argparse.Namespace) -> int:
    """Train what is missing, print the table, return 0; GateError (exit code 1) if a run failed."""
    from myelin.sweep.run import train_sweep

    how = {name: getattr(args, name) for name in ("jobs", "report", "only_table", "quiet")}
    swept = train_sweep(args.file, args.data, args.out, **how, say=partial(print, flush=True))
    if swept.values is not None:
        print("\n".join(swept.lines))
        write_result(args.json, "sweep", swept.values, None if args.only_table else passed(not swept.failures))
    swept.require_success()
    return 0
