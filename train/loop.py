"""The training loop: from a configuration and data to a run folder."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, nll_loss
from tqdm import tqdm

from hw_configs.errors import ConfigError, MyelinError
from hw_configs.files import write_atomically, write_json
from hw_configs.target import load_target
from train.batches import Batches
from train.checkpoint import (
    load_parameters,
    optimizer_tensors,
    read_json,
    read_tensors,
    restore_optimizer,
    versions,
    write_tensors,
)
from train.config import Config, TrainConfig
from train.config_files import config_from_dict, config_to_dict
from train.datasets import SpikeDataset, by_interval, split
from train.evaluate import evaluate
from train.fit import facts, fitted
from train.memory import keep_freed_memory
from train.model import SpikingNetwork, build_model, class_logits, parameter_count

#: What is kept of the metrics of the exported epoch.
_OF_THE_BEST = (
    "epoch",
    "train_accuracy",
    "validation_accuracy",
    "delay_mean_steps",
    "delay_longest_steps",
    "rates_per_step",
)


def train(config: Config, dataset: SpikeDataset, out: Path, *, resume: bool = False, progress: bool = True) -> dict[str, Any]:
    """Train on ``dataset`` (the training split) and write a run folder; returns the content of its run.json.

    A part of the data is held out for every choice (``config.data.validation``).  The exported epoch is the one with the best
    validation accuracy among the last ones, whose delays are frozen (``Config.first_exportable_epoch``) and rounded when they
    are judged: the network as the chip has it, and not an early epoch that a small validation part happened to like.
    Each epoch draws from generators seeded with (seed, epoch), so a resumed run continues exactly.

    Raises:
        ConfigError: the folder exists and ``resume`` is not set, or holds another run; or the target does not hold the
            configuration.
        MyelinError: the loss stopped being finite.
    """
    keep_freed_memory()
    run = Run(config, dataset, out)
    start = run.restore() if resume and (out / "run.json").exists() else run.start()
    bar = tqdm(range(start, config.train.epochs), initial=start, total=config.train.epochs, disable=not progress, unit="epoch")
    for epoch in bar:
        metrics = run.epoch(epoch)
        run.save(epoch, metrics)
        bar.set_postfix_str(f"loss {metrics['loss']:.3f}, validation {100 * metrics['validation_accuracy']:.1f} %")
    return run.finish()


class Run:
    """A training run and its folder."""

    def __init__(self, config: Config, dataset: SpikeDataset, out: Path) -> None:
        target = load_target(config.target)
        self.config = config = fitted(config, target)
        self.out, self.target = out, facts(target)
        dataset = by_interval(dataset, config.data.intervals_ms)
        self.classes = dataset.classes
        self.keys = list(dataset.keys)
        train_part, valid_part = split(dataset, config.data.validation, config.train.seed, config.data.split_by)
        self.train_batches = Batches(dataset.subset(train_part), config.data, config.train.batch_size)
        self.valid_batches = Batches(dataset.subset(valid_part), config.data, 256)
        torch.manual_seed(config.train.seed)
        self.model = build_model(config, dataset.classes)
        self.optimizer = build_optimizer(self.model, config.train)
        self.best: dict[str, Any] = {}
        self.data = {
            "name": Path(dataset.name).name,
            "sha256": fingerprint(dataset),
            "train_samples": len(train_part),
            "validation_samples": len(valid_part),
        }

    def start(self) -> int:
        """Make the folder; refuses one that holds something."""
        # a run killed in its first write leaves only a temporary file, whose name starts with a dot
        if self.out.exists() and (not self.out.is_dir() or any(not path.name.startswith(".") for path in self.out.iterdir())):
            raise ConfigError(f"{self.out}: exists and is not empty; name another folder, or continue its run with --resume")
        self.out.mkdir(parents=True, exist_ok=True)
        write_json(self.out / "run.json", self._record(-1))
        return 0

    def restore(self) -> int:
        """Load the last epoch's state; returns the next epoch."""
        record = read_json(self.out / "run.json")
        saved = config_from_dict(record.get("config", {}))
        if saved != self.config:
            raise ConfigError(f"{self.out}: holds a run with another configuration; resume without changing it")
        if record.get("data") != self.data:
            raise ConfigError(f"{self.out}: was trained on other data ({record.get('data')}); resume with the same")
        if not (self.out / "state.safetensors").exists():
            return 0  # stopped before the first epoch ended
        tensors = read_tensors(self.out / "state.safetensors")
        try:
            meta = json.loads(bytes(tensors.pop("progress.json").numpy()).decode())
            restore_optimizer(self.optimizer, {k: tensors.pop(k) for k in list(tensors) if k.startswith("optimizer.")})
            self.model.load_state_dict(tensors)
            self.best = meta["best"]
            self.train_batches.lost.update(meta["events"])
            epoch = int(meta["epoch"])
        except (KeyError, ValueError, TypeError, RuntimeError) as error:  # RuntimeError: names or shapes that torch refuses
            reason = str(error).splitlines()[0]
            raise ConfigError(f"{self.out}: state.safetensors is not the state of this run ({reason}); train again") from error
        metrics = self.out / "metrics.jsonl"
        kept = metrics.read_bytes().splitlines(keepends=True)[: epoch + 1] if metrics.exists() else []
        write_atomically(metrics, b"".join(kept))
        write_json(self.out / "run.json", self._record(epoch))  # a kill may have come between the state and this
        return epoch + 1

    def epoch(self, epoch: int) -> dict[str, Any]:
        """Train one epoch and evaluate on the validation part."""
        plan, started = self.config.train, time.perf_counter()
        torch.manual_seed(plan.seed * 1_000_003 + epoch)
        self.model.train()
        self.model.schedule_delays(self.config, epoch / plan.epochs)
        losses, correct, seen = 0.0, 0, 0
        for index, batch in enumerate(self.train_batches.shuffled(plan.seed, epoch, self.config.augment)):
            factor = learning_rate_factor(plan, (epoch + index / len(self.train_batches)) / plan.epochs)
            for group in self.optimizer.param_groups:
                group["lr"] = group["base"] * factor
            self.optimizer.zero_grad()
            logits = class_logits(self.model(batch.spikes), plan.loss, plan.logit_scale / self.config.neuron.threshold)
            loss = self._loss(logits, batch.labels)
            if not math.isfinite(loss.item()):
                raise MyelinError(f"the loss became {loss.item()} in epoch {epoch}; lower train.learning_rate")
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), plan.clip_norm)
            if not math.isfinite(norm.item()):
                raise MyelinError(f"the gradient's norm became {norm.item()} in epoch {epoch}; lower train.learning_rate")
            self.optimizer.step()
            self.model.clamp()
            losses += loss.item() * len(batch.labels)
            correct += int((logits.argmax(dim=1) == batch.labels).sum())
            seen += len(batch.labels)
        exportable = epoch >= self.config.first_exportable_epoch
        self.model.settle_delays(self.config, exportable)
        result = evaluate(self.model, self.valid_batches)
        return {
            "epoch": epoch,
            "loss": losses / seen,
            "train_accuracy": correct / seen,
            "validation_accuracy": result.accuracy,
            "delays_rounded": all(bool(delay.hard) for delay in self.model.delays()),
            "exportable": exportable,
            **self.model.delay_steps(),
            "rates_per_step": result.rates,
            "seconds": time.perf_counter() - started,
        }

    def save(self, epoch: int, metrics: dict[str, Any]) -> None:
        """Write the epoch: first the model if it is the best so far, last the record."""
        if metrics["exportable"] and metrics["validation_accuracy"] >= self.best.get("validation_accuracy", -1.0):
            self.best = {name: metrics[name] for name in _OF_THE_BEST}
            write_tensors(self.out / "model.safetensors", self.model.state_dict(), {"epoch": str(epoch)})
        with open(self.out / "metrics.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps(metrics) + "\n")
        events = dict(self.train_batches.lost)
        progress = json.dumps({"epoch": epoch, "best": self.best, "events": events}).encode()
        state = {"progress.json": torch.from_numpy(np.frombuffer(progress, np.uint8).copy())}
        write_tensors(self.out / "state.safetensors", {**self.model.state_dict(), **optimizer_tensors(self.optimizer), **state})
        write_json(self.out / "run.json", self._record(epoch))

    def finish(self) -> dict[str, Any]:
        """Load the exported epoch into the model and return the record."""
        load_parameters(self.model, self.out / "model.safetensors")
        return read_json(self.out / "run.json")

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        plan = self.config.train
        if plan.loss == "softmax":
            loss = nll_loss(torch.log_softmax(logits, dim=1), labels)
        else:
            loss = cross_entropy(logits, labels, label_smoothing=plan.label_smoothing)
        if plan.rate_penalty:
            rates = [block.spike_rate for block in self.model.blocks if block.spike_rate is not None]
            loss = loss + plan.rate_penalty * rate_excess(rates, plan.rate_floor, plan.rate_target)
        if self.config.delay.penalty:
            loss = loss + self.config.delay.penalty * self.model.mean_square_delay()
        return loss

    def _record(self, epoch: int) -> dict[str, Any]:
        return {
            "config": config_to_dict(self.config),
            "target": self.target,
            "classes": self.classes,
            "keys": self.keys,
            "data": self.data,
            "epochs_done": epoch + 1,
            "finished": epoch + 1 == self.config.train.epochs,
            "best": self.best,
            "events_not_in_frames": dict(self.train_batches.lost),
            **parameter_count(self.model),
            "versions": versions(),
        }


def rate_excess(rates: Sequence[Tensor], floor: float, target: float) -> Tensor:
    """Sum over layers of ``max(0, rate - target)^2 + max(0, floor - rate)^2``, rates in spikes per neuron and step."""
    outside = [(rate - target).clamp(min=0) ** 2 + (floor - rate).clamp(min=0) ** 2 for rate in rates]
    return torch.stack(outside).sum() if outside else torch.zeros(())


def fingerprint(dataset: SpikeDataset) -> str:
    """SHA-256 over all events and labels, which tells whether a resumed run sees the same data."""
    digest = hashlib.sha256()
    for values in (dataset.times_s, dataset.units, dataset.offsets, dataset.labels):
        digest.update(np.ascontiguousarray(values).data)
    if dataset.shape is not None:
        digest.update(repr(dataset.shape).encode())
    return digest.hexdigest()


def build_optimizer(model: SpikingNetwork, plan: TrainConfig) -> torch.optim.Optimizer:
    """AdamW with groups of their own for weights, delays and decays; only weights decay."""
    groups: dict[str, list[Tensor]] = {"weights": [], "delays": [], "decays": []}
    for name, parameter in model.named_parameters():
        kind = "delays" if name.endswith("delay.delay") else "decays" if name.endswith("_decay") else "weights"
        groups[kind].append(parameter)
    rates = {"weights": plan.learning_rate, "delays": plan.delay_rate, "decays": plan.decay_rate}
    return torch.optim.AdamW(
        [
            {"params": groups[kind], "lr": rate, "base": rate, "weight_decay": plan.weight_decay if kind == "weights" else 0.0}
            for kind, rate in rates.items()
            if groups[kind]
        ]
    )


def learning_rate_factor(plan: TrainConfig, progress: float) -> float:
    """Factor on every learning rate after ``progress`` (0..1): a rise over the warm-up of a one-cycle, then a cosine to 0.

    Source: Smith & Topin 2019 for the cycle; the rise starts at 1/25 of the peak as in torch's OneCycleLR.
    """
    warmup = plan.warmup if plan.schedule == "one-cycle" else 0.0
    if progress < warmup:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * progress / warmup)) / 2
    return (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup))) / 2
