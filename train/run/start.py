"""The steps of ``myelin train`` as functions: resolve the configuration, load the data, train, summarise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.fixed_point import DECAY_UNITY
from myelin.hw_configs.parts import require

if TYPE_CHECKING:
    from myelin.train.config.config import Config
    from myelin.train.datasets import SpikeDataset
    from myelin.train.run.parallel import Processes

#: Size up to which a file is read into memory; a larger one is memory-mapped.
IN_MEMORY_MB = 1000.0


def fit(
    config: str | Config,
    data: str,
    out: str | Path,
    *,
    overrides: Sequence[str] = (),
    target: str | None = None,
    resume: bool = False,
    progress: bool = False,
    in_memory_mb: float = IN_MEMORY_MB,
    cache: Path | None = None,
    tensorboard: bool = False,
    processes: Processes | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Train a network with learnable delays and write a run folder; returns the content of its run.json.

    Errors in configuration, target or data are raised before anything is written.

    Args:
        config: name of a built-in experiment, a TOML file, or a configuration.
        data: ``builtin``, a folder with ``*_train.h5``, or a file of the SHD format.
        out: folder to write: a new one, or with ``resume`` the folder of a run.
        overrides: ``section.key=value`` strings; allowed where ``config`` is a name or a file.
        target: hardware to train for, a name or a TOML file; None for the target of the configuration.
        resume: continue the run in ``out`` exactly where it stopped.
        progress: whether to show a progress bar.
        in_memory_mb: size up to which a file is read into memory; a larger one is converted and memory-mapped.
        cache: folder for the conversions.
        tensorboard: whether to log every epoch for TensorBoard too.
        processes: the processes of a launcher (``myelin.train.run.parallel.process_group``); None for this process alone.
        say: called with each line for the user; None for no output.

    Raises:
        MissingPartError: torch is not installed.
        ConfigError: the configuration is wrong, the target does not support it, or the folder holds something else.
        TargetError: no such target.
        DataError: the data cannot be read, has no train split, or does not pool to the configuration's channels.
        MyelinError: the loss is not finite.
    """
    from myelin.train.run.parallel import ALONE

    require("torch")
    processes = ALONE if processes is None else processes
    plan = configuration(config, overrides, target)
    dataset = training_data(data, plan, in_memory_mb, cache)
    if say is not None and processes.first and dataset.mapped is not None:
        say(f"data          {dataset.units.size} events are mapped from {dataset.mapped}, not held in memory")
    return train_run(plan, dataset, Path(out), resume=resume, progress=progress, processes=processes, tensorboard=tensorboard)


def configuration(config: str | Config, overrides: Sequence[str] = (), target: str | None = None) -> Config:
    """The configuration with overrides, completed with the limits of its target and checked against them.

    Raises:
        ConfigError: the configuration is wrong, or the target does not support it; the message lists every reason.
        TargetError: no such target.
    """
    from dataclasses import replace

    from myelin.hw_configs.errors import ConfigError
    from myelin.hw_configs.target_files import load_target
    from myelin.train.config.config import Config
    from myelin.train.config.files import load_config
    from myelin.train.config.target import resolve_for_target

    if isinstance(config, Config):
        if overrides:
            raise ConfigError(f"overrides {list(overrides)} are for a name or a file; change the configuration itself")
        plan = config if target is None else replace(config, target=target)
    else:
        plan = load_config(str(config), [*overrides, *([f"target={target}"] if target else [])])
    return resolve_for_target(plan, load_target(plan.target))


def training_data(source: str, config: Config, in_memory_mb: float = IN_MEMORY_MB, cache: Path | None = None) -> SpikeDataset:
    """The training split of ``source``; raises DataError if it cannot be read or does not pool to the configured channels."""
    from myelin.train.datasets import by_interval

    dataset = training_split(source, in_memory_mb, cache)
    first = by_interval(dataset.subset([0]), config.data.intervals_ms)
    first.bin([0], config.data.steps, config.data.step_ms, config.data.cells)  # raises before a run folder is made
    return dataset


def training_split(source: str, in_memory_mb: float = IN_MEMORY_MB, cache: Path | None = None) -> SpikeDataset:
    """The training split of ``source``, held-out part included; raises DataError if there is none.

    A file larger than ``in_memory_mb`` is memory-mapped from ``cache``, see ``myelin.train.datasets.mapped``.
    """
    from myelin.train.datasets import Storage, available_splits, load

    there = available_splits(source)
    if there and "train" not in there:
        raise DataError(f"{source}: has no train split, it has {', '.join(there)}; name data to train on")
    return load(source, "train" if there else None, Storage(in_memory_mb, cache))


def train_run(config: Config, dataset: SpikeDataset, out: Path, **how: Any) -> dict[str, Any]:
    """Run ``myelin.train.run.loop.train``; on a keyboard interrupt, the message tells how to resume."""
    from myelin.train.run.loop import train

    try:
        return train(config, dataset, out, **how)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"the epochs that ended are kept: continue with the same command and --resume ({out})"
        ) from None


def summary(record: dict[str, Any], out: Path) -> list[str]:
    """Lines for the user about a run and its result, from the content of its run.json."""
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
