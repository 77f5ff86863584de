"""``myelin validate``: measures the accuracy lost by the chip's integers, and checks that they are the trained ones."""

from __future__ import annotations

import argparse

from myelin.backends.names import DEFAULT_LAVA_SAMPLES
from myelin.commands import arguments
from myelin.commands.output import show_progress, write_result


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``validate``; it sets ``run``."""
    parser = subparsers.add_parser(
        "validate",
        help="test whether the chip's integers lose accuracy; a gate that passes or fails",
        description="Compare ART's network with the trained one. Then run the same samples through the float network, each "
        "step of its quantisation alone and cumulated, the integers in the simulator, and some in Lava. Exit code 0 if the "
        "95 % interval rules out a loss of more than --max-drop points and all values that must be equal are equal. Exit code "
        "1 if the interval shows such a loss, if there are too few samples to decide (the needed number is printed), or if any "
        "value differs (the layer and neuron of the first difference are printed).",
        epilog="A report can be made from the --json file; its fields are described in myelin/validation/as_json.py.",
    )
    arguments.add_network(parser, "artifact", "ART", help="artifact folder written by `myelin export`")
    arguments.add_data(parser, required=True)
    arguments.add_split(parser)
    parser.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=arguments.percent_points,
        default=1.0,
        help="allowed loss in percent points; choose it before you see the result (default: 1.0)",
    )
    parser.add_argument(
        "--lava-samples",
        metavar="N",
        type=arguments.count,
        help=f"number of samples that also run in Lava (default: {DEFAULT_LAVA_SAMPLES} if Lava is installed)",
    )
    parser.add_argument(
        "--board", action="store_true", help="also run the golden inputs on a Loihi 2 board (see `myelin board`)"
    )
    arguments.add_json(parser, "also write all results as JSON, with every prediction")
    arguments.add_plot(parser, "draw accuracy and difference by stage, with intervals")
    parser.set_defaults(run=run_validate)


def run_validate(args: argparse.Namespace) -> int:
    """Validate an artifact and print the tables; GateError (exit code 1) if it fails or is undecided."""
    from myelin.validation.backends import NotTheTrainedNetwork, require_pass, result, shown, validate_artifact, verdict_of

    try:
        validation = validate_artifact(
            args.artifact,
            args.data,
            split=args.split,
            max_drop_points=args.max_drop,
            lava_samples=args.lava_samples,
            board=args.board,
            plot=args.plot,
            progress=show_progress(),
        )
    except NotTheTrainedNetwork as refused:
        print("\n".join(refused.lines()))
        write_result(args.json, "validate", refused.as_dict(), "fail")
        raise
    print("\n".join(shown(validation)))
    write_result(args.json, "validate", result(validation), verdict_of(validation))
    require_pass(validation)
    return 0
