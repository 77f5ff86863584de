"""``myelin doctor``: lists installed packages, and the missing parts of each backend."""

from __future__ import annotations

import argparse

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.envelope import passed
from myelin.hw_configs.terminal.screen import show


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``doctor``; it sets ``run``."""
    parser = subparsers.add_parser(
        "doctor",
        help="list installed packages, and the missing parts of each backend",
        description="Try every backend; for each print the working and the missing parts, and the next step. Exit code 0 if "
        "the simulator and Lava on the CPU work, 1 if not.",
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run_doctor)


def run_doctor(args: argparse.Namespace) -> int:
    """Print the installed packages and the working backends; returns 0 if Lava on the CPU works, 1 if not."""
    from myelin.backends.doctor import examine, lines

    found = examine()
    show(lines(found))
    write_result(args.json, "doctor", found, passed(found["cpu_works"]))
    return 0 if found["cpu_works"] else 1
