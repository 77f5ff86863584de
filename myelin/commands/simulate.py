"""``myelin simulate``: runs a network on data in the simulator, in Lava, or on a board."""

from __future__ import annotations

import argparse

from myelin.backends.names import BACKENDS, DEFAULT_LAVA_SAMPLES
from myelin.commands import arguments
from myelin.commands.output import show_progress, write_result


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``simulate``; it sets ``run``."""
    parser = subparsers.add_parser(
        "simulate",
        help="run a network on data: in the simulator, in Lava, or on Loihi 2",
        description="Run samples through a network and report accuracy, spikes and time. A netx or NIR file does not define "
        "how spikes become frames: give --steps and --step-ms with it.",
    )
    arguments.add_network(parser)
    arguments.add_data(parser, required=True)
    parser.add_argument("--backend", choices=tuple(BACKENDS), default="fast", help="the backend (default: fast, the simulator)")
    text = f"number of samples, from as many classes as possible (default: all; {DEFAULT_LAVA_SAMPLES} in Lava)"
    arguments.add_samples(parser, help=text)
    arguments.add_split(parser)
    parser.add_argument("--stock", action="store_true", help="backend lava: use Lava's own process models instead of Myelin's")
    arguments.add_board_lag(parser)
    arguments.add_binning(parser)
    arguments.add_dt(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run_simulate)


def run_simulate(args: argparse.Namespace) -> int:
    """Run a network on data and print the result; returns 0."""
    from myelin.backends.simulate import lines, simulated

    result = simulated(
        args.network,
        arguments.input_choice(args),
        backend=args.backend,
        stock=args.stock,
        board_lag_steps=args.board_lag,
        progress=show_progress(),
        dt_ms=args.dt_ms,
    )
    print("\n".join(lines(result)))
    write_result(args.json, "simulate", result)
    return 0
