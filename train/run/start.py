"""The steps of ``myelin.fit`` as functions: resolve the configuration, load the data, train, summarise."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.fixed_point import DECAY_UNITY
from myelin.hw_configs.written import counted, thousands

if TYPE_CHECKING:
    from myelin.train.config.config import Config
    from myelin.train.config.data import DataConfig
    from myelin.train.datasets import SpikeDataset

#: Data to train on: a path, a data set, arrays (x, y), or a torch Dataset.
Data = Any
#: Size up to which a file is read into memory; a larger one is memory-mapped.
IN_MEMORY_MB = 1000.0


def configuration(config: str | os.PathLike[str] | Config, overrides: Sequence[str] = (), target: str | None = None) -> Config:
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
        plan = load_config(os.fspath(config), [*overrides, *([f"target={target}"] if target else [])])
    return resolve_for_target(plan, load_target(plan.target))


def data_as_given(data: Data, time_axis: Literal[1, -1] | None = None, step_ms: float = 1.0) -> Data:
    """``data`` as a ``SpikeDataset`` where it is arrays (x, y) or a torch Dataset; a path and a data set stay as they are.

    Args:
        data: as ``myelin.fit`` takes it.
        time_axis: axis of time in arrays, see ``SpikeDataset.from_dense``; None to tell by shape.
        step_ms: length of a step of arrays, in milliseconds.

    Raises:
        DataError: it is something else, or its samples cannot be used.
    """
    from myelin.train.datasets import SpikeDataset

    if isinstance(data, str | os.PathLike | SpikeDataset):
        return data
    if isinstance(data, tuple | list):
        if len(data) != 2:
            raise DataError(f"data is a {type(data).__name__} of {len(data)}; arrays (x, y) are a pair")
        return SpikeDataset.from_dense(*data, time_axis=time_axis, step_ms=step_ms)
    if not hasattr(data, "__iter__") and not (hasattr(data, "__getitem__") and hasattr(data, "__len__")):
        raise DataError(f"data is a {type(data).__name__}; a path, a SpikeDataset, arrays (x, y) or a torch Dataset is allowed")
    return SpikeDataset.from_torch(data, time_axis=time_axis, step_ms=step_ms)


def training_data(source: Data, config: Config, in_memory_mb: float = IN_MEMORY_MB, cache: Path | None = None) -> SpikeDataset:
    """The training split of ``source``, or a data set as it is.

    Of ``data.samples`` samples, if the configuration says so.

    Raises:
        DataError: it cannot be read, holds no samples or fewer than ``data.samples``, does not pool to the configured
            channels, or hardly any of its events lies within the configured steps.
    """
    from myelin.train.datasets import SpikeDataset, by_interval, check_window, drawn_samples

    dataset = source if isinstance(source, SpikeDataset) else training_split(source, in_memory_mb, cache, data=config.data)
    if not len(dataset):
        raise DataError(f"{dataset.name}: holds no samples; at least two are needed")
    dataset = drawn_samples(dataset, config.data.samples)
    first = by_interval(dataset.subset([0]), config.data.intervals_ms)
    first.bin([0], config.data.steps, config.data.step_ms, config.data.cells)  # raises before a run folder is made
    if not dataset.times_s.size:
        raise DataError(f"{dataset.name}: no sample has an event; there is nothing to learn from")
    check_window(dataset, config.data.steps, config.data.step_ms)
    return dataset


def training_split(
    source: str | os.PathLike[str],
    in_memory_mb: float = IN_MEMORY_MB,
    cache: Path | None = None,
    *,
    data: DataConfig | None = None,
) -> SpikeDataset:
    """The training split of ``source``, held-out part included; raises DataError if there is none.

    ``data`` says how images become sequences, if the source does not.

    A file larger than ``in_memory_mb`` is memory-mapped from ``cache``, see ``myelin.train.datasets.mapped``.
    """
    from myelin.train.datasets import Storage, available_splits, load

    there = available_splits(source)
    if there and "train" not in there:
        raise DataError(f"{source}: has no train split, it has {', '.join(there)}; name data to train on")
    how: dict[str, Any] = {} if data is None else {"images": data.images, "message_bits": data.message_bits}
    return load(source, "train" if there else None, Storage(in_memory_mb, cache), **how)


def train_run(config: Config, dataset: SpikeDataset, out: Path, **how: Any) -> dict[str, Any]:
    """Run ``myelin.train.run.loop.train``; on a keyboard interrupt, the message tells how to resume."""
    from myelin.train.run.loop import train

    try:
        return train(config, dataset, out, **how)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            f"the epochs that ended are kept: continue with the same command and --resume ({out})"
        ) from None


def summary(record: dict[str, Any], out: Path, source: str | None = None) -> list[str]:
    """Lines for the user about a run and its result, from the content of its run.json; ``source``: path or name of its data."""
    from myelin.train.run.files.metrics import judgement

    best, data, lost = record["best"], record["data"], dict(record["events_not_in_frames"])
    offered = lost.pop("events", 0)
    missed = sum(lost.values())
    rates = best["rates_per_step"]
    spiking = rates if record["config"]["readout"]["spiking"] else rates[:-1]
    lines = [
        f"trained       {record['config']['name']}: {counted(record['epochs_done'], 'epoch')} on "
        f"{counted(data['train_samples'], 'sample')} of {data['name']}, {thousands(data['validation_samples'])} held out",
        f"best epoch    {best['epoch']} of 0..{record['epochs_done'] - 1} (with frozen delays): validation "
        f"{judgement(best.get('validation_accuracy'), best.get('validation_error'))}, training "
        f"{judgement(best.get('train_accuracy'), best.get('train_error'))}",
        f"target        {_target_line(record)}",
        f"parameters    {thousands(record['parameters'])}, {thousands(record['recurrent_parameters'])} of them recurrent",
        f"rates         {', '.join(f'{rate:.3f}' for rate in spiking)} spikes per neuron and step, by layer",
    ]
    if record.get("stopped"):
        lines.append(f"stopped       {record['stopped']}; {record['config']['train']['epochs']} epochs were planned")
    if offered:
        reasons = ", ".join(f"{thousands(count)} {reason.replace('_', ' ')}" for reason, count in lost.items() if count)
        lines.append(
            f"not in frames {thousands(missed)} of {thousands(offered)} events ({100 * missed / offered:.2f} %) in training"
            f"{': ' + reasons if reasons else ''}"
        )
    lines += [
        f"run           {out}: run.json, model.safetensors, metrics.jsonl",
        f"next          myelin {_next(record['config'], out, source)}",
    ]
    return lines


def _next(config: dict[str, Any], out: Path, data: str | None) -> str:
    """The command that makes an artifact of the run: float weights are quantised, others exported."""
    from myelin.train.datasets import BUILTIN

    named = [] if data is None else ["--data", data]
    if not config["train"]["weight_bits"]:
        words = ["quantise", str(out), *(named or ["--data", "DATA"]), "--target", config["target"], "--artifact", "ART"]
    else:
        words = ["export", str(out), "--target", config["target"], *([] if data in BUILTIN else named), "--out", "ART"]
    return shlex.join(words)


def _target_line(record: dict[str, Any]) -> str:
    from myelin.train.config.delay import DelayConfig

    config = record["config"]
    plan = DelayConfig(**config["delay"])
    delays = f"delays 0..{plan.longest_steps} steps" + (f", multiples of {plan.grid_steps}" if plan.grid_steps > 1 else "")
    neuron, bits = config["neuron"], config["train"]["weight_bits"]
    ranges = []
    for name in () if config.get("sigma_delta") else ("current", "voltage"):  # sigma-delta neurons have no decays
        low, high = neuron[f"{name}_decay_min"], neuron[f"{name}_decay_max"]
        held = f"{0 if low is None else low}..{DECAY_UNITY if high is None else high}"
        ranges.append(f"{name} decay {held}/{DECAY_UNITY}")
    weights = f"{bits} bit weights" if bits else "float weights (cannot be exported)"
    return f"{record['target']['name']}: {delays}, {', '.join([weights, *ranges])}"
