"""The commands of this stage, mounted by ``myelin.py``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from hw_configs.files import write_json

if TYPE_CHECKING:
    from convert.network import Network
    from convert.rules import Violation
    from hw_configs.target import Target

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


#: Samples that are binned at a time; the simulator takes fewer at once.
_PROFILED_SAMPLES = 256


def add_commands(subparsers: Subparsers) -> None:
    """Add this stage's commands; each sets ``run``, a function from the parsed arguments to the exit code."""
    check = subparsers.add_parser("check", help="the hardware rules alone: what of a network a target cannot hold")
    check.add_argument("network", metavar="NET|ART", help="a netx file (*.net) or an artifact folder")
    check.add_argument("--target", required=True, help="name of a target, or a TOML file that describes one")
    check.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON too")
    check.set_defaults(run=run_check)
    _add_profile(subparsers)


def _add_profile(subparsers: Subparsers) -> None:
    from convert.stimulus import add_arguments

    parser = subparsers.add_parser(
        "profile",
        help="what a network does with an input: spikes, operations, ranges of its integers, time, layer by layer",
        description="Run samples through the simulator and count, for every layer, spikes, synaptic operations (each spike "
        "times the nonzero weights that it meets), how far the states reach into 24 bit, and the time it takes. Warns of "
        "layers that are silent, fire too much, or come near the end of the range.",
    )
    parser.add_argument("network", metavar="NET|ART", type=Path, help="a netx file (*.net) or an artifact folder")
    add_arguments(parser)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what the screen shows as JSON too")
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw operations, density and ranges of the layers")
    parser.set_defaults(run=run_profile)


def run_check(arguments: argparse.Namespace) -> int:
    """``myelin check``: every violation at once; 0 when the target holds the network, 1 when not."""
    from convert.artifact import load_network
    from convert.rules import not_checked
    from hw_configs.target import load_target

    target = load_target(arguments.target)
    network = load_network(arguments.network)
    violations = print_check(network, target, arguments.network)
    if arguments.json is not None:
        result = {
            "network": str(arguments.network),
            "target": target.name,
            "holds": not violations,
            "violations": [
                {
                    "rule": violation.rule,
                    "where": violation.where,
                    "what": violation.what,
                    f"got_{violation.unit}": violation.got,
                    f"limit_{violation.unit}": violation.limit,
                    "cure": violation.cure,
                    "message": violation.message,
                }
                for violation in violations
            ],
            "not_checked": not_checked(target),
        }
        write_json(arguments.json, result)
    return 1 if violations else 0


def run_profile(arguments: argparse.Namespace) -> int:
    """``myelin profile``: print the tables and the warnings; returns 0."""
    from convert.plots import profile_bars
    from convert.profile import Profiler
    from convert.profile_report import as_dict, lines
    from convert.stimulus import choose, open_network

    opened = open_network(arguments.network)
    stimulus = choose([opened], arguments)
    profiler = Profiler(opened.network)
    for _, frames in stimulus.batches(_PROFILED_SAMPLES):
        profiler.add(frames)
    profile = profiler.result()
    result = {
        "network": str(arguments.network),
        "input": {**stimulus.facts, "text": stimulus.text},
        **as_dict(profile),
    }
    print("\n".join(lines(result)))
    if arguments.json is not None:
        write_json(arguments.json, result)
    if arguments.plot is not None:
        profile_bars(arguments.plot, profile)
    return 0


def print_check(network: Network, target: Target, name: str | os.PathLike[str]) -> list[Violation]:
    """Check the hardware rules and print every violation, what was not checked, and the verdict; returns the violations."""
    from convert.rules import check, not_checked

    violations = check(network, target)
    for line in (*(violation.message for violation in violations), *not_checked(target)):
        print(line)
    count = len(violations)
    verdict = "holds" if not count else "does not hold"
    print(f"{target.name} {verdict} {name}: {count} violation{'' if count == 1 else 's'}")
    return violations
