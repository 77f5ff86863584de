"""``myelin map``: places a network on the cores of a chip or board, and estimates the cost of an input."""

from __future__ import annotations

import argparse

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.convert.mapping.strategies import DEFAULT, STRATEGIES
from myelin.envelope import passed
from myelin.hw_configs.terminal.screen import show


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``map``; it sets ``run``."""
    parser = subparsers.add_parser(
        "map",
        help="place a network on the cores of a chip or board, and estimate operations, energy and time",
        description="Place every layer on cores, within the public limits of a core: neurons, delay slots, synapse memory and "
        "axons. Print the resources of each layer, a lower bound on the number of cores, and the limit that determines it. "
        "Run samples through the simulator and estimate operations, energy and time of the mapping. Exit code 0 if the target "
        "supports the network, 1 if not.",
    )
    arguments.add_network(parser)
    arguments.add_target(parser, help="name of a chip or board, or a TOML file that describes one")
    parser.add_argument(
        "--strategy",
        choices=STRATEGIES,
        default=DEFAULT,
        help="pack: as few cores as possible, layers share cores; layer: separate cores for each layer; balance: as layer, "
        f"with the synaptic operations spread evenly (default: {DEFAULT})",
    )
    parser.add_argument(
        "--cores", metavar="N", type=arguments.positive, help="balance: spread over N cores (default: as layer)"
    )
    arguments.add_reading(parser)
    arguments.add_input(parser)
    arguments.add_json(parser, "also write the results and every core as JSON")
    arguments.add_plot(parser, "draw the cores by layer and load")
    parser.set_defaults(run=run_map)


def run_map(args: argparse.Namespace) -> int:
    """Print the mapping and the estimate; returns 0 if the target supports the network, 1 if not."""
    from myelin.convert.mapping.measure import mapped
    from myelin.convert.mapping.report import lines

    choice = arguments.input_choice(args)
    how = {"strategy": args.strategy, "cores": args.cores, "plot": args.plot}
    result = mapped(arguments.source(args, args.network), args.target, inputs=choice, **how)
    show(lines(result))
    if args.plot is not None and not result["cores"]:
        print(f"{args.plot} is not drawn: a neuron fits no core")
    write_result(args.json, "map", result, passed(result["fits"]))
    return 0 if result["fits"] else 1
