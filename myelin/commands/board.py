"""``myelin board``: an artifact's golden inputs on a Loihi 2 board."""

from __future__ import annotations

import argparse
import sys

from myelin.commands import arguments
from myelin.commands.output import show_progress, write_result
from myelin.envelope import passed
from myelin.hw_configs.terminal.screen import show


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``board``; it sets ``run``."""
    parser = subparsers.add_parser(
        "board",
        help="run an artifact's golden inputs on a Loihi 2 board and compare every output value",
        description="Run the golden inputs of ART on a board with Intel's lava-loihi, measure the lag of its output behind the "
        "simulator in steps, and compare every value. Needs only the artifact. Exit code 0 if all values are equal, 1 if not. "
        "The authors have not yet run this command on a board.",
    )
    arguments.add_network(parser, "artifact", "ART", help="artifact folder written by `myelin export`")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--partition", metavar="NAME", help="SLURM partition of the board (default: $MYELIN_LOIHI_PARTITION)")
    where.add_argument("--host", metavar="ADDRESS", help="host of the board on the network (default: $MYELIN_LOIHI_HOST)")
    parser.add_argument("--generation", metavar="NAME", help="chip generation (default: $MYELIN_LOIHI_GENERATION, or N3B3)")
    arguments.add_samples(parser, help="number of golden inputs (default: all)")
    parser.add_argument("--max-lag", metavar="STEPS", type=arguments.count, help="longest lag to search (default: 16)")
    parser.add_argument("--timeout", metavar="S", type=arguments.positive, help="longest wait in seconds (default: 600)")
    arguments.add_json(parser)
    parser.set_defaults(run=run_on_board)


def run_on_board(args: argparse.Namespace) -> int:
    """Run an artifact on a board and print the comparison; GateError (exit code 1) if the output is not the golden one."""
    from myelin.convert.artifact.artifact import read_artifact
    from myelin.convert.opened import require
    from myelin.lava_models import loihi2
    from myelin.lava_models.board import MAX_LAG_STEPS, lines, require_parity, run_board

    loihi2.choose(args.partition, args.host, args.generation)
    loihi2.require()
    cure = "it has no golden outputs; compare it with the simulator: `myelin diff --backends fast loihi2 --board-lag STEPS`"
    run_cure = "export it first, with `myelin export`"
    require(args.artifact, ("artifact",), "`myelin board`", {"netx": cure, "nir": cure, "run": run_cure})
    artifact = read_artifact(args.artifact)
    result = run_board(
        artifact,
        samples=args.samples,
        max_lag_steps=MAX_LAG_STEPS if args.max_lag is None else args.max_lag,
        timeout_s=args.timeout,
        progress=(lambda done, total: print(f"sample {done} of {total}", file=sys.stderr)) if show_progress() else None,
    )
    result = {"artifact": str(args.artifact), "exported_for": artifact.manifest["target"]["name"], **result}
    show(lines(result))
    write_result(args.json, "board", result, passed(result["equal"]))
    require_parity(result)
    return 0
