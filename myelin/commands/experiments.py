"""``myelin experiments``: lists the built-in experiments."""

from __future__ import annotations

import argparse

from myelin.commands import arguments
from myelin.commands.output import listed, print_next, write_result
from myelin.hw_configs.terminal.screen import show


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``experiments``; it sets ``run``."""
    parser = subparsers.add_parser(
        "experiments",
        help="list the built-in experiments that train and sweep take",
        description="List the built-in experiments: what each trains, on which data, and where its settings come from.",
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run_experiments)


def run_experiments(args: argparse.Namespace) -> int:
    """Print the experiments; returns 0."""
    from myelin.train.config.described import experiments

    found = experiments()
    show(listed([(entry.name, entry.text) for entry in found]))
    print_next("config", found[0].name)
    write_result(args.json, "experiments", {"experiments": [entry._asdict() for entry in found]})
    return 0
