"""``myelin quantise``: integers for a network that was trained without them."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from myelin.commands.arguments import positive
from myelin.hw_configs.errors import DataError, GateError

if TYPE_CHECKING:
    from myelin.convert.floats.sources import OpenedFloats
    from myelin.convert.samples import Samples

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

#: Samples that choices are made on, unless the user says.
CALIBRATION_SAMPLES = 64


def add_command(subparsers: Subparsers) -> None:
    """Add ``quantise``, which sets ``run``."""
    parser = subparsers.add_parser(
        "quantise",
        help="integers for a network trained in floats, chosen on data so that it spikes as before",
        description="Turn a network of floats into integers for a target, and print what that cost beside plain rounding, on "
        "samples that no choice was made on. Calibration looks at spikes, never at labels, of samples of the train split "
        "where there is one. Nothing is written where the target cannot hold the result.",
    )
    parser.add_argument(
        "floats",
        metavar="FLOATNET",
        type=Path,
        help="a NIR file (*.nir), a netx file with floats, or a folder of `myelin train`",
    )
    parser.add_argument("--data", metavar="PATH", required=True, help="builtin, a folder, or a file of the SHD format")
    parser.add_argument("--target", required=True, help="name of a target, or a TOML file that describes one")
    parser.add_argument("--out", metavar="FILE.net", type=Path, required=True, help="the netx file to write")
    parser.add_argument(
        "--method", choices=("calibrated", "plain"), default="calibrated", help="which network to write (default: calibrated)"
    )
    parser.add_argument(
        "--calibration-samples",
        metavar="N",
        type=positive,
        default=CALIBRATION_SAMPLES,
        help=f"samples that choices are made on (default: {CALIBRATION_SAMPLES})",
    )
    parser.add_argument("--samples", metavar="N", type=positive, help="other samples to report on (default: all)")
    parser.add_argument("--steps", metavar="N", type=positive, help="length of a sample, for files")
    parser.add_argument("--step-ms", metavar="MS", type=float, help="length of a step in milliseconds, for files")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what the screen shows as JSON too")
    parser.set_defaults(run=run_quantise)


def run_quantise(arguments: argparse.Namespace) -> int:
    """Print the table, write the network; 0, or 1 by GateError where the target does not hold it."""
    from myelin.convert.floats.sources import open_floats
    from myelin.convert.netx.format import write_netx
    from myelin.convert.quantise.calibrate import quantise
    from myelin.convert.quantise.layer import Grid
    from myelin.convert.quantise.report import as_dict, batches, choices, compare_networks, table
    from myelin.convert.quantise.rounding import round_network
    from myelin.convert.rules import calibrate, check
    from myelin.hw_configs.files import write_json
    from myelin.hw_configs.target_files import load_target

    target = load_target(arguments.target)
    opened = open_floats(arguments.floats)
    calibration, report, taken, numbers = _samples(opened, arguments)
    grid = Grid.of(target)
    frames = calibration.frames(taken)
    networks = {f"plain, {grid.weight_bits} bits": round_network(opened.network, grid.weight_bits)}
    quantised = None
    if arguments.method == "calibrated":
        quantised = quantise(opened.network, frames, grid, progress=True)
        networks[f"calibrated, {grid.weight_bits} bits"] = quantised.network
    name, network = list(networks.items())[-1]
    violations = check(network, target, calibrate(network, [frames]))
    if violations:
        listed = "; ".join(f"({number}) {violation.message}" for number, violation in enumerate(violations, 1))
        raise GateError(f"{target.name} does not hold {arguments.floats}, nothing was written: {listed}")
    compared = compare_networks(opened.network, networks, batches(report.frames, report.labels, numbers))
    reported = as_dict(opened.network, compared)
    result = {
        "floats": str(arguments.floats),
        "target": target.name,
        "weight_bits": grid.weight_bits,
        "written": name,
        "calibration": {"split": calibration.split, "samples": len(taken)},
        "report": {"split": report.split, "data": report.dataset.name, **reported},
        "choices": [] if quantised is None else choices(quantised),
    }
    print(f"calibrated on {len(taken)} samples ({calibration.split}), reported on {report.split}")
    print("\n".join(table(reported)))
    write_netx(network, arguments.out)
    print(f"{arguments.out}: {name}")
    if arguments.json is not None:
        write_json(arguments.json, result)
    return 0


def _samples(opened: OpenedFloats, args: argparse.Namespace) -> tuple[Samples, Samples, np.ndarray, np.ndarray]:
    """Samples to calibrate on and to report on, and their numbers: of two splits, or disjoint ones of the same."""
    from myelin.convert.samples import Binning, open_samples, spread_choice
    from myelin.train.datasets import available_splits

    floats, binning = opened.network, opened.binning
    given = [name for name in ("steps", "step_ms") if getattr(args, name) is not None]
    if binning is None:
        if len(given) < 2:
            raise DataError(
                f"{args.floats}: the file does not say how spikes become frames; give --steps and --step-ms, such as "
                "--steps 100 --step-ms 10"
            )
        shape = floats.input_shape
        axes = shape if len(shape) == 3 else None
        binning = Binning(args.steps, args.step_ms, math.prod(shape), floats.message_bits, axes)
    elif given:
        raise DataError(f"--{given[0].replace('_', '-')} is for files; the run {args.floats} says how it is binned")
    classes = floats.average_groups or math.prod(floats.output_shape)
    there = available_splits(args.data)
    report = open_samples(args.data, binning, classes=classes, keys=opened.keys)
    if "train" in there and report.split != "train":
        calibration = open_samples(args.data, binning, split="train", classes=classes, keys=opened.keys)
        taken, rest = spread_choice(calibration.labels, args.calibration_samples), np.arange(len(report))
    else:
        calibration = report
        taken = spread_choice(report.labels, args.calibration_samples)
        rest = np.setdiff1d(np.arange(len(report)), taken)
    if not len(rest):
        raise DataError(
            f"{report.dataset.name}: holds {len(report)} samples, all of which calibration takes, so none is left to report "
            f"on; give --calibration-samples below {len(report)}"
        )
    if args.samples is not None:
        rest = rest[spread_choice(report.labels[rest], args.samples)]
    return calibration, report, taken, rest
