"""``myelin profile``: measures the activity of a network on an input, layer by layer."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.hw_configs.terminal.screen import show


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``profile``; it sets ``run``."""
    parser = subparsers.add_parser(
        "profile",
        help="measure spikes, operations, ranges of integers and time on an input, layer by layer",
        description="Run samples through the simulator and measure for every layer: spikes, synaptic operations (the nonzero "
        "weights that each spike reaches), the share of the 24-bit range that the states use, and the time. Warns of layers "
        "that are silent, fire too much, or come near the limits of the range.",
    )
    arguments.add_network(parser)
    arguments.add_reading(parser)
    arguments.add_input(parser)
    arguments.add_json(parser)
    arguments.add_plot(parser, "draw operations, density and ranges of the layers")
    parser.add_argument(
        "--neurobench",
        metavar="FILE.json",
        type=Path,
        help="write NeuroBench's metrics in its format: footprint, sparsities, synaptic operations, membrane updates",
    )
    parser.set_defaults(run=run_profile)


def run_profile(args: argparse.Namespace) -> int:
    """Print the tables and the warnings; returns 0."""
    from myelin.convert.profile.measure import profiled
    from myelin.convert.profile.report import lines

    network = arguments.source(args, args.network)
    choice = arguments.input_choice(args)
    result = profiled(network, inputs=choice, plot=args.plot)
    show(lines(result))
    if args.neurobench is not None:
        from myelin.convert.profile.neurobench import neurobench

        neurobench(network, inputs=choice, out=args.neurobench)
    write_result(args.json, "profile", result)
    return 0
