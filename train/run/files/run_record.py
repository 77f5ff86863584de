"""``run.json``, the record of a run folder.  This is the only reader of that file; it needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.files import write_json
from myelin.hw_configs.reading.bounds import TEXT_MB, check_regular, read_whole
from myelin.hw_configs.reading.text_files import parse_json
from myelin.train.run.files.metrics import BestEpoch

RUN, MODEL, STATE = "run.json", "model.safetensors", "state.safetensors"
T = TypeVar("T")
Task = Literal["classes", "steps", "trace"]


@dataclass(frozen=True)
class RunRecord:
    """The content of a run.json, typed.  A property raises ConfigError if the file lacks its value.

    Attributes:
        folder: the run folder.
        values: the content of the file, unchanged; the configuration may be that of another version.
    """

    folder: Path
    values: Mapping[str, Any]

    @property
    def config(self) -> dict[str, Any]:
        """The whole configuration, as a dictionary for ``myelin.train.config.files.config_from_dict``."""
        return self._fact(lambda values: dict(values["config"]))

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self._fact(lambda values: str(values["config"]["name"]))

    @property
    def target(self) -> str:
        """Name of the target the network was trained for."""
        return self._fact(lambda values: str(values["config"]["target"]))

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._fact(lambda values: int(values["classes"]))

    @property
    def task(self) -> Task:
        """Task of the data: ``classes``, ``steps`` (labels per step) or ``trace``; older runs have classes."""
        return self._fact(lambda values: _task(values.get("task", "classes")))

    @property
    def loss(self) -> str:
        """Name of the loss, or module and name of the user's own."""
        return self._fact(lambda values: str(values["loss"]["name"] if "loss" in values else _loss_in(values["config"])))

    @property
    def finished(self) -> bool:
        """Whether the run has ended: all epochs are done, or it was stopped early."""
        return self._fact(lambda values: bool(values.get("finished", self.epochs_done >= self.epochs)))

    @property
    def stopped(self) -> str | None:
        """Who stopped the run early, and why; None if nobody did."""
        return self._fact(lambda values: None if values.get("stopped") is None else str(values["stopped"]))

    @property
    def keys(self) -> tuple[str, ...]:
        """Names of the classes; () if the data names none."""
        return self._fact(lambda values: tuple(str(key) for key in values["keys"]))

    @property
    def data(self) -> str:
        """File name of the training data."""
        return self._fact(lambda values: str(values["data"]["name"]))

    @property
    def data_facts(self) -> dict[str, Any]:
        """Name and SHA-256 of the training data, numbers of training and held-out samples; older runs lack some of them."""
        return self._fact(lambda values: dict(values["data"]))

    @property
    def data_section(self) -> dict[str, Any]:
        """The section ``data`` of the configuration: how spikes become frames."""
        return self._fact(lambda values: dict(values["config"]["data"]))

    @property
    def epochs(self) -> int:
        """Number of planned epochs."""
        return self._fact(lambda values: int(values["config"]["train"]["epochs"]))

    @property
    def epochs_done(self) -> int:
        """Number of finished epochs."""
        return self._fact(lambda values: int(values["epochs_done"]))

    @property
    def best(self) -> BestEpoch:
        """Metrics of the exported epoch."""
        return self._fact(lambda values: BestEpoch.from_dict(values["best"]))

    @property
    def best_epoch(self) -> int | None:
        """Number of the exported epoch; None if there is none yet."""
        best = self.values.get("best")
        return best.get("epoch") if isinstance(best, Mapping) else None

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return self._fact(lambda values: int(values["parameters"]))

    @property
    def recurrent_parameters(self) -> int:
        """Number of recurrent parameters."""
        return self._fact(lambda values: int(values["recurrent_parameters"]))

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self._fact(lambda values: int(values["config"]["train"]["seed"]))

    @property
    def versions(self) -> dict[str, str]:
        """Versions of Python, torch and numpy used for training."""
        return self._fact(lambda values: {str(name): str(value) for name, value in values["versions"].items()})

    @property
    def myelin(self) -> str | None:
        """Version of Myelin used for training; None in older runs without it."""
        return self._fact(lambda values: None if values.get("myelin") is None else str(values["myelin"]))

    def require_complete(self) -> RunRecord:
        """This record, after a check that every property above has a value; raises ConfigError if one is missing."""
        for name, member in vars(RunRecord).items():
            if isinstance(member, property):
                getattr(self, name)
        return self

    def _fact(self, get: Callable[[Mapping[str, Any]], T]) -> T:
        try:
            return get(self.values)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ConfigError(
                f"{self.folder}: run.json is incomplete ({type(error).__name__}: {error}); train again"
            ) from error


def _task(name: Any) -> Task:
    if name not in get_args(Task):
        raise ValueError(f"task {name!r}")
    found: Task = name
    return found


def _loss_in(config: Mapping[str, Any]) -> str:
    return str(config["train"].get("loss", "sum"))  # what it was before it could be chosen


def read_run(folder: Path) -> RunRecord:
    """The record of a run folder; raises ConfigError if its run.json cannot be read or has no configuration."""
    try:
        check_regular(folder / RUN, ConfigError)
        content = read_whole(folder / RUN, TEXT_MB)
    except (OSError, ValueError) as error:
        raise _unreadable(folder, error) from error
    return record_of(folder, content)


def record_of(folder: Path, content: bytes) -> RunRecord:
    """The record in the bytes of a run.json; see ``read_run`` for errors."""
    try:
        values = parse_json(content)
        if not isinstance(values, dict):
            raise ValueError(f"it holds a {type(values).__name__}; an object is needed")
        if not isinstance(values.get("config"), dict):
            raise ValueError("no configuration in it")
    except ValueError as error:
        raise _unreadable(folder, error) from error
    return RunRecord(folder, values)


def _unreadable(folder: Path, error: Exception) -> ConfigError:
    return ConfigError(f"{folder}: run.json cannot be read ({error}); name a folder that `myelin train` wrote")


def write_run(record: RunRecord) -> None:
    """Write the record's run.json atomically; raises ConfigError if it cannot be written."""
    write_json(record.folder / RUN, record.values)
