"""``myelin check``: the hardware rules alone, on a network and a target."""

from __future__ import annotations

import argparse

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.envelope import passed


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``check``; it sets ``run``."""
    parser = subparsers.add_parser(
        "check",
        help="the hardware rules alone: what of a network a target cannot hold",
        description="Print everything that the target cannot hold, each with its cure, and what is not public and so not "
        "checked. The states are judged in a calibration run: on data, or the golden inputs of an artifact, or random spikes. "
        "For any other network without an option of the input they are not checked. Exit code 0 if the target holds the "
        "network, 1 if not.",
    )
    arguments.add_network(parser)
    arguments.add_target(parser)
    arguments.add_dt(parser)
    arguments.add_input(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run_check)


def run_check(args: argparse.Namespace) -> int:
    """Print every violation at once; 0 when the target holds the network, 1 when not."""
    from myelin.convert.rules.measure import checked
    from myelin.convert.rules.report import lines

    result = checked(args.network, args.target, inputs=arguments.input_choice(args), dt_ms=args.dt_ms)
    print("\n".join(lines(result)))
    write_result(args.json, "check", result, passed(result["holds"]))
    return 0 if result["holds"] else 1
