"""``myelin train``: trains a network from a configuration and data, and writes a run folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from myelin.commands import arguments
from myelin.commands.output import write_result
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.terminal.screen import show, tell


def add_command(subparsers: arguments.Subparsers) -> None:
    """Add ``train``; it sets ``run``."""
    parser = subparsers.add_parser(
        "train",
        help="train a network with learnable delays",
        description="Train on the training split of DATA and write the folder RUN. Part of the split is held out; every choice "
        "is made on that part. Delays, decays and weights stay within the limits of the target; a configuration that cannot "
        "fit is refused before training.",
        epilog="Several processes can share every batch: torchrun --nproc-per-node 2 -m myelin train ...; on several machines "
        "with --nnodes 2 --node-rank N --master-addr HOST --master-port PORT on each. The result is bit-identical to that of "
        "one process with the same train.slices. With --resume, any number of processes can continue a run.",
    )
    arguments.add_config(
        parser,
        nargs="?",
        help="a built-in experiment (such as demo) or a TOML file; may be left out with --init-from",
    )
    arguments.add_data(parser, required=True)
    parser.add_argument("--out", metavar="RUN", type=Path, required=True, help="folder to write; must be new unless --resume")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="change a value of the configuration; may be repeated"
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue the run in RUN exactly where it stopped; train.epochs may grow"
    )
    parser.add_argument(
        "--init-from",
        metavar="PATH",
        type=Path,
        help="start from the network of a run, an artifact, a netx or NIR file; without CONFIG, with its configuration",
    )
    parser.add_argument(
        "--freeze",
        metavar="NAME",
        action="append",
        default=[],
        help="do not train a part: layers.0, layers.0.synapse, .recurrence, .delay, .neuron, readout; may be repeated",
    )
    arguments.add_reading(parser.add_argument_group("how the file of --init-from is read"))
    text = "hardware to train for: a name or a TOML file (default: the configuration's, or loihi2)"
    arguments.add_target(parser, required=False, metavar="TARGET", help=text)
    parser.add_argument(
        "--in-memory-mb",
        metavar="MB",
        type=float,
        default=1000.0,
        help="files up to this size are read into memory; larger ones are converted once and memory-mapped (default 1000)",
    )
    parser.add_argument(
        "--cache",
        metavar="DIR",
        type=Path,
        help="folder of converted files (default $XDG_CACHE_HOME/myelin or ~/.cache/myelin)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--tensorboard", action="store_true", help="log every epoch to RUN/tensorboard (needs that package)")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=600.0,
        help="under torchrun: longest wait of a process for another before all stop (default 600)",
    )
    arguments.add_json(parser, "also write the record of the run as JSON")
    parser.set_defaults(run=run_train)


def run_train(args: argparse.Namespace) -> int:
    """Train and print the summary; returns 0.  Invalid input raises before anything is written."""
    from myelin.hw_configs.parts import require
    from myelin.train.run.processes.parallel import process_group
    from myelin.train.run.start import summary
    from myelin.training.fit import fit

    require("torch")
    if args.config is None and args.init_from is None:
        raise ConfigError("CONFIG is missing; name an experiment or a file, or a network to start from with --init-from")
    if args.init_from is None and arguments.reading(args):
        raise ConfigError(
            f"{arguments.reading_words(args)[0]} says how the file of --init-from is read: add it, or leave it out"
        )
    start = None if args.init_from is None else arguments.source(args, args.init_from)
    with process_group(args.timeout) as processes:
        record = fit(
            args.config,
            args.data,
            args.out,
            init_from=start,
            freeze=args.freeze,
            overrides=args.set,
            target=args.target,
            resume=args.resume,
            progress=not args.quiet,
            in_memory_mb=args.in_memory_mb,
            cache=args.cache,
            tensorboard=args.tensorboard,
            processes=processes,
            say=tell,
        )
        if processes.first:
            show(summary(record, args.out, args.data))
            write_result(args.json, "train", {"run": str(args.out), "record": record})
    return 0
