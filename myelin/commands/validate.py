"""``myelin validate``: did the chip's integers cost accuracy, and are they the ones that were trained?"""

from __future__ import annotations

import argparse

from myelin.backends.names import DEFAULT_LAVA_SAMPLES
from myelin.commands import arguments
from myelin.commands.output import show_progress, write_result


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``validate``; its handler is the default ``run``, which takes the parsed arguments and returns the exit code."""
    parser = subparsers.add_parser(
        "validate",
        help="did the chip's integers cost accuracy? a gate that passes or fails",
        description="Compare ART's network with the trained one, then run the same samples through the float network, each "
        "step of its quantisation alone and one after the other, the integers in the simulator, and some in Lava. Exit code 0 "
        "if the 95 %% interval rules out a loss of more than --max-drop points and all values that must be equal are; 1 if it "
        "shows such a loss, if the samples cannot tell (then it says how many would), or if any value differs (then it says "
        "in which layer and neuron that began).",
        epilog="A report can be made from the file of --json; its fields are described in myelin/validation/as_json.py.",
    )
    arguments.add_network(parser, "artifact", "ART", help="artifact folder, as `myelin export` writes it")
    arguments.add_data(parser, required=True)
    arguments.add_split(parser)
    parser.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=arguments.percent_points,
        default=1.0,
        help="loss in percent points that the interval must rule out; decide on it before you look (default: 1.0)",
    )
    parser.add_argument(
        "--lava-samples",
        metavar="N",
        type=arguments.count,
        help=f"samples to run in Lava too (default: {DEFAULT_LAVA_SAMPLES} if Lava is installed)",
    )
    parser.add_argument(
        "--board", action="store_true", help="run the golden inputs on a Loihi 2 board too (see `myelin board`)"
    )
    arguments.add_json(parser, "write all of it as JSON too, with every prediction")
    arguments.add_plot(parser, "draw accuracy and difference by stage, with intervals")
    parser.set_defaults(run=run_validate)


def run_validate(args: argparse.Namespace) -> int:
    """Validate an artifact, print the tables; GateError (exit code 1) if it fails or nothing is decided."""
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
