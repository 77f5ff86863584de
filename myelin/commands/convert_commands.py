"""The commands of this stage, mounted by ``myelin.py``."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import myelin.commands.explore
import myelin.commands.map
import myelin.commands.nir
import myelin.commands.quantise
import myelin.commands.sweep
from myelin.hw_configs.files import write_json

if TYPE_CHECKING:
    from myelin.convert.network import Network
    from myelin.convert.profile.profiler import Profile
    from myelin.convert.rules import Violation
    from myelin.convert.stimulus import Opened, Stimulus
    from myelin.hw_configs.target import Target

    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


#: Samples that are binned at a time; the simulator takes fewer at once.
_PROFILED_SAMPLES = 256
#: Options of ``myelin.convert.stimulus``, any of which asks for an input.
_INPUT_OPTIONS = ("data", "split", "samples", "steps", "step_ms", "density", "seed")


def add_commands(subparsers: Subparsers) -> None:
    """Add this stage's commands; each sets ``run``, a function from the parsed arguments to the exit code."""
    _add_check(subparsers)
    _add_profile(subparsers)
    myelin.commands.explore.add_command(subparsers)
    myelin.commands.map.add_command(subparsers)
    myelin.commands.nir.add_command(subparsers)
    myelin.commands.sweep.add_command(subparsers)
    myelin.commands.quantise.add_command(subparsers)


def _add_check(subparsers: Subparsers) -> None:
    from myelin.convert.stimulus import add_arguments

    parser = subparsers.add_parser(
        "check",
        help="the hardware rules alone: what of a network a target cannot hold",
        description="Print everything that the target cannot hold, each with its cure, and what is not public and so not "
        "checked. The states are judged in a calibration run: on data, or the golden inputs of an artifact, or random spikes. "
        "For a netx file without any option of the input they are not checked.",
    )
    parser.add_argument("network", metavar="NET|ART", type=Path, help="a netx file (*.net) or an artifact folder")
    parser.add_argument("--target", required=True, help="name of a target, or a TOML file that describes one")
    add_arguments(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result as JSON too")
    parser.set_defaults(run=run_check)


def _add_profile(subparsers: Subparsers) -> None:
    from myelin.convert.stimulus import add_arguments

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
    from myelin.convert.rules import calibrate
    from myelin.convert.rules.report import as_dict
    from myelin.convert.stimulus import choose, open_network
    from myelin.hw_configs.target_files import load_target

    target = load_target(arguments.target)
    opened = open_network(arguments.network)
    named = any(getattr(arguments, name) is not None for name in _INPUT_OPTIONS)
    stimulus = choose([opened], arguments) if named or opened.artifact is not None else None
    calibration = None
    if stimulus is not None:
        calibration = calibrate(opened.network, (frames for _, frames in stimulus.batches(_PROFILED_SAMPLES)))
        print(f"calibrated on {stimulus.text}")
    violations = print_check(opened.network, target, arguments.network, calibration)
    if arguments.json is not None:
        input_of = None if stimulus is None else {**stimulus.facts, "text": stimulus.text}
        result = {"network": str(arguments.network), **as_dict(violations, target, calibration, input_of)}
        write_json(arguments.json, result)
    return 1 if violations else 0


def run_profile(arguments: argparse.Namespace) -> int:
    """``myelin profile``: print the tables and the warnings; returns 0."""
    from myelin.convert.plots import profile_bars
    from myelin.convert.profile.report import lines
    from myelin.convert.stimulus import choose, open_network

    opened = open_network(arguments.network)
    result, profile = profiled(opened, choose([opened], arguments))
    print("\n".join(lines(result)))
    if arguments.json is not None:
        write_json(arguments.json, result)
    if arguments.plot is not None:
        profile_bars(arguments.plot, profile)
    return 0


def profiled(opened: Opened, stimulus: Stimulus, *, timed: bool = True) -> tuple[dict[str, Any], Profile]:
    """What `myelin profile` writes of a network on ``stimulus``, and the profile itself."""
    from myelin.convert.profile.profiler import Profiler
    from myelin.convert.profile.report import as_dict

    profiler = Profiler(opened.network, timed=timed)
    for _, frames in stimulus.batches(_PROFILED_SAMPLES):
        profiler.add(frames)
    profile = profiler.result()
    return {"network": str(opened.path), "input": {**stimulus.facts, "text": stimulus.text}, **as_dict(profile)}, profile


def print_check(
    network: Network, target: Target, name: str | os.PathLike[str], calibration: Profile | None = None
) -> list[Violation]:
    """Print every violation of the hardware rules, notes, what was not checked, and the verdict; returns the violations."""
    from myelin.convert.rules import check, not_checked, notes

    violations = check(network, target, calibration)
    found = (violation.message for violation in violations)
    for line in (*found, *notes(target, calibration), *not_checked(target, calibration)):
        print(line)
    count = len(violations)
    verdict = "holds" if not count else "does not hold"
    print(f"{target.name} {verdict} {name}: {count} violation{'' if count == 1 else 's'}")
    return violations
