"""Metrics of each epoch of a run, and the file ``metrics.jsonl``: one line per epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.files import write_atomically

METRICS = "metrics.jsonl"


@dataclass(frozen=True)
class BestEpoch:
    """Metrics of the exported epoch, as run.json stores them.

    Attributes:
        epoch: number of the epoch, from 0.
        train_accuracy, validation_accuracy: fractions of correctly classified samples, 0..1.
        delay_mean_steps, delay_longest_steps: mean and maximum of all rounded delays; None in older runs without them.
        rates_per_step: mean rate of each layer, in spikes per neuron and step; 0 for a layer that does not spike.
    """

    epoch: int
    train_accuracy: float
    validation_accuracy: float
    delay_mean_steps: float | None = None
    delay_longest_steps: int | None = None
    rates_per_step: tuple[float, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BestEpoch:
        """Metrics from JSON values; unknown keys are ignored.  Raises KeyError or TypeError if one is missing."""
        known = {name: values[name] for name in _names(cls) if name in values}
        return cls(**known | {"rates_per_step": tuple(values.get("rates_per_step", ()))})

    def as_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return asdict(self) | {"rates_per_step": list(self.rates_per_step)}


@dataclass(frozen=True)
class EpochMetrics:
    """One line of ``metrics.jsonl``.

    Attributes:
        epoch: number of the epoch, from 0.
        loss: mean over the training samples, penalties included.
        train_accuracy, validation_accuracy: fractions of correctly classified samples, 0..1.
        delays_rounded: whether all delays were rounded during validation.
        exportable: whether this epoch may be exported.
        delay_mean_steps, delay_longest_steps, rates_per_step: as in ``BestEpoch``.
        seconds: duration of the epoch; None in older runs without it.
    """

    epoch: int
    loss: float
    train_accuracy: float
    validation_accuracy: float
    delays_rounded: bool
    exportable: bool
    delay_mean_steps: float | None = None
    delay_longest_steps: int | None = None
    rates_per_step: tuple[float, ...] = ()
    seconds: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EpochMetrics:
        """Metrics from JSON values; unknown keys are ignored.  Raises KeyError or TypeError if one is missing."""
        known = {name: values[name] for name in _names(cls) if name in values}
        return cls(**known | {"rates_per_step": tuple(values["rates_per_step"])})

    def as_dict(self) -> dict[str, Any]:
        """Values for JSON."""
        return asdict(self) | {"rates_per_step": list(self.rates_per_step)}

    def best(self) -> BestEpoch:
        """The metrics that run.json stores if this epoch is exported."""
        return BestEpoch(**{name: getattr(self, name) for name in _names(BestEpoch)})


def append_metrics(folder: Path, metrics: EpochMetrics) -> None:
    """Append an epoch to metrics.jsonl in ``folder``."""
    with open(folder / METRICS, "a", encoding="utf-8") as file:
        file.write(json.dumps(metrics.as_dict()) + "\n")


def keep_epochs(folder: Path, count: int) -> None:
    """Truncate metrics.jsonl to its first ``count`` epochs; its last line may be damaged."""
    path = folder / METRICS
    kept = path.read_bytes().splitlines(keepends=True)[:count] if path.exists() else []
    write_atomically(path, b"".join(kept))


def count_epochs(folder: Path) -> int:
    """Number of epochs written so far; 0 if there is no file yet."""
    path = folder / METRICS
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def read_metrics(path: Path) -> list[EpochMetrics]:
    """The epochs of a run's metrics.jsonl; raises DataError if it has no epoch, or an epoch lacks a metric."""
    try:
        with open(path, encoding="utf-8") as file:
            rows = [EpochMetrics.from_dict(json.loads(line)) for line in file if line.strip()]
        if not rows:
            raise ValueError("no epoch in it")
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = "no epoch in it, or one without its figures" if isinstance(error, TypeError | KeyError) else error
        raise DataError(f"{path}: is not a run's metrics.jsonl ({reason}); name one that `myelin train` wrote") from error
    return rows


def _names(kind: type[BestEpoch] | type[EpochMetrics]) -> list[str]:
    return [entry.name for entry in fields(kind)]
