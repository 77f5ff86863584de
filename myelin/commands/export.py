"""``myelin export``: from a run folder to an artifact, refused where the target cannot hold the network."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``export``; it sets ``run``."""
    parser = subparsers.add_parser(
        "export",
        help="turn a trained network into integers for a target",
        description="Write the artifact ART: network.net, golden inputs with their exact outputs, a script that runs them with "
        "stock lava-nc alone, a manifest, and a copy of the checkpoint. Refused, with everything that breaks a rule, where the "
        "target cannot hold the network.",
    )
    arguments.add_network(parser, "run_folder", "RUN", help="folder that `myelin train` wrote")
    arguments.add_target(parser)
    parser.add_argument("--out", metavar="ART", type=Path, required=True, help="folder to write; an older artifact is replaced")
    parser.add_argument("--clip-delays", action="store_true", help="shorten delays the target cannot hold, and say how many")
    arguments.add_data(parser, help="data for the golden inputs (default: what the run was trained on, if built in)")
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Export, print what was done, return 0; violations of the target's rules raise GateError."""
    from myelin.convert.artifact.export import export

    exported = export(args.run_folder, args.out, target=args.target, clip_delays=args.clip_delays, data=args.data)
    print("\n".join(exported.lines))
    return 0
