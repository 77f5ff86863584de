"""``myelin nir``: the two directions of ``myelin convert`` that have to do with NIR files, under their older names."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.convert import add_nir_reading, add_nir_writing, convert, show
from myelin.commands.output import write_result


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``nir`` with its two actions; each sets ``run``."""
    parser = subparsers.add_parser(
        "nir", help="exchange networks with other simulators as NIR files; older names of `myelin convert`"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_export(actions)
    _add_import(actions)


def _add_export(actions: arguments.Subparsers) -> None:
    parser = actions.add_parser(
        "export",
        help="write a network as a NIR file",
        description="Write a network of CUBA neurons as a NIR graph; forward Euler steps of the graph are the equations of the "
        "network. The integers are stored as metadata, so `myelin nir import` restores the same network.",
    )
    arguments.add_network(parser)
    parser.add_argument("--out", metavar="FILE.nir", type=Path, required=True, help="the file to write")
    dt = "length of a step in milliseconds in the file written (default: that of a NIR file that is read, else 1)"
    arguments.add_reading(parser, dt=dt)
    add_nir_writing(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run_export)


def _add_import(actions: arguments.Subparsers) -> None:
    parser = actions.add_parser(
        "import",
        help="turn a NIR file into a netx file",
        description="Read a NIR graph. Integers stored by `myelin nir export` are used unchanged if they still agree with the "
        "graph; all other floats are rounded to nearest, with a power of two as the scale of each layer.",
    )
    parser.add_argument("file", metavar="FILE.nir", type=Path, help="a NIR file")
    parser.add_argument("--out", metavar="FILE.net", type=Path, required=True, help="the netx file to write")
    arguments.add_reading(parser)
    add_nir_reading(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run_import)


def run_export(args: argparse.Namespace) -> int:
    """Run ``myelin nir export``; returns 0."""
    converted = convert(args, args.network, args.out, "nir")
    result = {"network": str(args.network), "file": str(args.out), "step_ms": converted.dt_ms}
    result |= {"step_latency": not args.no_latency, **show(args, converted)}
    write_result(args.json, "nir export", {name: value for name, value in result.items() if name != "rounding_errors"})
    return 0


def run_import(args: argparse.Namespace) -> int:
    """Run ``myelin nir import``; returns 0."""
    from myelin.convert.opened import require

    here = "it needs no import: every command takes it as it is"
    require(args.file, ("nir",), "`myelin nir import`", {"netx": here, "artifact": here, "run": here})
    converted = convert(args, args.file, args.out, "netx")
    result = {"file": str(args.file), "network": str(args.out), **show(args, converted)}
    if converted.floats is None:
        print("integers as the file has them")
    write_result(args.json, "nir import", result)
    return 0
