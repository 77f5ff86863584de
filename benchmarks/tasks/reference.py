"""GRU and LSTM of plain torch, trained with the data, the split and the augmentation of a spiking network of the task.

What they are judged by is the same too: the class with the highest mean of the outputs over the steps, or the class of each
step; the epoch is chosen on the held-out part, the other split is evaluated once.  Input: counts, divided by their root mean
square over the first batches of training.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from benchmarks.measure import say
from benchmarks.tasks.plan import nearest_size
from myelin.convert.published_steps import published_percent
from myelin.hw_configs.files import write_json
from myelin.sweep.evaluations import packed
from myelin.train.config.config import Config
from myelin.train.datasets import SpikeDataset, split
from myelin.train.datasets.prepare import prepared
from myelin.train.run.batches import Batches
from myelin.train.run.optimizer import learning_rate_factor

KINDS: dict[str, type[nn.GRU] | type[nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}
#: Batches from which the scale of the input is taken.
_SCALED_BY = 4


@dataclass(frozen=True)
class Plan:
    """Training of a reference; None: as the spiking network."""

    learning_rate: float = 3e-3
    dropout: float = 0.3
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    epochs: int | None = None
    layers: int | None = None
    batch_size: int | None = None


class Recurrent(nn.Module):
    """GRU or LSTM layers with dropout, and a linear readout of every step; (B, T, inputs) to (B, classes, T)."""

    scale: Tensor

    def __init__(self, kind: str, inputs: int, size: int, layers: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.recurrent = KINDS[kind](inputs, size, layers, batch_first=True, dropout=dropout if layers > 1 else 0.0)
        self.dropout, self.readout = nn.Dropout(dropout), nn.Linear(size, classes)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        """Outputs of every step."""
        hidden, _ = self.recurrent(x / self.scale)
        outputs: Tensor = self.readout(self.dropout(hidden)).transpose(1, 2)
        return outputs


def parameters_of(kind: str, inputs: int, size: int, layers: int, classes: int) -> int:
    """Number of parameters of a ``Recurrent``."""
    gates = {"gru": 3, "lstm": 4}[kind]
    widths = [inputs, *[size] * (layers - 1)]
    return sum(gates * size * (width + size + 2) for width in widths) + classes * (size + 1)


def train_reference(
    kind: str, wanted: int, plan: Plan, config: Config, dataset: SpikeDataset, report: SpikeDataset, out: Path
) -> dict[str, Any]:
    """Train one, or go on, or read its result: ``out`` is a JSON file, with the state of training beside it.

    Args:
        kind: gru or lstm.
        wanted: number of parameters, to which the nearest size is taken.
        plan: training.
        config: of the spiking network, for the data, the augmentation, the seed and the epochs.
        dataset: the training split.
        report: the split to evaluate once.
        out: the file of the result.
    """
    if out.exists():
        found: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
        return found
    data, seed, epochs = config.data, config.train.seed, plan.epochs or config.train.epochs
    layers, inputs = plan.layers or len(config.layers), int(np.prod(data.input_shape))
    given, dataset = dataset, prepared(dataset, data)
    size = nearest_size(lambda n: parameters_of(kind, inputs, n, layers, dataset.classes), wanted, 1024)
    train, valid = split(dataset, data.validation, seed, data.split_by)
    batches, held = (
        Batches(dataset, data, plan.batch_size or config.train.batch_size, train),
        Batches(dataset, data, 256, valid),
    )
    torch.manual_seed(seed)
    model = Recurrent(kind, inputs, size, layers, dataset.classes, plan.dropout)
    optimizer = torch.optim.AdamW(model.parameters(), plan.learning_rate, weight_decay=plan.weight_decay)
    state, first, best, history = out.with_suffix(".pt"), 0, -1.0, []
    out.parent.mkdir(parents=True, exist_ok=True)
    if state.exists():
        kept = torch.load(state, weights_only=True)
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        first, best, history = kept["epoch"] + 1, kept["best"], kept["history"]
    else:
        some = [batch.spikes for _, batch in zip(range(_SCALED_BY), batches.in_order())]
        model.scale.copy_(torch.cat(some).square().mean().sqrt())
        kept = {}
    for epoch in range(first, epochs):
        torch.manual_seed(seed * 1000 + epoch)
        model.train()
        for index, batch in enumerate(batches.shuffled(seed, epoch, config.augment)):
            for group in optimizer.param_groups:
                group["lr"] = plan.learning_rate * learning_rate_factor(config.train, (epoch + index / len(batches)) / epochs)
            optimizer.zero_grad()
            output = model(_sequence(batch.spikes))
            logits = output if dataset.task == "steps" else output.mean(dim=2)
            loss = cross_entropy(logits, batch.labels, ignore_index=-1, label_smoothing=config.train.label_smoothing)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), plan.clip_norm)
            optimizer.step()
        truth = held.targets(valid)
        accuracy = float((answers(model, held) == truth)[truth >= 0].mean())
        history.append(accuracy)
        if accuracy >= best:
            best = accuracy
            kept = {"chosen": {name: value.clone() for name, value in model.state_dict().items()}, "chosen_epoch": epoch}
        kept |= {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        kept |= {"epoch": epoch, "best": best, "history": history}
        temporary = state.with_suffix(".tmp")
        torch.save(kept, temporary)
        temporary.replace(state)
        say(f"{out.stem}: epoch {epoch}, validation {100 * accuracy:.2f} %")
    model.load_state_dict(kept["chosen"])
    reported = Batches(prepared(report, data), data, 256)
    parts = {  # judged by the labels that there are: training may take steps without one as a class
        "validation": (answers(model, held), _truth(given, valid), valid),
        "report": (answers(model, reported), _truth(report, reported.samples), reported.samples),
    }
    evaluations = {}
    for part, (predicted, truth, numbers) in parts.items():
        evaluations[part] = {
            "sample_numbers": numbers.tolist(),
            "labels": packed(truth),
            "float_predictions": packed(predicted),
            "float_accuracy_percent": 100 * float((predicted == truth)[truth >= 0].mean()),
            **({"float_published_percent": published_percent(predicted, truth)} if truth.ndim == 2 else {}),
        }
    result = {
        "kind": kind,
        "size": size,
        "layers": layers,
        "seed": seed,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "epochs": epochs,
        "exported_epoch": kept["chosen_epoch"],
        "plan": asdict(plan),
        "validation_by_epoch": history,
        "evaluations": evaluations,
    }
    write_json(out, result)
    return result


def answers(model: Recurrent, batches: Batches) -> npt.NDArray[np.int64]:
    """Class of every sample, or of every step."""
    model.eval()
    found = []
    with torch.no_grad():
        for batch in batches.in_order():
            output = model(_sequence(batch.spikes))
            found.append((output if batches.dataset.task == "steps" else output.mean(dim=2)).argmax(dim=1).numpy())
    return np.concatenate(found)


def _truth(dataset: SpikeDataset, samples: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The class of each sample, or of each step, -1 where there is none."""
    return dataset.labels[samples] if dataset.targets is None else dataset.targets[samples].astype(np.int64)


def _sequence(spikes: Tensor) -> Tensor:
    """(B, T, inputs) of (B, *input shape, T)."""
    return spikes.flatten(1, -2).transpose(1, 2).contiguous()
