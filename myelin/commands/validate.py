"""``myelin validate``: measures the accuracy lost by the chip's integers, and checks that they are the trained ones."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.backends.names import DEFAULT_LAVA_SAMPLES
from myelin.commands import arguments
from myelin.commands.output import show_progress, write_result
from myelin.hw_configs.terminal.screen import show
from myelin.validation.defaults import MAX_DROP


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``validate``; it sets ``run``."""
    parser = subparsers.add_parser(
        "validate",
        help="test whether the chip's integers lose accuracy; a gate that passes or fails",
        description="Run the same samples through a reference (the float side), the integers in the simulator, and some in "
        "Lava. If the reference is a trained network, each step of its quantisation also runs alone and cumulated; the network "
        "of an artifact is compared with the expected one first. Exit code 0 if the 95 % interval rules out a loss of more "
        "than --max-drop and all values that must be equal are equal. Exit code 1 if the interval shows such a loss, if there "
        "are too few samples to decide (the needed number is printed), or if any value differs (the layer and neuron of the "
        "first difference are printed).",
        epilog="A report can be made from the --json file; its fields are described in myelin/validation/as_json.py.",
    )
    arguments.add_network(parser, "artifact", "ART|NET", help="artifact folder, netx file (*.net) or NIR file (*.nir)")
    arguments.add_data(parser, required=True)
    arguments.add_split(parser)
    arguments.add_binning(parser)
    arguments.add_reading(parser)
    add_reference(parser)
    parser.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=arguments.percent_points,
        default=MAX_DROP,
        help="allowed loss of accuracy in percent points, or for traces allowed increase of the error in percent; choose it "
        f"before you see the result (default: {MAX_DROP:g})",
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
    parser.add_argument(
        "--backend",
        choices=("c",),
        help="also run some samples in the exported C, compiled for this machine (see `myelin export --target c99`)",
    )
    arguments.add_json(parser, "also write all results as JSON, with every prediction")
    arguments.add_plot(parser, "draw accuracy and difference by stage, with intervals")
    parser.set_defaults(run=run_validate)


def add_reference(parser: argparse.ArgumentParser) -> None:
    """Add ``--reference`` and ``--no-reference``; ``reference_of`` reads them."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--reference",
        metavar="PATH",
        type=Path,
        help="what the integers are compared with: a run folder, an artifact, stored predictions (*.npz with predictions, "
        "scores or outputs), or a netx or NIR file with floats (default: the trained or float network in ART)",
    )
    group.add_argument("--no-reference", action="store_true", help="judge only what must be equal, and measure the integers")
    parser.add_argument(
        "--output-scale",
        metavar="X",
        type=float,
        help="for traces: integer output that means 1.0 (default: 4096 for voltages, 1 for spikes, or what quantisation chose)",
    )


def reference_of(args: argparse.Namespace) -> Path | bool | None:
    """The reference chosen by the options of ``add_reference``: a path, False for none, or None for the network's own."""
    return False if args.no_reference else args.reference


def run_validate(args: argparse.Namespace) -> int:
    """Validate a network and print the tables; GateError (exit code 1) if it fails or is undecided."""
    from myelin.validation.measure import NotTheTrainedNetwork, require_pass, result, validate, verdict_of
    from myelin.validation.table import shown

    source, dt_ms = arguments.source_beside(args, args.artifact, args.reference)
    try:
        validation = validate(
            source,
            args.data,
            reference=reference_of(args),
            max_drop=args.max_drop,
            split=args.split,
            steps=args.steps,
            step_ms=args.step_ms,
            dt_ms=dt_ms,
            output_scale=args.output_scale,
            lava_samples=args.lava_samples,
            board=args.board,
            backend=args.backend,
            plot=args.plot,
            progress=show_progress(),
        )
    except NotTheTrainedNetwork as refused:
        show(refused.lines())
        write_result(args.json, "validate", refused.as_dict(), "fail")
        raise
    show(shown(validation))
    write_result(args.json, "validate", result(validation), verdict_of(validation))
    require_pass(validation)
    return 0
