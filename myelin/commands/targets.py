"""``myelin targets``: lists the built-in targets."""

from __future__ import annotations

import argparse

from myelin.commands import arguments
from myelin.commands.output import listed, write_result
from myelin.hw_configs.terminal.screen import show
from myelin.hw_configs.written import thousands


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``targets``; it sets ``run``."""
    parser = subparsers.add_parser(
        "targets",
        help="list the built-in targets: chips, boards, microcontrollers, simulators",
        description="List the built-in targets: what each holds, and how many of its limits are not public and so not checked. "
        "--target also takes the path of a TOML file of your own.",
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run_targets)


def run_targets(args: argparse.Namespace) -> int:
    """Print the targets; returns 0."""
    from myelin.hw_configs.terminal.listed import targets

    found = targets()
    rows = []
    for entry in found:
        facts = [entry.title, f"neurons {', '.join(entry.neuron_models)}"]
        facts += [] if entry.delay_steps_max is None else [f"delays up to {thousands(entry.delay_steps_max)} steps"]
        facts += [] if entry.weight_bits is None else [f"weights of {entry.weight_bits} bits"]
        facts += [f"{len(entry.not_public)} limits are not public"] if entry.not_public else []
        rows.append((entry.name, "; ".join(facts)))
    show(listed(rows))
    write_result(args.json, "targets", {"targets": [entry._asdict() for entry in found]})
    return 0
