"""``myelin quantise``: integers for a network that was trained without them."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import write_result

#: Samples that choices are made on, unless the user says: ``myelin.convert.quantise.measure`` says the same.
CALIBRATION_SAMPLES = 64


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``quantise``, which sets ``run``."""
    parser = subparsers.add_parser(
        "quantise",
        help="integers for a network trained in floats, chosen on data so that it spikes as before",
        description="Turn a network of floats into integers for a target, and print what that cost beside plain rounding, on "
        "samples that no choice was made on. Calibration looks at spikes, never at labels, of samples of the train split "
        "where there is one. Nothing is written where the target cannot hold the result.",
    )
    text = "a NIR file (*.nir), a netx file with floats, or a folder of `myelin train`"
    arguments.add_network(parser, "floats", "FLOATNET", help=text)
    arguments.add_data(parser, required=True)
    arguments.add_target(parser)
    parser.add_argument("--out", metavar="FILE.net", type=Path, required=True, help="the netx file to write")
    parser.add_argument(
        "--method", choices=("calibrated", "plain"), default="calibrated", help="which network to write (default: calibrated)"
    )
    parser.add_argument(
        "--calibration-samples",
        metavar="N",
        type=arguments.positive,
        default=CALIBRATION_SAMPLES,
        help=f"samples that choices are made on (default: {CALIBRATION_SAMPLES})",
    )
    arguments.add_samples(parser, help="other samples to report on (default: all)")
    arguments.add_binning(parser)
    arguments.add_dt(parser)
    arguments.add_json(parser)
    parser.set_defaults(run=run_quantise)


def run_quantise(args: argparse.Namespace) -> int:
    """Print the table, write the network; 0, or 1 by GateError where the target does not hold it."""
    from myelin.convert.netx.format import write_netx
    from myelin.convert.quantise.measure import quantised
    from myelin.convert.quantise.report import table

    names = ("target", "method", "calibration_samples", "samples", "steps", "step_ms", "dt_ms")
    found = quantised(args.floats, args.data, **{name: getattr(args, name) for name in names}, progress=True)
    result = found.values
    calibration, report = result["calibration"], result["report"]
    print(f"calibrated on {calibration['samples']} samples ({calibration['split']}), reported on {report['split']}")
    print("\n".join(table(report)))
    write_netx(found.network, args.out)
    print(f"{args.out}: {result['written']}")
    write_result(args.json, "quantise", result, "pass")
    return 0
