"""Metrics of each epoch of a run, and the file ``metrics.jsonl``: one line per epoch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from myelin.hw_configs.argument_checks import is_number
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.files import write_atomically
from myelin.hw_configs.reading.bounds import TEXT_MB, check_regular, read_text, read_whole
from myelin.hw_configs.reading.text_files import parse_json

METRICS = "metrics.jsonl"
#: Rates in spikes per neuron and step, below which a layer counts as silent, and above which as saturated.
SILENT, SATURATED = 0.0005, 0.5
_LAYERS = ("silent_layers", "saturated_layers")


@dataclass(frozen=True)
class BestEpoch:
    """Metrics of the exported epoch, as run.json stores them.

    Attributes:
        epoch: number of the epoch, from 0.
        train_accuracy, validation_accuracy: fractions of correctly classified samples, or of labelled steps, 0..1; None for
            traces.
        delay_mean_steps, delay_longest_steps: mean and maximum of all rounded delays; None in older runs without them.
        rates_per_step: mean rate of each layer, in spikes per neuron and step; 0 for a layer that does not spike.
        train_error, validation_error: mean squared errors of traces, in the square of the output's unit; None for classes.
    """

    epoch: int
    train_accuracy: float | None
    validation_accuracy: float | None
    delay_mean_steps: float | None = None
    delay_longest_steps: int | None = None
    rates_per_step: tuple[float, ...] = ()
    train_error: float | None = None
    validation_error: float | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BestEpoch:
        """Metrics from JSON values; unknown keys are ignored.  KeyError or TypeError if one is missing or of another kind."""
        return cls(**_complete(_known(cls, values)))

    def as_dict(self) -> dict[str, Any]:
        """Values for JSON; without those that the run's task does not have."""
        return _without_absent(asdict(self) | {"rates_per_step": list(self.rates_per_step)})

    @property
    def validation(self) -> str:
        """What the epoch is judged by, for people: ``97.33 %`` of the held-out part, or ``error 0.0123``."""
        return judgement(self.validation_accuracy, self.validation_error)

    @property
    def training(self) -> str:
        """The same, of the training part."""
        return judgement(self.train_accuracy, self.train_error)


