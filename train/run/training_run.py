"""A training run and its folder: start, epochs, what is written after each, and how it goes on."""

from __future__ import annotations

import math
import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import myelin.train.needs_torch  # noqa: F401

import torch
from torch import Tensor

from myelin.hw_configs.errors import ConfigError, DataError, MyelinError
from myelin.hw_configs.target_files import load_target
from myelin.hw_configs.temporaries import remove_all_left
from myelin.hw_configs.version import VERSION
from myelin.train.config.config import Config
from myelin.train.config.files import config_from_dict, config_to_dict
from myelin.train.config.target import facts, resolve_for_target
from myelin.train.config.task import resolve_for_data
from myelin.train.datasets import SpikeDataset, split
from myelin.train.datasets.prepare import prepared
from myelin.train.model import parameter_count, untrained
from myelin.train.run.activity import layers_outside
from myelin.train.run.batches import Batches
from myelin.train.run.evaluate import evaluate
from myelin.train.run.files.checkpoint import (
    load_parameters,
    optimizer_tensors,
    read_tensors,
    restore_optimizer,
    versions,
    write_tensors,
)
from myelin.train.run.files.claim import require_new
from myelin.train.run.files.fingerprint import digest, fingerprint
from myelin.train.run.files.metrics import METRICS, BestEpoch, EpochMetrics, append_metrics, judgement, keep_epochs
from myelin.train.run.files.resume import Extension, Progress, check_parts, extension_of
from myelin.train.run.files.run_record import MODEL, STATE, RunRecord, read_run, write_run
from myelin.train.run.freeze import freeze
from myelin.train.run.initial import Initial
from myelin.train.run.objective import Loss, counted, importable, name_of, objective_of
from myelin.train.run.optimizer import OptimizerFactory, build_optimizer, learning_rate_factor, take_step
from myelin.train.run.prefetch import prefetch_to
from myelin.train.run.processes.device import device_named
from myelin.train.run.processes.parallel import ALONE, Processes
from myelin.train.run.step import accumulate_gradient
from myelin.train.run.threads import few_threads_of_torch


@dataclass(frozen=True)
class Parts:
    """What a run takes beside configuration and data.

    Attributes:
        loss: the user's own loss; None for the one that the configuration names.
        optimizer: makes the optimiser; None for AdamW.
        initial: parameters to start from; None for random ones.
    """

    loss: Loss | None = None
    optimizer: OptimizerFactory | None = None
    initial: Initial | None = None


