"""What a resumed run may change, and what its state holds.

Only more epochs are allowed.  The learning rates then follow the schedule of the new number from the next epoch on.  Delays
never go back to an earlier phase: as far as they were spread, rounded or frozen, they stay.  The best epoch so far is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import torch
from torch import Tensor

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.reading.text_files import parse_json
from myelin.train.config.config import LOSSES, Config
from myelin.train.config.files import config_from_dict, config_to_dict
from myelin.train.run.files.metrics import BestEpoch
from myelin.train.run.files.run_record import RunRecord

#: Optimiser of runs that do not record theirs.
DEFAULT_OPTIMIZER = "torch.optim.adamw.AdamW"
_PROGRESS = "progress.json"


class Extension(NamedTuple):
    """A change of the number of epochs: ``epochs`` were planned when it came after ``done`` of them."""

    done: int
    epochs: int

    @property
    def progress(self) -> float:
        """Share of the plan at the beginning of the last epoch of before, 0..1."""
        return (self.done - 1) / self.epochs if self.done else 0.0


class Progress(NamedTuple):
    """What the state of a run holds beside tensors."""

    epoch: int
    best: BestEpoch | None
    events: dict[str, int]
    stopped: str | None = None

    def as_tensor(self) -> dict[str, Tensor]:
        """As an entry of state.safetensors."""
        best = {} if self.best is None else self.best.as_dict()
        values = {"epoch": self.epoch, "best": best, "events": self.events, "stopped": self.stopped}
        return {_PROGRESS: torch.from_numpy(np.frombuffer(json.dumps(values).encode(), np.uint8).copy())}

    @classmethod
    def taken_from(cls, tensors: dict[str, Tensor]) -> Progress:
        """The progress, removed from the tensors of a state; raises KeyError, TypeError or ValueError if it is not there."""
        values = parse_json(bytes(tensors.pop(_PROGRESS).numpy()).decode())
        best = BestEpoch.from_dict(values["best"]) if values["best"] else None
        return cls(int(values["epoch"]), best, dict(values["events"]), values.get("stopped"))


def extension_of(folder: Path, record: RunRecord, given: Config) -> Extension | None:
    """How the number of epochs grows, or None; raises ConfigError if anything else in the configuration is another."""
    saved = config_from_dict(record.config)
    if saved == given:
        return None
    if (
        given.train.epochs > saved.train.epochs
        and replace(saved, train=replace(saved.train, epochs=given.train.epochs)) == given
    ):
        return Extension(record.epochs_done, saved.train.epochs)
    if saved.train.loss is None and given.train.loss is not None and record.loss not in LOSSES:
        raise ConfigError(
            f"{folder}: was trained with the function {record.loss} as its loss; resume with myelin.fit and the same loss, or "
            f"start a new run from it with init_from (--init-from {folder})"
        )
    changed = list(_differences(config_to_dict(saved), config_to_dict(given)))
    listed = "; ".join(f"{key} is {json.dumps(old)} there, {json.dumps(new)} is given" for key, old, new in changed)
    fewer = changed == [("train.epochs", saved.train.epochs, given.train.epochs)]
    cure = "more epochs are allowed" if fewer else "resume without changing it (only train.epochs may grow)"
    raise ConfigError(
        f"{folder}: holds a run with another configuration: {listed}; {cure}, or start a new run from it: --init-from {folder}"
    )


def check_parts(folder: Path, record: RunRecord, given: Mapping[str, Any], data: Mapping[str, Any]) -> None:
    """Check that a run goes on with its data, loss, optimiser and start.

    Args:
        folder: the run folder.
        record: its record.
        given: ``loss``, ``optimizer`` and ``init_from`` (a SHA-256, or None if not given) of this call.
        data: facts of the data of this call.

    Raises:
        ConfigError: one of them is another one.
    """
    if record.data_facts != data:
        raise ConfigError(f"{folder}: was trained on other data ({record.data_facts}); resume with the same")
    saved = {
        "loss": record.loss,
        "optimizer": str(record.values.get("optimizer", DEFAULT_OPTIMIZER)),
        "init_from": (record.values.get("init_from") or {}).get("sha256"),
    }
    for name in ("loss", "optimizer"):
        if saved[name] != given[name]:
            raise ConfigError(
                f"{folder}: was trained with {name} {saved[name]}, {given[name]} is given; resume with the same, or start a "
                f"new run from it with init_from (--init-from {folder})"
            )
    if given["init_from"] is not None and given["init_from"] != saved["init_from"]:
        started = "random parameters" if saved["init_from"] is None else record.values["init_from"]["source"]
        raise ConfigError(
            f"{folder}: was started from {started}, not from what init_from (--init-from) now holds; resume with the same or "
            "without it"
        )


def _differences(old: Any, new: Any, key: str = "") -> Iterator[tuple[str, Any, Any]]:
    """(key, old value, new value) of everything that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old:
            yield from _differences(old[name], new.get(name), f"{key}.{name}" if key else name)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new)):
            yield from _differences(one, other, f"{key}.{index}")
    elif old != new:
        yield key, old, new
