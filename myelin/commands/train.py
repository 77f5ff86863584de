"""``myelin train``: from a configuration and data to a run folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.fixed_point import DECAY_UNITY

if TYPE_CHECKING:
    from myelin.train.config.config import Config
    from myelin.train.datasets import SpikeDataset


#: Larger files are mapped.
IN_MEMORY_MB = 1000.0


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train``; its handler is the default ``run``, which takes the parsed arguments and returns the exit code."""
    parser = subparsers.add_parser(
        "train",
        help="train a network with learnable delays",
        description="Train on the training split of DATA, a part of which is held out for every choice; writes the folder RUN. "
        "Delays, decays and weights stay within what the target holds; what cannot fit is refused before training.",
        epilog="Processes share every batch: torchrun --nproc-per-node 2 -m myelin train ...; on several machines with "
        "--nnodes 2 --node-rank N --master-addr HOST --master-port PORT on each. The bits are those of one process with the "
        "same train.slices; with --resume, any number of processes continues a run.",
    )
    parser.add_argument("config", metavar="CONFIG", help="a built-in experiment (such as demo) or a TOML file")
    parser.add_argument(
        "--data", metavar="PATH", required=True, help="builtin, a folder with *_train.h5, or a file of the SHD format"
    )
    parser.add_argument("--out", metavar="RUN", type=Path, required=True, help="folder to write; must be new, or see --resume")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="change a value of the configuration; may be repeated"
    )
    parser.add_argument("--resume", action="store_true", help="continue the run in RUN exactly where it stopped")
    parser.add_argument(
        "--target",
        metavar="TARGET",
        help="hardware to train for: a name or a TOML file (default: the configuration's, or loihi2)",
    )
    parser.add_argument(
        "--in-memory-mb",
        metavar="MB",
        type=float,
        default=IN_MEMORY_MB,
        help="files up to this size are read into memory, larger ones converted once and mapped (default 1000)",
    )
    parser.add_argument(
        "--cache", metavar="DIR", type=Path, help="where conversions lie (default $XDG_CACHE_HOME/myelin or ~/.cache/myelin)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument("--tensorboard", action="store_true", help="log every epoch to RUN/tensorboard (needs that package)")
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=float,
        default=600.0,
        help="under torchrun: how long a process waits for another before all stop (default 600)",
    )
    parser.set_defaults(run=run_train)


def run_train(args: argparse.Namespace) -> int:
    """Train, print the summary, return 0; whatever is wrong raises before anything is written."""
    from myelin.train.run.parallel import process_group

    with process_group(args.timeout) as processes:
        config = configuration(args.config, args.set, args.target)
        dataset = training_data(args.data, config, args.in_memory_mb, args.cache)
        if processes.first and dataset.mapped is not None:
            print(f"data          {dataset.units.size} events are mapped from {dataset.mapped}, not held in memory", flush=True)
        record = train_run(
            config,
            dataset,
            args.out,
            resume=args.resume,
            progress=not args.quiet,
            processes=processes,
            tensorboard=args.tensorboard,
        )
        if processes.first:
            print("\n".join(summary(record, args.out)))
    return 0


def configuration(name_or_path: str, overrides: list[str], target: str | None = None) -> Config:
    """The configuration with overrides, completed by the target it names and checked against it.

    Raises:
        ConfigError: wrong configuration, or one that the target does not hold; the message holds every reason.
        TargetError: no such target.
    """
    from myelin.hw_configs.target_files import load_target
    from myelin.train.config.files import load_config
    from myelin.train.config.target import resolve_for_target

    config = load_config(name_or_path, [*overrides, *([f"target={target}"] if target else [])])
    return resolve_for_target(config, load_target(config.target))


def training_data(source: str, config: Config, in_memory_mb: float = IN_MEMORY_MB, cache: Path | None = None) -> SpikeDataset:
    """The training split of ``source``; raises DataError if it cannot be read, or does not pool to what is asked for."""
    from myelin.train.datasets import by_interval

    dataset = training_split(source, in_memory_mb, cache)
    first = by_interval(dataset.subset([0]), config.data.intervals_ms)
    first.bin([0], config.data.steps, config.data.step_ms, config.data.cells)  # before a run folder is made
    return dataset


def training_split(source: str, in_memory_mb: float = IN_MEMORY_MB, cache: Path | None = None) -> SpikeDataset:
    """What of ``source`` is trained on, held-out part included; raises DataError where there is no such split.

    A file of more than ``in_memory_mb`` is mapped from ``cache``, see ``myelin.train.datasets.mapped``.
    """
    from myelin.train.datasets import Storage, available_splits, load

    there = available_splits(source)
    if there and "train" not in there:
        raise DataError(f"{source}: has no train split, it has {', '.join(there)}; name data to train on")
    return load(source, "train" if there else None, Storage(in_memory_mb, cache))


def train_run(config: Config, dataset: SpikeDataset, out: Path, **how: Any) -> dict[str, Any]:
    """``myelin.train.run.loop.train``; an interrupt from the keyboard says how to go on."""
    from myelin.train.run.loop import train

    try:
        return train(config, dataset, out, **how)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"the epochs that ended are kept: continue with the same command and --resume ({out})"
        ) from None


def summary(record: dict[str, Any], out: Path) -> list[str]:
    """Lines on what a run gave, from its run.json."""
    best, data, lost = record["best"], record["data"], dict(record["events_not_in_frames"])
    offered = lost.pop("events", 0)
    missed = sum(lost.values())
    rates = best["rates_per_step"]
    spiking = rates if record["config"]["readout"]["spiking"] else rates[:-1]
    lines = [
        f"trained       {record['config']['name']}: {record['epochs_done']} epochs on {data['train_samples']} samples of "
        f"{data['name']}, {data['validation_samples']} held out",
        f"best epoch    {best['epoch']} of 0..{record['epochs_done'] - 1} (with frozen delays): validation "
        f"{100 * best['validation_accuracy']:.2f} %, training {100 * best['train_accuracy']:.2f} %",
        f"target        {_target_line(record)}",
        f"parameters    {record['parameters']}, {record['recurrent_parameters']} of them recurrent",
        f"rates         {', '.join(f'{rate:.3f}' for rate in spiking)} spikes per neuron and step, by layer",
    ]
    if offered:
        reasons = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in lost.items() if count)
        lines.append(
            f"not in frames {missed} of {offered} events ({100 * missed / offered:.2f} %) in training"
            f"{': ' + reasons if reasons else ''}"
        )
    lines += [
        f"run           {out}: run.json, model.safetensors, metrics.jsonl",
        f"next          myelin export {out} --target {record['config']['target']} --out ART",
    ]
    return lines


def _target_line(record: dict[str, Any]) -> str:
    from myelin.train.config.delay import DelayConfig

    config = record["config"]
    plan = DelayConfig(**config["delay"])
    delays = f"delays 0..{plan.longest_steps} steps" + (f", multiples of {plan.grid_steps}" if plan.grid_steps > 1 else "")
    neuron, bits = config["neuron"], config["train"]["weight_bits"]
    ranges = []
    for name in ("current", "voltage"):
        low, high = neuron[f"{name}_decay_min"], neuron[f"{name}_decay_max"]
        held = f"{0 if low is None else low}..{DECAY_UNITY if high is None else high}"
        ranges.append(f"{name} decay {held}/{DECAY_UNITY}")
    weights = f"{bits} bit weights" if bits else "float weights (cannot be exported)"
    return f"{record['target']['name']}: {delays}, {weights}, {', '.join(ranges)}"
