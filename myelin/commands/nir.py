"""``myelin nir``: converts networks to NIR files and back."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.commands import arguments
from myelin.commands.output import write_result

if TYPE_CHECKING:
    from myelin.convert.network import Network


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``nir`` with its two actions; each sets ``run``."""
    parser = subparsers.add_parser("nir", help="exchange networks with other simulators as NIR files (needs the package nir)")
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
    arguments.add_reading(parser, dt="length of a step in milliseconds in the file written (default: 1)")
    parser.add_argument(
        "--no-latency",
        action="store_true",
        help="leave the one-step latency of feed-forward connections out of their delays, for simulators without Delay nodes: "
        "layers run one step earlier for each connection; not allowed with a bias",
    )
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
    parser.add_argument(
        "--dt-ms", metavar="MS", type=float, help="length of a step in milliseconds (default: found in the file)"
    )
    parser.add_argument(
        "--latency",
        choices=("included", "added"),
        help="whether delays between layers include the one-step latency of each connection, or it is added to them (default: "
        "as recorded in the file, else added)",
    )
    parser.add_argument("--ignore-integers", action="store_true", help="round the floats even if the file has the integers")
    parser.add_argument(
        "--settled-bias",
        action="store_true",
        help="accept a bias that passes a synapse filter, with the filter at its steady state, instead of refusing it",
    )
    parser.add_argument(
        "--message-bits",
        metavar="N",
        type=arguments.count,
        help="bits of the integers that enter as input; 0 for spikes (default: the file's, or 0)",
    )
    arguments.add_json(parser)
    parser.set_defaults(run=run_import)


def run_export(args: argparse.Namespace) -> int:
    """Run ``myelin nir export``; returns 0."""
    from myelin.convert.nir.format import DT_MS, write_nir
    from myelin.convert.opened import note_lines, read

    opened = read(args.network, input_shape=arguments.input_shape(args), clip_delays=args.clip_to)
    network = opened.network
    dt_ms = DT_MS if args.dt_ms is None else args.dt_ms
    write_nir(network, args.out, dt_ms=dt_ms, step_latency=not args.no_latency)
    print("".join(f"{line}\n" for line in note_lines({"note": opened.note})), end="")
    print(f"{args.out}: {_described(network)}, a step is {dt_ms:g} ms")
    if args.no_latency:
        print("delays without the step of latency of each connection: layer l (from 0) runs l + 1 steps earlier")
    result = {"network": str(args.network), "file": str(args.out), "step_ms": dt_ms, "step_latency": not args.no_latency}
    result["note"] = opened.note
    write_result(args.json, "nir export", result | _shapes(network))
    return 0


def run_import(args: argparse.Namespace) -> int:
    """Run ``myelin nir import``; returns 0."""
    from myelin.convert.netx.format import write_netx
    from myelin.convert.nir.format import open_nir
    from myelin.convert.opened import require

    here = "it needs no import: every command takes it as it is"
    require(args.file, ("nir",), "`myelin nir import`", {"netx": here, "artifact": here, "run": here})
    opened = open_nir(
        args.file,
        dt_ms=args.dt_ms,
        latency=args.latency,
        settled_bias=args.settled_bias,
        ignore_integers=args.ignore_integers,
        message_bits=args.message_bits,
    )
    write_netx(opened.network, args.out)
    print(f"{args.out}: {_described(opened.network)}")
    if opened.note is not None:
        print("\n".join(opened.note.split("; ")))
    result = {"file": str(args.file), "network": str(args.out), "note": opened.note, **_shapes(opened.network)}
    if opened.floats is None:
        print("integers as the file has them")
        write_result(args.json, "nir import", result | {"rounding_errors": None})
        return 0
    from myelin.convert.quantise.rounding import rounding_errors

    found = rounding_errors(opened.floats, opened.network)
    for index, errors in enumerate(found):
        print(f"  layer {index} ({opened.network.layers[index].kind}): {errors}")
    write_result(args.json, "nir import", result | {"rounding_errors": [asdict(errors) for errors in found]})
    return 0


def _shapes(network: Network) -> dict[str, Any]:
    return {"input_shape": list(network.input.shape), "layer_shapes": [list(layer.shape) for layer in network.layers]}


def _described(network: Network) -> str:
    sizes = " -> ".join(
        "x".join(map(str, shape)) for shape in (network.input.shape, *(layer.shape for layer in network.layers))
    )
    return f"{len(network.layers)} layer{'' if len(network.layers) == 1 else 's'}, {sizes} neurons"