class TrainingRun:
    """A training run and its folder; every process holds the same model and optimiser.

    Attributes:
        best: the epoch to export, among those so far; None if none can be exported yet.
        stopped: who asked to end the run early, and why; None if nobody did.
        notes: lines for the user on how the run starts or goes on.
    """

    def __init__(
        self,
        config: Config,
        dataset: SpikeDataset,
        out: Path,
        processes: Processes = ALONE,
        parts: Parts | None = None,
    ) -> None:
        target, parts = load_target(config.target), Parts() if parts is None else parts
        config = resolve_for_data(resolve_for_target(config, target), dataset, own_loss=parts.loss is not None)
        self.config, self.parts = config, parts
        self.out, self.target, self.processes = out, facts(target), processes
        dataset = prepared(dataset, config.data)
        self.classes, self.task = dataset.classes, dataset.task
        self.keys = list(dataset.keys)
        self.objective = objective_of(config, dataset.task, parts.loss)
        train_part, valid_part = split(dataset, config.data.validation, config.train.seed, config.data.split_by)
        self.train_batches = Batches(dataset, config.data, config.train.batch_size, train_part)
        shared = -(-len(valid_part) // config.train.slices_or_one)  # one batch per slice, whichever process takes it
        self.valid_batches = Batches(dataset, config.data, min(256, shared), valid_part)
        for name, batches in (("to train on", self.train_batches), ("held out", self.valid_batches)):
            if self.task == "steps" and not counted(self.task, batches.targets(batches.samples)):
                raise DataError(f"{dataset.name}: no step of the samples {name} has a label; at least one is needed")
        self.model = untrained(config, dataset.classes).to(device_named(config.train.device))
        self.model.recompute = config.train.recompute
        if parts.initial is not None:
            parts.initial.load_into(self.model)
        freeze(self.model, config.train.freeze)
        self.optimizer = build_optimizer(self.model, config.train, parts.optimizer)
        self.best: BestEpoch | None = None
        self.lost: Counter[str] = Counter()  # events not in frames, over all processes
        self.stopped: str | None = None
        self.notes: list[str] = []
        self.extensions: list[Extension] = []
        self.initial: dict[str, Any] | None = None
        self.data = {
            "name": Path(dataset.name).name,
            "sha256": fingerprint(dataset),
            "train_samples": len(train_part),
            "validation_samples": len(valid_part),
        }
        processes.agree("configuration or data", (config, self.data))

    def start(self) -> int:
        """Write the first record and return the first epoch, 0; raises ConfigError if the folder exists and is not empty."""
        self.processes.from_first(lambda: require_new(self.out))
        self._judge_start()
        self.processes.from_first(lambda: write_run(self._record(-1)))
        return 0

    def _judge_start(self) -> None:
        """Evaluate the parameters that the run starts from, with rounded delays, as the network is exported."""
        if self.parts.initial is None:
            return
        source, sha256 = self.parts.initial.source, self.parts.initial.sha256
        self.model.set_delays(hard=True)
        found = evaluate(self.model, self.valid_batches, processes=self.processes)
        self.initial = {"source": source, "sha256": sha256, **_judged(self.task, "validation", found.mean)}
        self.notes.append(f"starts from   {source}: validation {judgement(found.accuracy, found.error)}")

    def restore(self) -> int:
        """Load the state of the last epoch and return the next epoch; raises ConfigError if the folder holds another run."""
        record, tensors = self.processes.from_first(self._read)
        extension = extension_of(self.out, record, self.config)
        sha256 = None if self.parts.initial is None else self.parts.initial.sha256
        given = {"loss": self.objective.name, "optimizer": name_of(type(self.optimizer)), "init_from": sha256}
        check_parts(self.out, record, given, self.data)
        self.initial = record.values.get("init_from")
        self.extensions = [Extension(**entry) for entry in record.values.get("extensions", ())]
        epoch = -1
        if tensors is None:  # stopped before the first epoch ended
            if self.initial is not None and self.parts.initial is None:
                source = self.initial["source"]
                raise ConfigError(
                    f"{self.out}: stopped before its first epoch ended and was started from {source}; resume with init_from "
                    f"(--init-from {source}) too"
                )
        else:
            epoch = self._load(tensors)
        if extension is not None:
            self.stopped = None
            self.extensions.append(extension._replace(done=epoch + 1))
            self.notes.append(
                f"resumed       {extension.epochs} epochs become {self.config.train.epochs}: learning rates follow the new "
                f"schedule from epoch {epoch + 1} on, delays stay as far frozen as they are, the best epoch is kept"
            )
        if self.processes.first:
            self._mend(epoch)
        return self.config.train.epochs if self.stopped is not None else epoch + 1

    def _load(self, tensors: dict[str, Tensor]) -> int:
        try:
            progress = Progress.taken_from(tensors)
            restore_optimizer(self.optimizer, {k: tensors.pop(k) for k in list(tensors) if k.startswith("optimizer.")})
            self.model.load_state_dict(tensors)
        # RuntimeError: names or shapes that torch refuses
        except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RuntimeError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise ConfigError(f"{self.out}: state.safetensors is not the state of this run ({reason}); train again") from error
        self.best, self.lost, self.stopped = progress.best, Counter(progress.events), progress.stopped
        return progress.epoch

    def _read(self) -> tuple[RunRecord, dict[str, Tensor] | None]:
        state = self.out / STATE
        return read_run(self.out), read_tensors(state) if os.path.lexists(state) else None

    def _mend(self, epoch: int) -> None:
        """Bring the files to the state after ``epoch``: a kill may have come between two writes."""
        remove_all_left(self.out)
        there = keep_epochs(self.out, epoch + 1)
        if there < epoch + 1:
            self.notes.append(
                f"lost          {METRICS} has {there} of the {epoch + 1} epochs; plots and tables leave the others out"
            )
        record = self._record(epoch)
        if record.values != read_run(self.out).values:
            write_run(record)

    @property
    def floor(self) -> float:
        """Progress (0..1) that the delays have made already, before the number of epochs grew."""
        return max((extension.progress for extension in self.extensions), default=0.0)

    @few_threads_of_torch
    def epoch(self, epoch: int, heard: Callable[[int, int, float], None] | None = None) -> EpochMetrics:
        """Train one epoch and evaluate on the validation part; ``heard`` gets the batches done, of how many, and their loss."""
        plan, started = self.config.train, time.perf_counter()
        self.model.train()
        self.model.schedule_delays(self.config, max(epoch / plan.epochs, self.floor))
        if epoch >= plan.norm_freeze_at * plan.epochs - 1e-9:
            self.model.freeze_statistics()
        losses, judged, seen = 0.0, 0.0, 0
        slices = self.processes.slices(plan.slices_or_one)
        batches = self.train_batches.shuffled(plan.seed, epoch, self.config.augment, slices)
        for index, batch in enumerate(prefetch_to(next(self.model.parameters()).device, batches)):
            factor = learning_rate_factor(plan, (epoch + index / len(self.train_batches)) / plan.epochs)
            for group in self.optimizer.param_groups:
                group["lr"] = group["base"] * factor
            self.optimizer.zero_grad()
            step = accumulate_gradient(self.model, batch, self.config, epoch, index, self.processes, self.objective)
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), plan.clip_norm)
            if not math.isfinite(norm.item()):
                raise MyelinError(
                    f"the norm of the gradient became {norm.item()} in epoch {epoch}; lower train.learning_rate or neuron.scale"
                )
            take_step(self.optimizer, epoch)
            self.model.clamp()
            losses += step.loss * batch.counted
            judged += step.judged
            seen += batch.counted
            if heard is not None:
                heard(index + 1, len(self.train_batches), losses / seen)
        for lost in self.processes.gather(self.train_batches.lost):
            self.lost.update(lost)
        self.train_batches.lost.clear()
        exportable = epoch >= self.config.first_exportable_epoch or self.floor >= self.config.delay.freeze_at - 1e-9
        self.model.settle_delays(self.config, exportable)
        result = evaluate(self.model, self.valid_batches, processes=self.processes)
        absent = {"train_accuracy": None, "validation_accuracy": None}  # of traces
        return EpochMetrics(
            epoch=epoch,
            loss=losses / seen,
            **{**absent, **_judged(self.task, "train", judged / seen), **_judged(self.task, "validation", result.mean)},
            delays_rounded=all(bool(delay.hard) for delay in self.model.delays()),
            exportable=exportable,
            **self.model.delay_steps(),
            rates_per_step=tuple(result.rates),
            seconds=time.perf_counter() - started,
            **layers_outside(result.rates, [block.neuron.spiking for block in self.model.blocks]),
        )

    def judge(self, metrics: EpochMetrics) -> None:
        """Make the epoch the one to export if it can be exported and is at least as good as the best so far."""
        if metrics.exportable and (self.best is None or metrics.at_least_as_good_as(self.best)):
            self.best = metrics.best()

    def save(self, epoch: int, metrics: EpochMetrics, asked: str | None = None) -> None:
        """Write a judged epoch: first the model if it is the best so far, last the record.

        ``asked``: who asks to stop here; granted if there is an epoch to export.
        """
        self.processes.agree("parameters", digest(values.detach().cpu().numpy() for values in self.model.state_dict().values()))
        self.stopped = None if self.best is None else asked
        if not self.processes.first:
            return
        if self.best is not None and self.best.epoch == epoch:
            write_tensors(self.out / MODEL, self.model.state_dict(), {"epoch": str(epoch)})
        append_metrics(self.out, metrics)
        state = Progress(epoch, self.best, dict(self.lost), self.stopped).as_tensor()
        write_tensors(self.out / STATE, {**self.model.state_dict(), **optimizer_tensors(self.optimizer), **state})
        write_run(self._record(epoch))

    def finish(self) -> dict[str, Any]:
        """Load the exported epoch into the model of the first process and return the content of run.json."""
        if self.processes.first:
            load_parameters(self.model, self.out / MODEL)
        return self.processes.from_first(lambda: dict(read_run(self.out).values))

    def _record(self, epoch: int) -> RunRecord:
        loss: dict[str, Any] = {"name": self.objective.name}
        if self.parts.loss is not None:
            loss |= {"own": True, "importable": importable(self.parts.loss)}
        values = {
            "config": config_to_dict(self.config),
            "target": self.target,
            "task": self.task,
            "loss": loss,
            "optimizer": name_of(type(self.optimizer)),
            "classes": self.classes,
            "keys": self.keys,
            "data": self.data,
            "init_from": self.initial,
            "epochs_done": epoch + 1,
            "finished": epoch + 1 == self.config.train.epochs or self.stopped is not None,
            "stopped": self.stopped,
            "extensions": [extension._asdict() for extension in self.extensions],
            "best": {} if self.best is None else self.best.as_dict(),
            "events_not_in_frames": dict(self.lost),
            **parameter_count(self.model),
            "myelin": VERSION,
            "versions": versions(),
        }
        return RunRecord(self.out, values)


def _judged(task: str, part: str, value: float) -> dict[str, Any]:
    """What a part of the data is judged by, under its name in the metrics."""
    return {f"{part}_{'error' if task == 'trace' else 'accuracy'}": value}


def with_slices(config: Config, out: Path, resume: bool, processes: Processes) -> Config:
    """``config`` with a number of slices: its own, that of the run to resume, or the number of processes."""
    if config.train.slices is not None:
        return config
    count = processes.size
    if resume:
        record = processes.from_first(lambda: read_run(out))
        count = config_from_dict(record.config).train.slices_or_one
    return replace(config, train=replace(config.train, slices=count))