@dataclass(frozen=True)
class EpochMetrics:
    """One line of ``metrics.jsonl``.

    Attributes:
        epoch: number of the epoch, from 0.
        loss: mean over the training samples, penalties included.
        train_accuracy, validation_accuracy, train_error, validation_error: as in ``BestEpoch``.
        delays_rounded: whether all delays were rounded during validation.
        exportable: whether this epoch may be exported.
        delay_mean_steps, delay_longest_steps, rates_per_step: as in ``BestEpoch``.
        seconds: duration of the epoch; None in older runs without it.
        silent_layers, saturated_layers: layers with a rate below ``SILENT`` or above ``SATURATED``.
    """

    epoch: int
    loss: float
    train_accuracy: float | None
    validation_accuracy: float | None
    delays_rounded: bool
    exportable: bool
    delay_mean_steps: float | None = None
    delay_longest_steps: int | None = None
    rates_per_step: tuple[float, ...] = ()
    seconds: float | None = None
    train_error: float | None = None
    validation_error: float | None = None
    silent_layers: tuple[int, ...] = ()
    saturated_layers: tuple[int, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EpochMetrics:
        """Metrics from JSON values; unknown keys are ignored.  KeyError or TypeError if one is missing or of another kind."""
        return cls(**_complete(_known(cls, values) | {"rates_per_step": _numbers(values["rates_per_step"])}))

    def as_dict(self) -> dict[str, Any]:
        """Values for JSON; without those that the run's task does not have, and without layers of which there are none."""
        lists = {name: list(getattr(self, name)) for name in ("rates_per_step", *_LAYERS)}
        return _without_absent(asdict(self) | lists)

    def best(self) -> BestEpoch:
        """The metrics that run.json stores if this epoch is exported."""
        return BestEpoch(**{name: getattr(self, name) for name in _names(BestEpoch)})

    @property
    def validation(self) -> str:
        """What the epoch is judged by, as ``BestEpoch.validation``."""
        return judgement(self.validation_accuracy, self.validation_error)

    def at_least_as_good_as(self, other: BestEpoch | EpochMetrics) -> bool:
        """Whether the held-out part has at least the accuracy of ``other``, or at most the error."""
        if self.validation_error is not None and other.validation_error is not None:
            return self.validation_error <= other.validation_error
        assert self.validation_accuracy is not None and other.validation_accuracy is not None
        return self.validation_accuracy >= other.validation_accuracy


def append_metrics(folder: Path, metrics: EpochMetrics) -> None:
    """Append an epoch to metrics.jsonl in ``folder``, on the disk before the state says that the epoch is done."""
    with open(folder / METRICS, "a", encoding="utf-8") as file:
        file.write(json.dumps(metrics.as_dict()) + "\n")
        file.flush()
        os.fsync(file.fileno())


def keep_epochs(folder: Path, count: int) -> int:
    """Truncate metrics.jsonl to its first ``count`` epochs, and return how many it has; its last line may be damaged.

    Raises DataError if it is no plain file, or longer than any that a run writes.
    """
    path = folder / METRICS
    content = _content(path)
    lines = (content or b"").splitlines(keepends=True)[:count]
    if (kept := b"".join(lines)) != content:
        write_atomically(path, kept)
    return sum(line.endswith(b"\n") for line in lines)


def count_epochs(folder: Path) -> int:
    """Number of epochs written so far; 0 if there is no file yet."""
    try:
        return (_content(folder / METRICS) or b"").count(b"\n")
    except DataError:
        return 0


def _content(path: Path) -> bytes | None:
    if not os.path.lexists(path):
        return None
    check_regular(path, DataError)
    try:
        return read_whole(path, TEXT_MB)
    except (OSError, ValueError) as error:
        raise _no_metrics(path, error) from error


def _no_metrics(path: Path, reason: object) -> DataError:
    return DataError(f"{path}: is not a run's metrics.jsonl ({reason}); name one that `myelin train` wrote")


def read_metrics(path: Path) -> list[EpochMetrics]:
    """The epochs of a run's metrics.jsonl; raises DataError if it has no epoch, or an epoch lacks a metric."""
    try:
        check_regular(path, DataError)
        lines = read_text(path).splitlines()
        rows = [EpochMetrics.from_dict(parse_json(line)) for line in lines if line.strip()]
        if not rows:
            raise ValueError("no epoch in it")
        if len({len(row.rates_per_step) for row in rows}) > 1:
            raise ValueError("its epochs have different numbers of layers")
        if len({row.validation_error is None for row in rows}) > 1:
            raise ValueError("some of its epochs have accuracies, others errors")
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = "no epoch in it, or one without its figures" if isinstance(error, TypeError | KeyError) else error
        raise _no_metrics(path, reason) from error
    return rows


def judgement(accuracy: float | None, error: float | None) -> str:
    """An accuracy in percent, or a mean squared error, for people."""
    return f"mean squared error {error:.4g}" if accuracy is None else f"{100 * accuracy:.2f} %"


def percent(fraction: float | None) -> float | None:
    """``fraction`` in percent; None if there is none, as for the accuracy of a trace."""
    return None if fraction is None else 100 * fraction


def _known(kind: type[BestEpoch] | type[EpochMetrics], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that ``kind`` has, lists as tuples; TypeError if one is of another kind than its field."""
    found = {}
    for entry in fields(kind):
        if entry.name not in values:
            continue
        value, allowed = values[entry.name], str(entry.type)
        if allowed.startswith("tuple"):
            value = _numbers(value)
        elif value is None:
            if "None" not in allowed:
                raise TypeError(entry.name)
        elif not isinstance(value, int | float) or isinstance(value, bool) != (allowed == "bool"):
            raise TypeError(entry.name)
        found[entry.name] = value
    return found


def _numbers(values: Any) -> tuple[float, ...]:
    if not isinstance(values, list) or not all(map(is_number, values)):
        raise TypeError("a list of numbers is needed")
    return tuple(values)


def _complete(values: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with None for accuracies where there are errors instead; raises KeyError if neither is there."""
    found = dict(values)
    for part in ("train", "validation"):
        if f"{part}_error" in values:
            found.setdefault(f"{part}_accuracy", None)
        elif f"{part}_accuracy" not in values:
            raise KeyError(f"{part}_accuracy")
    return found


def _without_absent(values: dict[str, Any]) -> dict[str, Any]:
    """``values`` without the accuracies or errors that the task does not have, and without empty lists of layers."""
    judged = [f"{part}_{kind}" for part in ("train", "validation") for kind in ("accuracy", "error")]
    absent = {name for name in judged if values.get(name) is None} | {name for name in _LAYERS if not values.get(name, True)}
    return {name: value for name, value in values.items() if name not in absent}


def _names(kind: type[BestEpoch] | type[EpochMetrics]) -> list[str]:
    return [entry.name for entry in fields(kind)]
