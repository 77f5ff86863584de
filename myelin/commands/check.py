"""``myelin check``: checks a network against the hardware rules of a target."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import print_next, write_result
from myelin.envelope import passed
from myelin.hw_configs.terminal.screen import show


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``check``; it sets ``run``."""
    parser = subparsers.add_parser(
        "check",
        help="check a network against the hardware rules of a target",
        description="Print every broken rule with its cure, and the limits that are not public and therefore not checked. "
        "The states are checked in a calibration run on data, the golden inputs of an artifact, or random spikes. Without an "
        "input option they are checked only for an artifact. Exit code 0 if the target supports the network, 1 if not.",
    )
    arguments.add_network(parser)
    arguments.add_target(parser)
    arguments.add_reading(parser)
    arguments.add_input(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run_check)


def run_check(args: argparse.Namespace) -> int:
    """Print all violations; returns 0 if the target supports the network, 1 if not."""
    from myelin.convert.rules.measure import checked
    from myelin.convert.rules.report import lines

    result = checked(arguments.source(args, args.network), args.target, inputs=arguments.input_choice(args))
    show(lines(result))
    if result["holds"]:
        _print_next(args.network, args.target, args.data, arguments.reading_words(args))
    write_result(args.json, "check", result, passed(result["holds"]))
    return 0 if result["holds"] else 1


def _print_next(network: Path, target: str, data: str | None, read: list[str]) -> None:
    """Export of a run; the cores for other networks, if the target has some."""
    from myelin.convert.opened import kind_of
    from myelin.hw_configs.target_files import load_target

    if kind_of(network) == "run":
        named = () if data is None else ("--data", data)
        print_next("export", network, "--target", target, *named, "--out", "ART")
    elif not load_target(target).simulator:
        print_next("map", network, "--target", target, *read)
