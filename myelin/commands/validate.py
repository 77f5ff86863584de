"""``myelin validate``: did the chip's integers cost accuracy, and are they the ones that were trained?"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from myelin.commands.arguments import count, percent_points
from myelin.hw_configs import parts

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

#: Samples that run where each takes seconds, unless the user says.
DEFAULT_LAVA_SAMPLES = 5


def add_command(subparsers: Subparsers) -> None:
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
    parser.add_argument("artifact", metavar="ART", type=Path, help="artifact folder, as `myelin export` writes it")
    parser.add_argument("--data", metavar="PATH", required=True, help="builtin, a folder, or a file of the SHD format")
    parser.add_argument(
        "--split", choices=("train", "valid", "test"), help="part of the data (default: test, else valid, else all there is)"
    )
    parser.add_argument(
        "--max-drop",
        metavar="POINTS",
        type=percent_points,
        default=1.0,
        help="loss in percent points that the interval must rule out; decide on it before you look (default: 1.0)",
    )
    parser.add_argument(
        "--lava-samples",
        metavar="N",
        type=count,
        help=f"samples to run in Lava too (default: {DEFAULT_LAVA_SAMPLES} if Lava is installed)",
    )
    parser.add_argument(
        "--board", action="store_true", help="run the golden inputs on a Loihi 2 board too (see `myelin board`)"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all of it as JSON too, with every prediction")
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw accuracy and difference by stage, with intervals")
    parser.set_defaults(run=run_validate)


def run_validate(args: argparse.Namespace) -> int:
    """Validate an artifact, print the tables; GateError (exit code 1) if it fails or nothing is decided."""
    from myelin.convert.artifact.examine import examine
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.samples import open_samples
    from myelin.lava_models import compat, loihi2
    from myelin.validation.backends import require_pass, require_trained, validate_artifact

    parts.require("torch")
    if args.lava_samples:
        compat.require()  # asked for by name: without Lava this is an error, not something to leave out
    if args.board:
        loihi2.require()
    examination = examine(args.artifact)
    artifact = examination.artifact
    require_trained(examination, args.json)
    origin = Origin.of(artifact)
    samples = open_samples(args.data, origin.binning, split=args.split, classes=origin.classes, keys=origin.keys)
    print(f"validate      {args.artifact}: {origin.name}, exported for {origin.target}")
    validation = validate_artifact(
        examination,
        origin,
        samples,
        max_drop_points=args.max_drop,
        lava_samples=DEFAULT_LAVA_SAMPLES if args.lava_samples is None else args.lava_samples,
        board=args.board,
        json=args.json,
        plot=args.plot,
        progress=sys.stderr.isatty(),
    )
    require_pass(artifact, validation)
    return 0
