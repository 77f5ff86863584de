"""``myelin quantise``: turns a network trained in floats into integers."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import print_next, write_result
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.terminal.screen import show

#: Default number of calibration samples, the same as in ``myelin.convert.quantise.measure``.
CALIBRATION_SAMPLES = 64


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``quantise``; it sets ``run``."""
    parser = subparsers.add_parser(
        "quantise",
        help="turn a network trained in floats into integers that spike as before, with calibration on data",
        description="Turn a float network into integers for a target. Print the loss, and that of plain rounding, on samples "
        "that were not used for calibration. Calibration uses spikes, never labels, of samples of the train split if there is "
        "one. Nothing is written if the target does not support the result.",
    )
    text = "a NIR file (*.nir), a netx file with floats, a run folder, or an artifact that holds its floats"
    arguments.add_network(parser, "floats", "FLOATNET", help=text)
    arguments.add_data(parser, required=True)
    arguments.add_target(parser)
    parser.add_argument(
        "--artifact", metavar="ART", type=Path, help="artifact to write, with its floats: `myelin validate` takes it"
    )
    parser.add_argument("--out", metavar="FILE.net", type=Path, help="netx file to write; this or --artifact is needed")
    parser.add_argument(
        "--method", choices=("calibrated", "plain"), default="calibrated", help="which network to write (default: calibrated)"
    )
    parser.add_argument(
        "--calibration-samples",
        metavar="N",
        type=arguments.positive,
        default=CALIBRATION_SAMPLES,
        help=f"number of samples to calibrate on (default: {CALIBRATION_SAMPLES})",
    )
    arguments.add_samples(parser, help="number of other samples to report on (default: all)")
    arguments.add_binning(parser)
    arguments.add_reading(parser, clip_text="shorten longer delays to STEPS before calibration")
    arguments.add_json(parser)
    parser.set_defaults(run=run_quantise)


def run_quantise(args: argparse.Namespace) -> int:
    """Print the table and write the network; returns 0.  GateError (exit code 1) if the target does not support it."""
    from myelin.convert.netx.format import write_netx
    from myelin.convert.opened import note_lines
    from myelin.convert.quantise.measure import quantised
    from myelin.convert.quantise.report import table

    if args.artifact is None and args.out is None:
        raise ConfigError("nothing to write: give --artifact ART, which `myelin validate` takes, or --out FILE.net")
    names = ("target", "method", "calibration_samples", "samples", "steps", "step_ms", "artifact")
    how = {name: getattr(args, name) for name in names} | arguments.reading(args)
    found = quantised(args.floats, args.data, **how, progress=True)
    result = found.values
    calibration, report = result["calibration"], result["report"]
    print("".join(f"{line}\n" for line in note_lines(result)), end="")
    print(f"calibrated on {calibration['samples']} samples ({calibration['split']}), reported on {report['split']}")
    show(table(report))
    if args.out is not None:
        write_netx(found.network, args.out)
        print(f"{args.out}: {result['written']}")
    if found.artifact is not None:
        show(found.artifact.lines)
        print_next("validate", args.artifact, "--data", args.data)
    else:
        binning = ("--steps", report["steps"], "--step-ms", f"{report['step_ms']:g}")
        print_next("export", args.out, "--target", args.target, "--data", args.data, *binning, "--out", "ART")
    write_result(args.json, "quantise", result, "pass")
    return 0
