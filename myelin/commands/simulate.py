"""``myelin simulate``: runs a network on data in the simulator, in Lava, or on a board; or live in a pipe."""

from __future__ import annotations

import argparse
import sys

from myelin.backends.names import BACKENDS, DEFAULT_LAVA_SAMPLES
from myelin.commands import arguments
from myelin.commands.output import show_progress, write_result
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.terminal.screen import show


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``simulate``; it sets ``run``."""
    parser = subparsers.add_parser(
        "simulate",
        help="run a network on data: in the simulator, in Lava, or on Loihi 2",
        description="Run samples through a network and report accuracy, spikes and time. A netx or NIR file does not define "
        "how spikes become frames: give --steps and --step-ms with it. With --live, run for ever: one step for each frame on "
        "standard input, its output on standard output.",
    )
    arguments.add_network(parser)
    arguments.add_data(parser)
    parser.add_argument("--backend", choices=tuple(BACKENDS), default="fast", help="the backend (default: fast, the simulator)")
    text = f"number of samples, from as many classes as possible (default: all; {DEFAULT_LAVA_SAMPLES} in Lava)"
    arguments.add_samples(parser, help=text)
    arguments.add_split(parser)
    parser.add_argument("--stock", action="store_true", help="backend lava: use Lava's own process models instead of Myelin's")
    arguments.add_board_lag(parser)
    arguments.add_binning(parser)
    arguments.add_reading(parser)
    arguments.add_json(parser)
    live = parser.add_argument_group("a stream instead of --data")
    live.add_argument(
        "--live",
        action="store_true",
        help="read frames from standard input and write the output of each step at once. A line is a step: the input units "
        "that spike (indices in C order), or unit:count, separated by blanks or commas; empty for none. The output is a line "
        "of the units of the last layer that spike, unit:value for graded messages, or all values of a readout of states",
    )
    live.add_argument(
        "--live-format",
        choices=("text", "bytes"),
        help="bytes: a frame is one byte per input unit, the output one byte per unit; 4 bytes, a little-endian integer, where "
        "a byte does not hold all values (default: text)",
    )
    parser.set_defaults(run=run_simulate)


def run_simulate(args: argparse.Namespace) -> int:
    """Run a network on data and print the result, or live in a pipe; returns 0."""
    if args.live:
        return _run_live(args)
    if args.live_format is not None:
        raise DataError("--live-format is for --live: add --live, or leave it out")
    if args.data is None:
        raise DataError("no input: give --data, or --live to read frames from standard input")
    from myelin.backends.simulate import lines, simulated

    result = simulated(
        arguments.source(args, args.network),
        arguments.input_choice(args),
        backend=args.backend,
        stock=args.stock,
        board_lag_steps=args.board_lag,
        progress=show_progress(),
    )
    show(lines(result))
    write_result(args.json, "simulate", result)
    return 0


def _run_live(args: argparse.Namespace) -> int:
    """Make a step for each frame on standard input."""
    from myelin.backends.live import run_live

    rest = ("data", "samples", "split", "stock", "board_lag", "steps", "step_ms", "json")
    given = [f"--{name.replace('_', '-')}" for name in rest if getattr(args, name) not in (None, False)]
    given += ["--backend"] if args.backend != "fast" else []
    if given:
        raise DataError(f"--live runs in the simulator on standard input; leave out {', '.join(given)}")
    network = arguments.source(args, args.network)
    run_live(network, sys.stdin.buffer, sys.stdout.buffer, form=args.live_format or "text")
    return 0
