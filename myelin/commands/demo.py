"""``myelin demo``: all steps on the built-in data."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.hw_configs.files import alone_in


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``demo``; it sets ``run``."""
    parser = subparsers.add_parser(
        "demo",
        help="run all steps on the built-in data, in minutes",
        description="Train, export, check, simulate, validate, draw and report, on built-in spoken digits in two languages.",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("demo"), help="folder to write (default: demo)")
    parser.add_argument("--epochs", metavar="N", type=arguments.positive, help="epochs of training (default: the experiment's)")
    arguments.add_json(parser, "also write the list of what was made as JSON")
    parser.set_defaults(run=run_demo)


def run_demo(args: argparse.Namespace) -> int:
    """Run all steps; returns 0."""
    from myelin.demo import demo

    with alone_in(args.out, "runs the demo"):
        made = demo(args.out, overrides=[] if args.epochs is None else [f"train.epochs={args.epochs}"])
    write_result(args.json, "demo", {"folder": str(args.out), "made": [str(path) for path in made]}, "pass")
    return 0
