"""``myelin explore``: measures the effect of each step of quantisation on a trained network, without training."""

from __future__ import annotations

import argparse

from myelin.commands import arguments
from myelin.commands.output import write_result


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``explore``; it sets ``run``."""
    parser = subparsers.add_parser(
        "explore",
        help="measure accuracy and core memory for other bits of weights, delays and decays, without training",
        description="Change one step of the quantisation at a time: bits and grid of the weights; bits, grid, maximum and "
        "rounding of the delays; bits of the decays; thresholds; and bits of weights and delays together against core memory. "
        "Nothing is trained. Every setting runs in the simulator on the part of the training data that the run held out, never "
        "on the test split, and is compared with the exported network on the same samples. Settings that break a rule of the "
        "target are marked, not left out.",
        epilog="The fields of the --json file are described in convert/explore/report.py.",
    )
    arguments.add_network(parser, "source", "ART|RUN", help="artifact folder or run folder")
    arguments.add_data(parser, required=True, help="the data that the run was trained on, or builtin")
    text = "target for rules and core memory (default: the target of the artifact or of the run)"
    arguments.add_target(parser, required=False, help=text)
    arguments.add_samples(parser, help="number of held-out samples, from as many classes as possible (default: all)")
    arguments.add_json(parser)
    arguments.add_plot(parser, "draw a panel for each knob, and accuracy against memory")
    parser.set_defaults(run=run_explore)


def run_explore(args: argparse.Namespace) -> int:
    """Print the tables; returns 0."""
    from myelin.convert.explore.measure import explored
    from myelin.convert.explore.report import lines

    result = explored(args.source, args.data, target=args.target, samples=args.samples, progress=True, plot=args.plot)
    print("\n".join(lines(result)))
    write_result(args.json, "explore", result)
    return 0
