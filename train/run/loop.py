"""The training loop: turns a configuration and data into a run folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import myelin.train.needs_torch  # noqa: F401

from myelin.train.config.config import Config
from myelin.train.datasets import SpikeDataset
from myelin.train.run import activity
from myelin.train.run.callbacks import Callbacks
from myelin.train.run.compiling.ahead import Compilation, compiling
from myelin.train.run.files.claim import claimed
from myelin.train.run.files.run_record import RUN
from myelin.train.run.logger import RunLogger
from myelin.train.run.memory import keep_freed_memory
from myelin.train.run.processes.device import device_line
from myelin.train.run.processes.parallel import ALONE, Processes
from myelin.train.run.progress import EpochBar
from myelin.train.run.training_run import Parts, TrainingRun, with_slices

__all__ = ["TrainingRun", "train", "with_slices"]


def train(
    config: Config,
    dataset: SpikeDataset,
    out: Path,
    *,
    resume: bool = False,
    progress: bool = True,
    processes: Processes = ALONE,
    parts: Parts | None = None,
    callbacks: Callbacks | None = None,
    say: Callable[[str], None] | None = None,
    compilation: Compilation | None = None,
) -> dict[str, Any]:
    """Train on ``dataset`` (the training split) and write a run folder; returns the content of its run.json.

    Every choice is made on a held-out part of the data (``config.data.validation``).  The exported epoch has the best
    validation accuracy, or for traces the smallest error, among the last epochs, from ``Config.first_exportable_epoch`` on.
    Their delays are frozen, and rounded for validation: this is the network as it runs on the chip.  It also excludes an early
    epoch that scored well by chance on a small validation part.

    Each epoch draws from generators seeded with (seed, epoch), so a resumed run continues exactly, with any number of
    ``processes``.  Only the first process reads and writes the folder, including the plots (``myelin.train.run.logger``), and
    calls the callbacks.

    Args:
        config: the configuration.
        dataset: the training split.
        out: the run folder.
        resume: continue the run in ``out``; see ``myelin.train.run.files.resume`` for what may change.
        progress: whether to show a progress bar, if standard error is a terminal.
        processes: the processes of a launcher.
        parts: the user's own loss and optimiser, and the parameters to start from.
        callbacks: see ``myelin.train.run.callbacks``.
        say: called with each line for the user; None for no output.
        compilation: of the loops that the run needs, if the caller has started it; None to start it here.

    Raises:
        ConfigError: the folder is not empty and ``resume`` is not set; it holds another run; the target does not support the
            configuration; or processes disagree about configuration, data or parameters.
        MyelinError: the loss or the gradient is not finite, or another process trains this run.
    """
    keep_freed_memory()
    callbacks = Callbacks() if callbacks is None else callbacks
    there = processes.from_first(lambda: resume and (out / RUN).exists())
    heard = say if processes.first else None
    with compiling(config, heard) if compilation is None else contextlib.nullcontext(compilation) as ahead:
        run = TrainingRun(with_slices(config, out, there, processes), dataset, out, processes, parts)
        ahead.wait()  # other processes of a launcher wait in what follows
    logger = RunLogger(run.model, out, run.config.train.epochs) if processes.first else None
    with contextlib.ExitStack() as stack:
        processes.from_first(lambda: stack.enter_context(claimed(out, resume=there)))  # until the last file is written
        return _continue(run, there, logger, callbacks, progress, heard or _silent)


def _silent(line: str) -> None:
    """Say nothing."""


def _continue(
    run: TrainingRun,
    there: bool,
    logger: RunLogger | None,
    callbacks: Callbacks,
    progress: bool,
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Train from the beginning, or from the last epoch of a run that is ``there``; see ``train``."""
    processes, epochs, first = run.processes, run.config.train.epochs, run.processes.first
    start = run.restore() if there else run.start()
    if logger is not None:
        logger.resumed(start)
    for line in (*run.notes, device_line(run.model)):
        if line is not None:
            tell(line)
    if first:
        callbacks.start(run)
    bar = EpochBar(start, epochs, shown=progress and first)
    before = None
    try:
        for epoch in bar:
            metrics = run.epoch(epoch, bar.batch)
            run.judge(metrics)
            asked = processes.from_first(lambda metrics=metrics: callbacks.epoch(run, metrics))  # type: ignore[misc]
            if asked is not None and run.best is None:
                tell(
                    f"goes on       {asked} asks to stop after epoch {epoch}; no epoch before "
                    f"{run.config.first_exportable_epoch} can be exported, since delays are not frozen (delay.freeze_at)"
                )
            run.save(epoch, metrics, asked)
            bar.epoch(metrics)
            for line in activity.changes(before, metrics):
                tell(line)
            before = metrics
            if logger is not None:
                logger.epoch(metrics)
            if run.stopped is not None:
                tell(f"stopped       {run.stopped}, after epoch {epoch} of 0..{epochs - 1}")
                break
    except BaseException:
        with contextlib.suppress(Exception):  # what ended the run is to be told, as Ctrl-C while matplotlib is imported
            if logger is not None:
                logger.draw()
        raise
    finally:
        bar.close()
    if logger is not None:
        logger.draw()
    record = run.finish()
    if first:
        callbacks.end(run, record)
    return record
