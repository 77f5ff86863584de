"""``myelin explore``: how much each step of quantisation matters for a trained network, without training."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

from myelin.commands import arguments
from myelin.hw_configs.files import write_json


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``myelin explore``; it sets ``run``."""
    parser = subparsers.add_parser(
        "explore",
        help="bits of weights, delays and decays against accuracy and core memory, for a trained network as it is",
        description="Turn one step of the quantisation at a time: bits and grid of the weights; bits, grid, longest and "
        "rounding of the delays; bits of the decays; thresholds; and bits of weights and delays together against core memory. "
        "Nothing is trained. Every setting runs in the simulator on the part of the training data that the run held out, never "
        "on the test split, and is compared with the exported network on the same samples. Settings that break a rule of the "
        "target are marked, not left out.",
        epilog="Fields of the file of --json are described in convert/explore/report.py.",
    )
    parser.add_argument("artifact", metavar="ART", type=Path, help="artifact folder that `myelin export` wrote")
    parser.add_argument("--data", metavar="PATH", required=True, help="the data that the run was trained on, or builtin")
    parser.add_argument("--target", help="rules and core memory (default: what the artifact was exported for)")
    parser.add_argument(
        "--samples", metavar="N", type=arguments.positive, help="how many of the held-out ones, of as many classes as possible"
    )
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what the screen shows as JSON too")
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw a panel for each knob, and accuracy against memory")
    parser.set_defaults(run=run_explore)


def run_explore(args: argparse.Namespace) -> int:
    """Print the tables, return 0."""
    from myelin.convert.explore.plot import exploration
    from myelin.convert.explore.report import lines

    result = explored(args.artifact, args.data, target=args.target, samples=args.samples)
    print("\n".join(lines(result)))
    if args.json is not None:
        write_json(args.json, result)
    if args.plot is not None:
        exploration(args.plot, result)
    return 0


def explored(
    folder: Path, data: str, *, target: str | None = None, samples: int | None = None, progress: bool = True
) -> dict[str, Any]:
    """What ``myelin explore`` writes: of artifact ``folder`` on (so many of) the samples of ``data`` that its run held out."""
    from myelin.convert.artifact.artifact import read_artifact
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.checkpoint import read_checkpoint
    from myelin.convert.explore.explore import explore
    from myelin.convert.explore.held_out import open_held_out
    from myelin.convert.explore.report import as_dict
    from myelin.convert.samples import spread_choice
    from myelin.hw_configs.target_files import load_target

    began = time.perf_counter()
    artifact = read_artifact(folder)
    origin = Origin.of(artifact)
    held = load_target(target or origin.target)
    checkpoint = read_checkpoint(origin.checkpoint)
    own, held_out = open_held_out(data, checkpoint)
    numbers = spread_choice(own.labels, samples or len(own))
    found = explore(
        artifact.network, checkpoint, held, own, numbers, clipped_to_steps=origin.clipped_to_steps, progress=progress
    )
    return {
        "network": str(folder),
        "input": {
            "data": own.dataset.name,
            "part": "held out of the training data",
            "sample_numbers": held_out[numbers].tolist(),
            "binning": own.binning.as_dict(),
            "text": f"{own.dataset.name}: {len(numbers)} of the {len(own)} samples that the run held out of training",
        },
        **as_dict(found, held),
        "seconds": time.perf_counter() - began,
    }
