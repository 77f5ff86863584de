"""``myelin export``: writes the artifact of a network; refuses networks that the target does not support."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from myelin.commands import arguments
from myelin.commands.output import print_next, write_result
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.terminal.screen import show

if TYPE_CHECKING:
    from myelin.convert.artifact.export import Exported


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``export``; it sets ``run``."""
    parser = subparsers.add_parser(
        "export",
        help="write an artifact for a target: integers with their exact outputs, for any machine",
        description="Write the artifact ART: network.net, golden inputs with their exact outputs, a script that runs them with "
        "stock lava-nc alone, a manifest, and a copy of a run's checkpoint. The golden inputs are samples of the data; without "
        "data, those of an artifact, else random spikes. If the target does not support the network, the export is refused "
        "with every broken rule. For a microcontroller (cortex-m4, cortex-m7, riscv32) and for c99, write the network as "
        "portable C instead, with golden values, a self-test and a Makefile.",
    )
    arguments.add_network(parser, "source")
    arguments.add_target(parser)
    parser.add_argument(
        "-o",
        "--out",
        metavar="ART",
        type=Path,
        help="folder to write; an older one is replaced (required, but for C: the name of SOURCE and of the target)",
    )
    parser.add_argument("--clip-delays", action="store_true", help="shorten delays too long for the target; print their number")
    arguments.add_data(parser, help="data for the golden inputs (default: the data of a run, if built in)")
    arguments.add_binning(parser)
    parser.add_argument(
        "--classes", metavar="NAME,NAME,...", help="names of the classes in their order (default: those of the run or the data)"
    )
    arguments.add_reading(parser, clip=False)
    arguments.add_json(parser)
    parser.set_defaults(run=run_export)


def run_export(args: argparse.Namespace) -> int:
    """Export and print the result; returns 0.  Violations of the target's rules raise GateError."""
    from myelin.convert.artifact.export import export

    out = _out(args)
    names = ("target", "clip_delays", "data", "steps", "step_ms")
    classes = None if args.classes is None else [name.strip() for name in args.classes.split(",")]
    exported = export(
        arguments.source(args, args.source), out, classes=classes, **{name: getattr(args, name) for name in names}
    )
    show(exported.lines)
    result = {
        "run": str(args.source),
        "artifact": str(exported.folder),
        "target": args.target,
        "layers": len(exported.network.layers),
        "longest_delay_steps": exported.network.max_delay_steps,
        "text": list(exported.lines),
    }
    _print_next(exported, args.target)
    write_result(args.json, "export", result, "pass")
    return 0


def _out(args: argparse.Namespace) -> Path:
    """The folder to write; C has a name by default, in the current folder."""
    from myelin.hw_configs.target_files import load_target

    target = load_target(args.target)
    if args.out is not None:
        return args.out
    if target.controller is None:
        raise ConfigError("the following arguments are required: --out")
    return Path(f"{args.source.resolve().stem}-{target.name}")


def _print_next(exported: Exported, target: str) -> None:
    """Validation, if the artifact holds floats to compare with and data is known; else the cores, or the activity."""
    from myelin.hw_configs.target_files import load_target

    held = load_target(target)
    if held.controller is not None:
        return  # the lines say how to run the self-test
    if exported.has_floats and exported.data is not None:
        print_next("validate", exported.folder, "--data", exported.data)
    elif not held.simulator:
        print_next("map", exported.folder, "--target", target)
    else:
        print_next("profile", exported.folder)
