"""``myelin export``: writes the artifact of a run folder; refuses networks that the target does not support."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import write_result


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``export``; it sets ``run``."""
    parser = subparsers.add_parser(
        "export",
        help="turn a trained network into integers for a target",
        description="Write the artifact ART: network.net, golden inputs with their exact outputs, a script that runs them with "
        "stock lava-nc alone, a manifest, and a copy of the checkpoint. If the target does not support the network, the export "
        "is refused with every broken rule.",
    )
    arguments.add_network(parser, "run_folder", "RUN", help="folder that `myelin train` wrote")
    arguments.add_target(parser)
    parser.add_argument("--out", metavar="ART", type=Path, required=True, help="folder to write; an older artifact is replaced")
    parser.add_argument("--clip-delays", action="store_true", help="shorten delays too long for the target; print their number")
    arguments.add_data(parser, help="data for the golden inputs (default: the data of the run, if built in)")
    arguments.add_json(parser)
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Export and print the result; returns 0.  Violations of the target's rules raise GateError."""
    from myelin.convert.artifact.export import export

    exported = export(args.run_folder, args.out, target=args.target, clip_delays=args.clip_delays, data=args.data)
    print("\n".join(exported.lines))
    result = {
        "run": str(args.run_folder),
        "artifact": str(exported.folder),
        "target": args.target,
        "layers": len(exported.network.layers),
        "longest_delay_steps": exported.network.max_delay_steps,
        "text": list(exported.lines),
    }
    write_result(args.json, "export", result, "pass")
    return 0
