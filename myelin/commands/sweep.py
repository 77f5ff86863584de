"""``myelin sweep``: trains a grid of runs in parallel processes, resumable, and writes a table and figures."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.hw_configs.terminal.screen import show, tell


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``sweep``; it sets ``run``."""
    parser = subparsers.add_parser(
        "sweep",
        help="train a grid of configurations with several seeds in parallel, and compare their integer networks",
        description="Train every case of FILE at every point of its grid with every seed, each in its own process. Evaluate "
        "each integer network on the part of the data that its run held out. Write FOLDER/table.md, FOLDER/sweep.json and "
        "figures. The same command again continues interrupted runs and skips finished ones; cases, values and seeds may be "
        "added. Under torchrun, on one machine or on several that share FOLDER, each process takes its share of the runs.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="TOML file: base, seeds, [set], [[case]], [grid], [compare]")
    arguments.add_data(parser, required=True)
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="folder to write, or to continue")
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=arguments.positive,
        help="number of parallel runs, which share the cores evenly (default: one per core; fewer if OMP_NUM_THREADS is set)",
    )
    parser.add_argument(
        "--report", choices=("valid", "test"), help="also evaluate on this split of the data; no choice is made on it"
    )
    parser.add_argument(
        "--max-runs",
        metavar="N",
        type=arguments.positive,
        default=1000,
        help="refuse a file that asks for more runs (default 1000)",
    )
    parser.add_argument("--only-table", action="store_true", help="train nothing; write the table of the finished runs")
    parser.add_argument("--quiet", action="store_true", help="print only the table: no line for each run, no progress bar")
    arguments.add_json(parser, "also write the plan and the table as JSON")
    parser.set_defaults(run=run_sweep)


def run_sweep(args: argparse.Namespace) -> int:
    """Train the missing runs and print the table; returns 0.  FailedRunsError, which is no verdict, if a run failed."""
    from myelin.sweep.run import train_sweep

    how = {name: getattr(args, name) for name in ("jobs", "report", "only_table", "max_runs", "quiet")}
    swept = train_sweep(args.file, args.data, args.out, **how, say=tell)
    if swept.values is not None:
        show(swept.lines)
        write_result(args.json, "sweep", swept.values)
    swept.require_success()
    return 0
