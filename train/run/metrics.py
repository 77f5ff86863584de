"""The figures of a run's epochs, and the file ``metrics.jsonl`` that holds them, one line an epoch."""

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
    """What a run's record keeps of the epoch that is exported.

    Attributes:
        epoch: its number, from 0.
        train_accuracy, validation_accuracy: fractions of the samples.
        delay_mean_steps, delay_longest_steps: of all delays, rounded; None in runs of before these were kept.
        rates_per_step: mean rates of the layers, in spikes per neuron and step; 0 where a layer does not spike.
    """

    epoch: int
    train_accuracy: float
    validation_accuracy: float
    delay_mean_steps: float | None = None
    delay_longest_steps: int | None = None
    rates_per_step: tuple[float, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BestEpoch:
        """From JSON; KeyError or TypeError where a figure is missing.  What is not known here is left out."""
        known = {name: values[name] for name in _names(cls) if name in values}
        return cls(**known | {"rates_per_step": tuple(values.get("rates_per_step", ()))})

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"rates_per_step": list(self.rates_per_step)}


@dataclass(frozen=True)
class EpochMetrics:
    """One line of ``metrics.jsonl``.

    Attributes:
        epoch: its number, from 0.
        loss: mean over the training samples, penalties included.
        train_accuracy, validation_accuracy: fractions of the samples.
        delays_rounded: whether all delays were rounded when the validation part was judged.
        exportable: whether the epoch may be the exported one.
        delay_mean_steps, delay_longest_steps, rates_per_step: as in ``BestEpoch``.
        seconds: the epoch took; None in runs of before it was kept.
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
        """From JSON; KeyError or TypeError where a figure is missing.  What is not known here is left out."""
        known = {name: values[name] for name in _names(cls) if name in values}
        return cls(**known | {"rates_per_step": tuple(values["rates_per_step"])})

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self) | {"rates_per_step": list(self.rates_per_step)}

    def best(self) -> BestEpoch:
        """What is kept of this epoch where it is the exported one."""
        return BestEpoch(**{name: getattr(self, name) for name in _names(BestEpoch)})


def append_metrics(folder: Path, metrics: EpochMetrics) -> None:
    """Add an epoch to the run in ``folder``."""
    with open(folder / METRICS, "a", encoding="utf-8") as file:
        file.write(json.dumps(metrics.as_dict()) + "\n")


def keep_epochs(folder: Path, count: int) -> None:
    """Cut the file back to its first ``count`` epochs, whatever its last line is like."""
    path = folder / METRICS
    kept = path.read_bytes().splitlines(keepends=True)[:count] if path.exists() else []
    write_atomically(path, b"".join(kept))


def count_epochs(folder: Path) -> int:
    """How many epochs are written so far; 0 where there is no file yet."""
    path = folder / METRICS
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def read_metrics(path: Path) -> list[EpochMetrics]:
    """The epochs of a run's metrics.jsonl; raises DataError where there is none, or one without its figures."""
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
