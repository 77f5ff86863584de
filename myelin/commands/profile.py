"""``myelin profile``: what a network does with an input, layer by layer."""

from __future__ import annotations

import argparse

from myelin.commands import arguments
from myelin.commands.output import write_result


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``profile``; it sets ``run``."""
    parser = subparsers.add_parser(
        "profile",
        help="what a network does with an input: spikes, operations, ranges of its integers, time, layer by layer",
        description="Run samples through the simulator and count, for every layer, spikes, synaptic operations (each spike "
        "times the nonzero weights that it meets), how far the states reach into 24 bit, and the time it takes. Warns of "
        "layers that are silent, fire too much, or come near the end of the range.",
    )
    arguments.add_network(parser)
    arguments.add_dt(parser)
    arguments.add_input(parser)
    arguments.add_json(parser)
    arguments.add_plot(parser, "draw operations, density and ranges of the layers")
    parser.set_defaults(run=run_profile)


def run_profile(args: argparse.Namespace) -> int:
    """Print the tables and the warnings; returns 0."""
    from myelin.convert.profile.measure import profiled
    from myelin.convert.profile.report import lines

    result = profiled(args.network, inputs=arguments.input_choice(args), plot=args.plot, dt_ms=args.dt_ms)
    print("\n".join(lines(result)))
    write_result(args.json, "profile", result)
    return 0
