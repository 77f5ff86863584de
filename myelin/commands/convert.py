"""``myelin convert``: writes a network of any kind as a netx or a NIR file."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.commands import arguments
from myelin.commands.output import write_result

if TYPE_CHECKING:
    from myelin.convert.conversion import Written
    from myelin.convert.opened import Opened


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``convert``; it sets ``run``."""
    parser = subparsers.add_parser(
        "convert",
        help="write any network as a netx or a NIR file",
        description="Read a network of any kind and write it as a netx file (.net, .h5, .hdf5) or as a NIR file (.nir; needs "
        "the package nir). The integers survive: a NIR file stores them as metadata beside its graph, whose forward Euler "
        "steps are the equations of the network. Floats of a NIR file without integers are rounded to nearest, with a power of "
        "two as the scale of each layer.",
    )
    arguments.add_network(parser, "source", "IN")
    parser.add_argument("out", metavar="OUT", type=Path, help="the file to write; its suffix says which kind")
    arguments.add_reading(
        parser,
        dt="length of a step in milliseconds in the NIR file that is read or written (default: found "
        "in the file that is read, else 1)",
    )
    add_nir_reading(parser.add_argument_group("for a NIR file that is read"))
    add_nir_writing(parser.add_argument_group("for a NIR file that is written"))
    arguments.add_json(parser)
    parser.set_defaults(run=run_convert)


def add_nir_reading(parser: argparse._ActionsContainer) -> None:
    """Add the options of ``myelin.read_nir`` beside ``--dt-ms``."""
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


def add_nir_writing(parser: argparse._ActionsContainer) -> None:
    """Add the option of ``myelin.write_nir`` beside ``--dt-ms``."""
    parser.add_argument(
        "--no-latency",
        action="store_true",
        help="leave the one-step latency of feed-forward connections out of their delays, for simulators without Delay nodes: "
        "layers run one step earlier for each connection; not allowed with a bias",
    )


def run_convert(args: argparse.Namespace) -> int:
    """Run ``myelin convert``; returns 0."""
    converted = convert(args, args.source, args.out)
    result = {"network": str(args.source), "file": str(args.out), "kind": converted.kind, "step_ms": converted.dt_ms}
    write_result(args.json, "convert", result | show(args, converted))
    return 0


def convert(args: argparse.Namespace, source: Path, out: Path, kind: Written | None = None) -> Opened:
    """``myelin.convert_file`` with the options that were given."""
    from myelin.convert.conversion import convert_file

    names = ("latency", "settled_bias", "ignore_integers", "message_bits")
    options: dict[str, Any] = {name: getattr(args, name) for name in names if hasattr(args, name)}
    step_latency = not getattr(args, "no_latency", False)
    return convert_file(source, out, kind=kind, step_latency=step_latency, **arguments.reading(args), **options)


def show(args: argparse.Namespace, converted: Opened) -> dict[str, Any]:
    """Print what was written; returns the values for JSON: note, shapes and errors of rounding (None for integers)."""
    from myelin.convert.opened import note_lines

    network = converted.network
    shapes = [network.input.shape, *(layer.shape for layer in network.layers)]
    sizes = " -> ".join("x".join(map(str, shape)) for shape in shapes)
    step = "" if converted.dt_ms is None else f", a step is {converted.dt_ms:g} ms"
    print("".join(f"{line}\n" for line in note_lines({"note": converted.note})), end="")
    print(f"{converted.name}: {len(network.layers)} layer{'' if len(network.layers) == 1 else 's'}, {sizes} neurons{step}")
    if getattr(args, "no_latency", False):
        print("delays without the step of latency of each connection: layer l (from 0) runs l + 1 steps earlier")
    values = {"note": converted.note, "input_shape": list(shapes[0]), "layer_shapes": [list(shape) for shape in shapes[1:]]}
    if converted.floats is None:
        return values | {"rounding_errors": None}
    from myelin.convert.quantise.rounding import rounding_errors

    found = rounding_errors(converted.floats, network)
    for index, errors in enumerate(found):
        print(f"  layer {index} ({network.layers[index].kind}): {errors}")
    return values | {"rounding_errors": [asdict(errors) for errors in found]}
