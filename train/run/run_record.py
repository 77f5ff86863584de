"""``run.json``: what a run folder says of itself.  The one reader of that file; it needs no torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.files import write_json
from myelin.train.run.metrics import BestEpoch

RUN, MODEL, STATE = "run.json", "model.safetensors", "state.safetensors"
T = TypeVar("T")


@dataclass(frozen=True)
class RunRecord:
    """The content of a run.json, typed.  A fact that is not there raises ConfigError when it is asked for.

    Attributes:
        folder: of the run.
        values: as the file has them; configurations of other versions included.
    """

    folder: Path
    values: Mapping[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The whole configuration, as ``myelin.train.config.files.config_from_dict`` takes it."""
        return self._fact(lambda values: dict(values["config"]))

    @property
    def name(self) -> str:
        """Of the experiment."""
        return self._fact(lambda values: str(values["config"]["name"]))

    @property
    def target(self) -> str:
        """Name of the target that it was trained for."""
        return self._fact(lambda values: str(values["config"]["target"]))

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._fact(lambda values: int(values["classes"]))

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the classes, () where the data has none."""
        return self._fact(lambda values: tuple(str(key) for key in values["keys"]))

    @property
    def data(self) -> str:
        """Name of the training data's file."""
        return self._fact(lambda values: str(values["data"]["name"]))

    @property
    def data_facts(self) -> dict[str, Any]:
        """Name and SHA-256 of the training data, numbers of samples trained on and held out; some lack in older runs."""
        return self._fact(lambda values: dict(values["data"]))

    @property
    def data_section(self) -> dict[str, Any]:
        """The configuration's section on how spikes become frames."""
        return self._fact(lambda values: dict(values["config"]["data"]))

    @property
    def epochs(self) -> int:
        """How many epochs are planned."""
        return self._fact(lambda values: int(values["config"]["train"]["epochs"]))

    @property
    def epochs_done(self) -> int:
        """How many epochs are done."""
        return self._fact(lambda values: int(values["epochs_done"]))

    @property
    def best(self) -> BestEpoch:
        """The exported epoch."""
        return self._fact(lambda values: BestEpoch.from_dict(values["best"]))

    @property
    def best_epoch(self) -> int | None:
        """Number of the exported epoch; None as long as there is none."""
        best = self.values.get("best")
        return best.get("epoch") if isinstance(best, Mapping) else None

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return self._fact(lambda values: int(values["parameters"]))

    @property
    def recurrent_parameters(self) -> int:
        """Number of parameters of the recurrences."""
        return self._fact(lambda values: int(values["recurrent_parameters"]))

    @property
    def seed(self) -> int:
        """Of the run."""
        return self._fact(lambda values: int(values["config"]["train"]["seed"]))

    @property
    def versions(self) -> dict[str, str]:
        """Of Python, torch and numpy at training."""
        return self._fact(lambda values: {str(name): str(value) for name, value in values["versions"].items()})

    @property
    def myelin(self) -> str | None:
        """Myelin's version at training; None in runs of before it was kept."""
        return self._fact(lambda values: None if values.get("myelin") is None else str(values["myelin"]))

    def require_complete(self) -> RunRecord:
        """This record, once every fact above has been seen to be there; raises ConfigError otherwise."""
        for name, member in vars(RunRecord).items():
            if isinstance(member, property):
                getattr(self, name)
        return self

    def _fact(self, get: Callable[[Mapping[str, Any]], T]) -> T:
        try:
            return get(self.values)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(
                f"{self.folder}: run.json is incomplete ({type(error).__name__}: {error}); train again"
            ) from error


def read_run(folder: Path) -> RunRecord:
    """The record of a run folder; raises ConfigError where its run.json cannot be read or holds no configuration."""
    try:
        values = json.loads((folder / RUN).read_text(encoding="utf-8"))
        if not isinstance(values, dict):
            raise ValueError(f"it holds a {type(values).__name__}; an object is needed")
        if not isinstance(values.get("config"), dict):
            raise ValueError("no configuration in it")
    except (OSError, ValueError) as error:
        raise ConfigError(f"{folder}: run.json cannot be read ({error}); name a folder that `myelin train` wrote") from error
    return RunRecord(folder, values)


def write_run(record: RunRecord) -> None:
    """Write the record's run.json; the file is whole or as it was.  Raises ConfigError where it cannot be written."""
    write_json(record.folder / RUN, record.values)
