"""``myelin diff``: where two networks, or two backends, first diverge on the same input, and why."""

from __future__ import annotations

import argparse

from myelin.backends.names import DIFF_BACKENDS
from myelin.commands import arguments
from myelin.commands.output import show_progress, write_result
from myelin.envelope import passed
from myelin.hw_configs.terminal.screen import show


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``diff``; it sets ``run``."""
    parser = subparsers.add_parser(
        "diff",
        help="find where two networks, or two backends, first diverge on the same input, and why",
        description="Run A and B on the same input and compare every spike, every state and the output. If they diverge, print "
        "the first sample, step, layer and neuron, the values on both sides, the constants and synapses that differ, and how "
        "far the difference has spread. Exit code 0 if all values are equal, 1 if not.",
        epilog="examples: myelin diff old.net new.net;  myelin diff ART --backends fast lava;  "
        "myelin diff ART new.net --data builtin --samples 20",
    )
    arguments.add_network(parser, "a", "A")
    arguments.add_network(parser, "b", "B", nargs="?", help="another network of the same structure (default: A)")
    parser.add_argument(
        "--backends",
        nargs=2,
        choices=tuple(DIFF_BACKENDS),
        metavar=("BACKEND_A", "BACKEND_B"),
        default=("fast", "fast"),
        help=f"backends of A and of B: {', '.join(DIFF_BACKENDS)} (default: fast fast)",
    )
    arguments.add_reading(parser)
    arguments.add_input(parser)
    arguments.add_board_lag(parser)
    arguments.add_json(parser)
    arguments.add_plot(parser, "draw how the difference spreads over layers and steps")
    parser.set_defaults(run=run_diff)


def run_diff(args: argparse.Namespace) -> int:
    """Compare two runs and print where they diverge; returns 0 if all values are equal, 1 if not."""
    from myelin.backends.diff import diff
    from myelin.convert.compare.report import lines

    a, *others = arguments.sources(args, *(path for path in (args.a, args.b) if path is not None))
    result = diff(
        a,
        *others,
        inputs=arguments.input_choice(args),
        backends=args.backends,
        board_lag_steps=args.board_lag,
        plot=args.plot,
        progress=show_progress(),
    )
    show(lines(result))
    if args.plot is not None:
        print(f"plot          {args.plot}{' not written: nothing differs' if result['equal'] else ''}")
    write_result(args.json, "diff", result, passed(result["equal"]))
    return 0 if result["equal"] else 1
