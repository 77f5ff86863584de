"""The training loop: turns a configuration and data into a run folder."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.target_files import load_target
from myelin.hw_configs.version import VERSION
from myelin.train.config.config import Config
from myelin.train.config.files import config_from_dict, config_to_dict
from myelin.train.config.target import facts, resolve_for_target
from myelin.train.datasets import SpikeDataset, by_interval, split
from myelin.train.model import parameter_count, untrained
from myelin.train.run.batches import Batches
from myelin.train.run.checkpoint import (
    load_parameters,
    optimizer_tensors,
    read_tensors,
    restore_optimizer,
    versions,
    write_tensors,
)
from myelin.train.run.device import device_named
from myelin.train.run.evaluate import evaluate
from myelin.train.run.logger import RunLogger
from myelin.train.run.memory import keep_freed_memory
from myelin.train.run.metrics import BestEpoch, EpochMetrics, append_metrics, keep_epochs
from myelin.train.run.optimizer import build_optimizer, learning_rate_factor
from myelin.train.run.parallel import ALONE, Processes
from myelin.train.run.prefetch import prefetch
from myelin.train.run.run_record import MODEL, RUN, STATE, RunRecord, read_run, write_run
from myelin.train.run.step import accumulate_gradient


def train(
    config: Config,
    dataset: SpikeDataset,
    out: Path,
    *,
    resume: bool = False,
    progress: bool = True,
    processes: Processes = ALONE,
    tensorboard: bool = False,
) -> dict[str, Any]:
    """Train on ``dataset`` (the training split) and write a run folder; returns the content of its run.json.

    Every choice is made on a held-out part of the data (``config.data.validation``).  The exported epoch has the best
    validation accuracy among the last epochs, from ``Config.first_exportable_epoch`` on.  Their delays are frozen, and rounded
    for validation: this is the network as it runs on the chip.  It also excludes an early epoch that scored well by chance on
    a small validation part.

    Each epoch draws from generators seeded with (seed, epoch), so a resumed run continues exactly, with any number of
    ``processes``.  Only the first process reads and writes the folder, including the plots (``myelin.train.run.logger``).

    Raises:
        ConfigError: the folder is not empty and ``resume`` is not set; it holds another run; the target does not support the
            configuration; or processes disagree about configuration, data or parameters.
        MyelinError: the loss or the gradient is not finite.
    """
    keep_freed_memory()
    there = processes.from_first(lambda: resume and (out / RUN).exists())
    run = TrainingRun(with_slices(config, out, there, processes), dataset, out, processes)
    logger = RunLogger(run.model, out, config.train.epochs, tensorboard=tensorboard) if processes.first else None
    start = run.restore() if there else run.start()
    shown = progress and processes.first
    bar = tqdm(range(start, config.train.epochs), initial=start, total=config.train.epochs, disable=not shown, unit="epoch")
    try:
        for epoch in bar:
            metrics = run.epoch(epoch)
            run.save(epoch, metrics)
            bar.set_postfix_str(f"loss {metrics.loss:.3f}, validation {100 * metrics.validation_accuracy:.1f} %")
            if logger is not None:
                logger.epoch(metrics)
    finally:
        if logger is not None:
            logger.draw()
    return run.finish()


class TrainingRun:
    """A training run and its folder; every process holds the same model and optimiser."""

    def __init__(self, config: Config, dataset: SpikeDataset, out: Path, processes: Processes = ALONE) -> None:
        target = load_target(config.target)
        self.config = config = resolve_for_target(config, target)
        self.out, self.target, self.processes = out, facts(target), processes
        dataset = by_interval(dataset, config.data.intervals_ms)
        self.classes = dataset.classes
        self.keys = list(dataset.keys)
        train_part, valid_part = split(dataset, config.data.validation, config.train.seed, config.data.split_by)
        self.train_batches = Batches(dataset, config.data, config.train.batch_size, train_part)
        shared = -(-len(valid_part) // config.train.slices_or_one)  # one batch per slice, whichever process takes it
        self.valid_batches = Batches(dataset, config.data, min(256, shared), valid_part)
        self.model = untrained(config, dataset.classes).to(device_named(config.train.device))
        self.model.recompute = config.train.recompute
        self.optimizer = build_optimizer(self.model, config.train)
        self.best: BestEpoch | None = None
        self.lost: Counter[str] = Counter()  # events not in frames, over all processes
        self.data = {
            "name": Path(dataset.name).name,
            "sha256": fingerprint(dataset),
            "train_samples": len(train_part),
            "validation_samples": len(valid_part),
        }
        processes.agree("configuration or data", (config, self.data))

    def start(self) -> int:
        """Make the folder and return the first epoch, 0; raises ConfigError if the folder exists and is not empty."""
        self.processes.from_first(self._make_folder)
        return 0

    def _make_folder(self) -> None:
        # a run killed during its first write leaves only a temporary file, whose name starts with a dot
        if self.out.exists() and (not self.out.is_dir() or any(not path.name.startswith(".") for path in self.out.iterdir())):
            raise ConfigError(f"{self.out}: exists and is not empty; name another folder, or continue its run with --resume")
        self.out.mkdir(parents=True, exist_ok=True)
        write_run(self._record(-1))

    def restore(self) -> int:
        """Load the state of the last epoch and return the next epoch; raises ConfigError if the folder holds another run."""
        record, tensors = self.processes.from_first(self._read)
        saved = config_from_dict(record.config)
        if saved != self.config:
            raise ConfigError(f"{self.out}: holds a run with another configuration; resume without changing it")
        if record.data_facts != self.data:
            raise ConfigError(f"{self.out}: was trained on other data ({record.data_facts}); resume with the same")
        if tensors is None:
            return 0  # stopped before the first epoch ended
        try:
            meta = json.loads(bytes(tensors.pop("progress.json").numpy()).decode())
            restore_optimizer(self.optimizer, {k: tensors.pop(k) for k in list(tensors) if k.startswith("optimizer.")})
            self.model.load_state_dict(tensors)
            self.best = BestEpoch.from_dict(meta["best"]) if meta["best"] else None
            self.lost = Counter(meta["events"])
            epoch = int(meta["epoch"])
        except (KeyError, ValueError, TypeError, RuntimeError) as error:  # RuntimeError: names or shapes that torch refuses
            reason = str(error).splitlines()[0]
            raise ConfigError(f"{self.out}: state.safetensors is not the state of this run ({reason}); train again") from error
        if self.processes.first:
            self._mend(epoch)
        return epoch + 1

    def _read(self) -> tuple[RunRecord, dict[str, Tensor] | None]:
        state = self.out / STATE
        return read_run(self.out), read_tensors(state) if state.exists() else None

    def _mend(self, epoch: int) -> None:
        """Bring the files to the state after ``epoch``: a kill may have come between two writes."""
        keep_epochs(self.out, epoch + 1)
        write_run(self._record(epoch))

    def epoch(self, epoch: int) -> EpochMetrics:
        """Train one epoch, evaluate on the validation part and return the metrics."""
        plan, started = self.config.train, time.perf_counter()
        self.model.train()
        self.model.schedule_delays(self.config, epoch / plan.epochs)
        losses, correct, seen = 0.0, 0, 0
        slices = self.processes.slices(plan.slices_or_one)
        batches = self.train_batches.shuffled(plan.seed, epoch, self.config.augment, slices)
        for index, batch in enumerate(prefetch(batches)):
            factor = learning_rate_factor(plan, (epoch + index / len(self.train_batches)) / plan.epochs)
            for group in self.optimizer.param_groups:
                group["lr"] = group["base"] * factor
            self.optimizer.zero_grad()
            step = accumulate_gradient(self.model, batch, self.config, epoch, index, self.processes)
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), plan.clip_norm)
            if not math.isfinite(norm.item()):
                raise MyelinError(f"the gradient's norm became {norm.item()} in epoch {epoch}; lower train.learning_rate")
            self.optimizer.step()
            self.model.clamp()
            losses += step.loss * batch.joint
            correct += step.correct
            seen += batch.joint
        for lost in self.processes.gather(self.train_batches.lost):
            self.lost.update(lost)
        self.train_batches.lost.clear()
        exportable = epoch >= self.config.first_exportable_epoch
        self.model.settle_delays(self.config, exportable)
        result = evaluate(self.model, self.valid_batches, processes=self.processes)
        return EpochMetrics(
            epoch=epoch,
            loss=losses / seen,
            train_accuracy=correct / seen,
            validation_accuracy=result.accuracy,
            delays_rounded=all(bool(delay.hard) for delay in self.model.delays()),
            exportable=exportable,
            **self.model.delay_steps(),
            rates_per_step=tuple(result.rates),
            seconds=time.perf_counter() - started,
        )

    def save(self, epoch: int, metrics: EpochMetrics) -> None:
        """Write the epoch: first the model if it is the best so far, last the record."""
        self.processes.agree("parameters", digest(parameter.detach().cpu().numpy() for parameter in self.model.parameters()))
        better = self.best is None or metrics.validation_accuracy >= self.best.validation_accuracy
        if metrics.exportable and better:
            self.best = metrics.best()
            if self.processes.first:
                write_tensors(self.out / MODEL, self.model.state_dict(), {"epoch": str(epoch)})
        if not self.processes.first:
            return
        append_metrics(self.out, metrics)
        progress = json.dumps({"epoch": epoch, "best": self._best(), "events": dict(self.lost)}).encode()
        state = {"progress.json": torch.from_numpy(np.frombuffer(progress, np.uint8).copy())}
        write_tensors(self.out / STATE, {**self.model.state_dict(), **optimizer_tensors(self.optimizer), **state})
        write_run(self._record(epoch))

    def finish(self) -> dict[str, Any]:
        """Load the exported epoch into the model of the first process and return the content of run.json."""
        if self.processes.first:
            load_parameters(self.model, self.out / MODEL)
        return self.processes.from_first(lambda: dict(read_run(self.out).values))

    def _best(self) -> dict[str, Any]:
        return {} if self.best is None else self.best.as_dict()

    def _record(self, epoch: int) -> RunRecord:
        values = {
            "config": config_to_dict(self.config),
            "target": self.target,
            "classes": self.classes,
            "keys": self.keys,
            "data": self.data,
            "epochs_done": epoch + 1,
            "finished": epoch + 1 == self.config.train.epochs,
            "best": self._best(),
            "events_not_in_frames": dict(self.lost),
            **parameter_count(self.model),
            "myelin": VERSION,
            "versions": versions(),
        }
        return RunRecord(self.out, values)


def with_slices(config: Config, out: Path, resume: bool, processes: Processes) -> Config:
    """``config`` with a number of slices: its own, that of the run to resume, or the number of processes."""
    if config.train.slices is not None:
        return config
    count = processes.size
    if resume:
        record = processes.from_first(lambda: read_run(out))
        count = config_from_dict(record.config).train.slices_or_one
    return replace(config, train=replace(config.train, slices=count))


def fingerprint(dataset: SpikeDataset) -> str:
    """SHA-256 over all events and labels; tells whether a resumed run sees the same data."""
    shape = np.array(dataset.shape or (), np.int64)
    return digest((dataset.times_s, dataset.units, dataset.offsets, dataset.labels, shape))


def digest(arrays: Iterable[np.ndarray]) -> str:
    """SHA-256 over the values of ``arrays``."""
    result = hashlib.sha256()
    for values in arrays:
        result.update(np.ascontiguousarray(values).data)
    return result.hexdigest()
