"""Callbacks of a run: what is called while it trains, on the first process alone.

A callback is an object with any of these methods::

    on_start(run)             before the first epoch of this call; ``run`` is the ``myelin.train.run.loop.TrainingRun``
    on_epoch(run, metrics)    after every epoch, before it is written; True, or raising ``StopTraining``, ends the training
    on_end(run, record)       after the last epoch; ``record`` is the content of run.json

``on_epoch`` sees ``run.best`` with this epoch in it.  The epoch is written with its answer, so a run that is killed and resumed
stops where it would have stopped.  A run that stops is finished and can be exported.  Before the first epoch that can be
exported (``Config.first_exportable_epoch``) the answer is recorded on screen and training goes on.

Learning rates: every step sets ``group["lr"] = group["base"] * factor`` for the groups of ``run.optimizer.param_groups``, with
the factor of ``train.schedule``.  A callback that has its own schedule changes ``group["base"]``, which is saved with the
run's state, and uses ``train.schedule = "constant"``, whose factor is 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Protocol

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.parts import require
from myelin.train.run.files.metrics import EpochMetrics

if TYPE_CHECKING:
    from myelin.train.run.loop import TrainingRun

#: The methods of a callback, each optional.
METHODS = ("on_start", "on_epoch", "on_end")
#: Metrics that are logged as curves, where the task has them.
_CURVES = (
    "loss",
    "train_accuracy",
    "validation_accuracy",
    "train_error",
    "validation_error",
    "delay_mean_steps",
    "delay_longest_steps",
    "seconds",
)


class StopTraining(Exception):
    """Raised in ``on_epoch``: training ends after this epoch; its text says why."""


class EpochCallback(Protocol):
    """A callback that is asked after every epoch."""

    def on_epoch(self, run: TrainingRun, metrics: EpochMetrics) -> bool | None:
        """Whether training should end after this epoch."""


class Callbacks:
    """Some callbacks as one; raises ConfigError for an object that has none of the methods."""

    def __init__(self, callbacks: Iterable[Any] = ()) -> None:
        self.callbacks = tuple(callbacks)
        for callback in self.callbacks:
            if isinstance(callback, type) or not any(callable(getattr(callback, name, None)) for name in METHODS):
                what = f"the class {callback.__name__}" if isinstance(callback, type) else repr(callback)
                raise ConfigError(f"callback {what}: an object with {', '.join(METHODS[:-1])} or {METHODS[-1]} is allowed")

    def start(self, run: TrainingRun) -> None:
        """Call every ``on_start``."""
        self._call("on_start", run)

    def end(self, run: TrainingRun, record: dict[str, Any]) -> None:
        """Call every ``on_end``."""
        self._call("on_end", run, record)

    def epoch(self, run: TrainingRun, metrics: EpochMetrics) -> str | None:
        """Call every ``on_epoch``; returns who asks to stop, and why, or None."""
        asked = None
        for callback in self.callbacks:
            answer: Any = None
            try:
                if hasattr(callback, "on_epoch"):
                    answer = callback.on_epoch(run, metrics)
            except StopTraining as stop:
                answer = True
                if str(stop):
                    asked = asked or f"{type(callback).__name__}: {stop}"
            if answer:
                asked = asked or str(callback if "__str__" in vars(type(callback)) else type(callback).__name__)
        return asked

    def _call(self, name: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            if hasattr(callback, name):
                getattr(callback, name)(*arguments)


class EarlyStop:
    """Ends a run when its held-out part has not improved for some epochs, counted among those that can be exported.

    Delays are frozen late (``delay.freeze_at``), and only then can an epoch be exported: to stop earlier, freeze them earlier.

    Args:
        patience: number of epochs after the best one; at least 1.
    """

    def __init__(self, patience: int) -> None:
        if isinstance(patience, bool) or not isinstance(patience, int) or patience < 1:
            raise ConfigError(f"patience of EarlyStop is {patience!r}; a whole number of at least 1 is allowed")
        self.patience = patience

    def __str__(self) -> str:
        return f"EarlyStop(patience={self.patience})"

    def on_epoch(self, run: TrainingRun, metrics: EpochMetrics) -> bool:
        """Whether the exported epoch is ``patience`` epochs old."""
        return run.best is not None and metrics.epoch - run.best.epoch >= self.patience


class TensorBoard:
    """Logs every epoch to ``tensorboard`` in the run folder: metrics, rates and histograms of the delays.

    Raises:
        MissingPartError: TensorBoard is not installed.
    """

    def __init__(self) -> None:
        require("tensorboard")
        self.writer: Any = None

    def on_start(self, run: TrainingRun) -> None:
        """Open the log."""
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(run.out / "tensorboard"))

    def on_epoch(self, run: TrainingRun, metrics: EpochMetrics) -> None:
        """Log an epoch."""
        from myelin.train.run.logger import delays_by_layer

        for name, value in curves(metrics).items():
            self.writer.add_scalar(name, value, metrics.epoch)
        for name, delays in delays_by_layer(run.model).items():
            self.writer.add_histogram(f"delay_steps/{name.replace(', ', '/').replace(' ', '_')}", delays, metrics.epoch)
        self.writer.flush()

    def on_end(self, run: TrainingRun, record: dict[str, Any]) -> None:
        """Close the log."""
        self.writer.close()


class WeightsAndBiases:
    """Logs every epoch to Weights & Biases.

    Args:
        options: arguments of ``wandb.init``, such as ``project="delays"``; the run's configuration is added.

    Raises:
        MissingPartError: the package wandb is not installed.
    """

    def __init__(self, **options: Any) -> None:
        require("wandb")
        self.options, self.log = options, None

    def on_start(self, run: TrainingRun) -> None:
        """Begin a log with the run's configuration."""
        import wandb

        from myelin.train.config.files import config_to_dict

        self.log = wandb.init(**{"name": run.config.name, "config": config_to_dict(run.config), **self.options})

    def on_epoch(self, run: TrainingRun, metrics: EpochMetrics) -> None:
        """Log an epoch."""
        assert self.log is not None
        self.log.log(curves(metrics), step=metrics.epoch)

    def on_end(self, run: TrainingRun, record: dict[str, Any]) -> None:
        """Log the exported epoch and end the log."""
        assert self.log is not None
        self.log.summary.update(record["best"])
        self.log.finish()


def curves(metrics: EpochMetrics) -> dict[str, float]:
    """The numbers of an epoch by name, for a log; rates as ``rates_per_step/layer_0``."""
    found = {name: getattr(metrics, name) for name in _CURVES if getattr(metrics, name) is not None}
    return {**found, **{f"rates_per_step/layer_{index}": rate for index, rate in enumerate(metrics.rates_per_step)}}
