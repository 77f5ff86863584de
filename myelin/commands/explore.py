"""``myelin explore``: measures the effect of each step of quantisation on a trained network, without training."""

from __future__ import annotations

import argparse

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.hw_configs.terminal.screen import show


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``explore``; it sets ``run``."""
    parser = subparsers.add_parser(
        "explore",
        help="measure accuracy and core memory for other bits of weights, delays and decays, without training",
        description="Change one step of the quantisation at a time: bits and grid of the weights; bits, grid, maximum and "
        "rounding of the delays; bits of the decays; thresholds; and bits of weights and delays together against core memory. "
        "Nothing is trained. Every setting runs in the simulator and is compared with the network itself on the same samples: "
        "those that a run held out of its training data, never the test split; for a network without a run, those of the train "
        "split, or of a file without splits. Settings that break a rule of the target are marked, not left out.",
        epilog="The fields of the --json file are described in convert/explore/report.py.",
    )
    arguments.add_network(parser, "source")
    arguments.add_data(parser, required=True, help="data; of a run, that it was trained on: builtin, a folder or a file")
    text = "target for rules and core memory (default: the target of the artifact or of the run)"
    arguments.add_target(parser, required=False, help=text)
    arguments.add_samples(parser, help="number of samples, from as many classes as possible (default: all)")
    arguments.add_binning(parser)
    arguments.add_reading(parser)
    arguments.add_json(parser)
    arguments.add_plot(parser, "draw a panel for each knob, and accuracy against memory")
    parser.set_defaults(run=run_explore)


def run_explore(args: argparse.Namespace) -> int:
    """Print the tables; returns 0."""
    from myelin.convert.explore.measure import explored
    from myelin.convert.explore.report import lines

    names = ("target", "samples", "steps", "step_ms", "plot")
    result = explored(
        arguments.source(args, args.source), args.data, **{name: getattr(args, name) for name in names}, progress=True
    )
    show(lines(result))
    write_result(args.json, "explore", result)
    return 0
