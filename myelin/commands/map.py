"""``myelin map``: a network on the cores of a chip or board, and what an input costs there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.commands import arguments
from myelin.convert.mapping.strategies import DEFAULT, STRATEGIES
from myelin.hw_configs.files import write_json

if TYPE_CHECKING:
    from myelin.convert.mapping.mapping import Mapping
    from myelin.convert.stimulus import Opened, Stimulus
    from myelin.hw_configs.target import Target

#: Samples that are binned at a time; the simulator takes fewer at once.
_BATCH = 256


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``myelin map``; it sets ``run``."""
    from myelin.convert.stimulus import add_arguments

    parser = subparsers.add_parser(
        "map",
        help="cores, memory, axons of a network on a chip or board, and its estimated operations, energy and time",
        description="Lay every layer on cores, within the neurons, delay slots, synapse memory and axons that a core has as "
        "far as these are public; print what each layer takes, below how many cores nothing comes, and what it is bound by. "
        "Run samples through the simulator and estimate operations, energy and time of the mapping.",
    )
    parser.add_argument("network", metavar="NET|ART", type=Path, help="a netx file (*.net) or an artifact folder")
    parser.add_argument("--target", required=True, help="name of a chip or board, or a TOML file that describes one")
    parser.add_argument(
        "--strategy",
        choices=STRATEGIES,
        default=DEFAULT,
        help="pack: as few cores as possible, layers share cores; layer: cores of its own for each layer; balance: as layer, "
        f"with the synaptic operations spread evenly (default: {DEFAULT})",
    )
    parser.add_argument(
        "--cores", metavar="N", type=arguments.positive, help="balance: spread over N cores (default: as layer)"
    )
    add_arguments(parser)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what the screen shows as JSON too, and every core")
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw the cores by layer and load")
    parser.set_defaults(run=run_map)


def run_map(args: argparse.Namespace) -> int:
    """Print the mapping and the estimate; 0 where the target holds the network, 1 where not."""
    from myelin.convert.mapping.populations import limits
    from myelin.convert.mapping.report import lines
    from myelin.convert.stimulus import choose, open_network
    from myelin.hw_configs.target_files import load_target

    target = load_target(args.target)
    limits(target)  # a target without cores ends here, before anything runs
    opened = open_network(args.network)
    result, mapping = mapped(opened, target, choose([opened], args), args.strategy, args.cores)
    print("\n".join(lines(result)))
    if args.json is not None:
        write_json(args.json, result)
    if args.plot is not None:
        _draw(args.plot, mapping)
    return 0 if result["fits"] else 1


def mapped(
    opened: Opened, target: Target, stimulus: Stimulus, strategy: str = DEFAULT, cores: int | None = None
) -> tuple[dict[str, Any], Mapping]:
    """What `myelin map` writes of a network on ``target`` and of what ``stimulus`` costs there, and the mapping itself.

    Raises:
        TargetError: the target has no cores.
        DataError: as ``myelin.convert.mapping.mapping.map_network`` does.
    """
    from myelin.convert.mapping.activity import ActivityMeter
    from myelin.convert.mapping.estimate import estimate
    from myelin.convert.mapping.mapping import map_network
    from myelin.convert.mapping.report import as_dict
    from myelin.convert.rules import RULES, check

    meter = ActivityMeter(opened.network)
    for _, frames in stimulus.batches(_BATCH):
        meter.add(frames)
    activity = meter.result()
    mapping = map_network(opened.network, target, strategy, activity=activity, cores=cores)
    of_cores = {rule.name for rule in RULES if rule.of_cores}  # what the mapping itself finds
    broken = [violation for violation in check(opened.network, target) if violation.rule not in of_cores]
    result = {
        "network": str(opened.path),
        "input": {**stimulus.facts, "text": stimulus.text},
        **as_dict(mapping, estimate(mapping, activity), broken),
    }
    return result, mapping


def _draw(path: Path, mapping: Mapping) -> None:
    if not mapping.cores:
        print(f"{path} is not drawn: a neuron fits no core")
        return
    from myelin.convert.mapping.plot import core_map

    core_map(path, mapping)
