"""``myelin train``: from a configuration and data to a run folder."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_configs.errors import ConfigError, DataError
from hw_configs.fixed_point import DECAY_UNITY

if TYPE_CHECKING:
    from train.config import Config
    from train.datasets import SpikeDataset


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``train``; its handler is the default ``run``, which takes the parsed arguments and returns the exit code."""
    parser = subparsers.add_parser(
        "train",
        help="train a network with learnable delays",
        description="Train on the training split of DATA, of which a part is held out for every choice; writes the folder RUN.",
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
    parser.add_argument("--target", metavar="NAME", help="hardware to train for (default: the configuration's)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.set_defaults(run=run_train)


def run_train(args: argparse.Namespace) -> int:
    """Train, print the summary, return 0; whatever is wrong raises before anything is written."""
    config = configuration(args.config, args.set, args.target)
    dataset = training_data(args.data, config)
    record = train_run(config, dataset, args.out, resume=args.resume, progress=not args.quiet)
    print("\n".join(summary(record, args.out)))
    return 0


def configuration(name_or_path: str, overrides: list[str], target: str | None = None) -> Config:
    """The configuration with overrides, its delays, decays and input counts checked against the target it names.

    What training cannot change is refused before it starts; the rules on the exported integers have the last word.

    Raises:
        ConfigError: wrong configuration, or one whose delays, decays or input counts the target does not hold.
        TargetError: no such target.
    """
    from hw_configs.target import load_target
    from train.config_files import load_config

    config = load_config(name_or_path, [*overrides, *([f"target={target}"] if target else [])])
    limits = load_target(config.target)
    for key, got, most in (
        ("delay.max_delay_steps", config.delay.max_delay_steps, limits.delay_steps_max),
        ("data.message_bits", config.data.message_bits, limits.message_bits_max),
    ):
        if most is not None and got > most:
            raise ConfigError(f"{key} is {got}, {config.target} holds {most}; train with --set {key}={most}")
    for section, neuron in (("neuron", config.neuron), ("readout", config.readout)):
        for name, low, high in (
            ("current_decay", limits.current_decay_min, limits.current_decay_max),
            ("voltage_decay", limits.voltage_decay_min, limits.voltage_decay_max),
        ):
            whole = round(getattr(neuron, name) * DECAY_UNITY)
            if (low is not None and whole < low) or (high is not None and whole > high):
                raise ConfigError(
                    f"{section}.{name} is {whole}/{DECAY_UNITY}, {config.target} holds {low}..{high}/{DECAY_UNITY}; train with "
                    f"--set {section}.{name}={(low if low is not None and whole < low else high or 0) / DECAY_UNITY:.6g}"
                )
    return config


def training_data(source: str, config: Config) -> SpikeDataset:
    """The training split of ``source``; raises DataError if it cannot be read, or does not pool to the channels asked for."""
    from train.datasets import available_splits, load

    there = available_splits(source)
    if there and "train" not in there:
        raise DataError(f"{source}: has no train split, it has {', '.join(there)}; name data to train on")
    dataset = load(source, "train" if there else None)
    dataset.bin([0], config.data.steps, config.data.step_ms, config.data.channels)  # before a run folder is made
    return dataset


def train_run(config: Config, dataset: SpikeDataset, out: Path, *, resume: bool, progress: bool) -> dict[str, Any]:
    """Train; an interrupt from the keyboard says how to go on."""
    from train.loop import train

    try:
        return train(config, dataset, out, resume=resume, progress=progress)
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
