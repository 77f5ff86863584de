"""Runs a sweep: trains missing runs in parallel, reports progress, writes table and figures."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from myelin.exits import FAULT, OWN_FAULT, USAGE
from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.files import alone_in, write_atomically, write_json
from myelin.hw_configs.written import counted
from myelin.sweep.file import MAX_RUNS, read_sweep

if TYPE_CHECKING:
    from myelin.sweep.plan import PlannedRun, SweepPlan
    from myelin.sweep.pool import Workers
    from myelin.train.run.processes.ranks import Ranks


class FailedRunsError(MyelinError):
    """Runs of a sweep failed: it is no verdict on any network, so the exit code is that of the runs."""

    def __init__(self, failures: dict[str, str], runs: int) -> None:
        listed = "; ".join(f"({number}) {name}: {text}" for number, (name, text) in enumerate(failures.items(), 1))
        super().__init__(
            f"{len(failures)} of {runs} runs failed, the others are done: {listed}; the same command tries them again"
        )
        self.exit_code = FAULT if any(OWN_FAULT in text for text in failures.values()) else USAGE


@dataclass(frozen=True)
class Swept:
    """The result of a sweep.

    Attributes:
        values: plan and table, for JSON; None in a launcher's process that does not write, or if no run is finished.
        lines: the table and the written files, for the screen.
        runs: number of planned runs.
        failures: name of a failed run -> its error message.
    """

    values: dict[str, Any] | None
    lines: tuple[str, ...]
    runs: int
    failures: dict[str, str] = field(default_factory=dict)

    def require_success(self) -> None:
        """Raise FailedRunsError, with all error messages, if a run failed."""
        if self.failures:
            raise FailedRunsError(self.failures, self.runs)


def train_sweep(
    file: Path,
    data: str,
    out: Path,
    *,
    jobs: int | None = None,
    report: str | None = None,
    only_table: bool = False,
    max_runs: int = MAX_RUNS,
    quiet: bool = False,
    say: Callable[[str], None] | None = None,
) -> Swept:
    """Train the missing runs of a sweep, and write its table and figures.

    Args:
        file: TOML file with base, seeds, [set], [[case]], [grid], [compare].
        data: ``builtin``, a folder with ``*_train.h5``, or a file of the SHD format.
        out: folder to write, or to continue.
        jobs: number of parallel runs; None for one per core.
        report: further split of the data to evaluate on, ``valid`` or ``test``; None for none.
        only_table: train nothing; write the table of the finished runs.
        max_runs: the most runs that the file may ask for.
        quiet: no progress bar and no messages about single runs.
        say: called with each line for the user; None for silence.

    Raises:
        ConfigError: a configuration is wrong, the folder holds something else, or there is no finished run for the table.
        DataError: the data cannot be read.
    """
    from myelin.sweep.plan import make_plan
    from myelin.train.run.processes.ranks import Ranks, launched

    plan = make_plan(read_sweep(file, max_runs), data, out, report)
    if only_table:
        return Swept(*_written(plan), len(plan.runs))
    ranks = Ranks() if launched() else None
    failures = _train(plan, jobs, None if quiet else say, ranks)
    values: dict[str, Any] | None = None
    lines: tuple[str, ...] = ()
    if (ranks is None or ranks.rank == 0) and any(plan.result(run) is not None for run in plan.runs):
        values, lines = _written(plan)
    if ranks is not None:
        ranks.gather(None)  # an error in one process ends all, so none may leave before the table is written
        ranks.close()
        if ranks.rank:
            return Swept(None, (), len(plan.runs))
    return Swept(values, lines, len(plan.runs), failures)


def _train(plan: SweepPlan, jobs: int | None, say: Callable[[str], None] | None, ranks: Ranks | None) -> dict[str, str]:
    """Train the missing runs; returns run name -> error message for the failures of all processes."""
    from myelin.sweep.plan import check_folder

    first = ranks is None or ranks.rank == 0
    with contextlib.ExitStack() as alone:
        if first:
            check_folder(plan)
            alone.enter_context(alone_in(plan.out, "runs this sweep"))
        return _train_alone(plan, jobs, say, ranks)


def _train_alone(plan: SweepPlan, jobs: int | None, say: Callable[[str], None] | None, ranks: Ranks | None) -> dict[str, str]:
    """``_train`` while no other sweep has the folder."""
    from myelin.sweep.plan import claim_folder
    from myelin.sweep.pool import Workers, run_all

    first = ranks is None or ranks.rank == 0
    notes = claim_folder(plan) if first else []
    if ranks is not None:
        ranks.gather(None)  # no process writes into the folder before the first one has checked it
    missing = [(number, run) for number, run in enumerate(plan.runs) if plan.result(run) is None]
    mine = [run for number, run in missing if ranks is None or number % ranks.size == ranks.rank]
    workers = Workers.choose(jobs, 1 if ranks is None else ranks.local_size)
    if first and say is not None:
        say("\n".join([*_head(plan, len(missing)), *notes, _line_of(workers, ranks)]))
    progress = _Progress(plan, mine, say)
    try:
        failures = run_all(plan, mine, workers, progress.ended, progress.look)
    except KeyboardInterrupt:
        done = sum(plan.result(run) is not None for run in plan.runs)
        raise KeyboardInterrupt(
            f"{done} of {len(plan.runs)} runs are finished; continue the others with the same command ({plan.out})"
        ) from None
    finally:
        progress.close()
    if ranks is None:
        return failures
    return {name: text for each in ranks.gather(failures) for name, text in each.items()}


def _head(plan: SweepPlan, missing: int) -> list[str]:
    points, seeds = plan.sweep.points, plan.sweep.seeds
    return [
        f"sweep         {plan.sweep.path}: {len(points)} points (cases x grid) x {len(seeds)} seeds = {len(plan.runs)} runs, "
        f"{len(plan.runs) - missing} of them finished",
        f"data          {plan.facts['name']}: {plan.facts['samples']} samples to train on and hold out"
        + (f", {plan.facts['report_samples']} of the {plan.report} split to report on" if plan.report else ""),
    ]


def _line_of(workers: Workers, ranks: Ranks | None) -> str:
    threads = f"{workers.threads} thread{'' if workers.threads == 1 else 's'}"
    where = "" if ranks is None else f", in each of {ranks.size} processes of the launcher"
    return f"workers       {counted(workers.jobs, 'run')} at a time with {threads} each{where}"


class _Progress:
    """Prints a line for each run that ends, and on a terminal a progress bar of epochs."""

    def __init__(self, plan: SweepPlan, runs: Sequence[PlannedRun], say: Callable[[str], None] | None) -> None:
        from tqdm import tqdm

        self.plan, self.runs, self.say, self.count = plan, runs, say, 0
        epochs = sum(run.config["train"]["epochs"] for run in runs)
        self.bar = tqdm(total=epochs, unit="epoch", initial=self._epochs(), disable=True if say is None or not runs else None)
        self.looked = time.monotonic()

    def ended(self, run: PlannedRun, failure: str | None) -> None:
        """Print the outcome of a run."""
        self.count += 1
        if self.say is None:
            return
        result = self.plan.result(run)
        if failure is not None or result is None:
            text = f"FAILED: {failure}"
        else:
            parts = [f"{name} {part['integer_accuracy_percent']:.2f} %" for name, part in result["evaluations"].items()]
            text = f"{', '.join(parts)} (integers), {result['train_seconds']:.0f} s"
        self.bar.clear()
        self.say(f"[{self.count}/{len(self.runs)}] {run.name}: {text}")
        self.bar.refresh()

    def look(self) -> None:
        """Update the bar; called repeatedly while runs train."""
        if not self.bar.disable and time.monotonic() - self.looked > 1:
            self.looked = time.monotonic()
            self.bar.update(self._epochs() - self.bar.n)

    def close(self) -> None:
        """Close the bar."""
        self.bar.close()

    def _epochs(self) -> int:
        """Number of finished epochs."""
        from myelin.train.run.files.metrics import count_epochs

        return sum(count_epochs(self.plan.folder(run)) for run in self.runs)


def _written(plan: SweepPlan) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Write the table and the figures; returns the values for JSON, and lines for the screen."""
    from myelin.sweep import table as sweep_table
    from myelin.sweep.file import label
    from myelin.sweep.plan import as_dict
    from myelin.sweep.plot import accuracy_by_case, accuracy_by_key
    from myelin.sweep.worker import VALIDATION

    table = sweep_table.make_table(plan)
    if not table["rows"]:
        raise ConfigError(f"{plan.out}: none of its {len(plan.runs)} runs is finished; leave --only-table out to train them")
    values = {**as_dict(plan), "table": table}
    write_json(plan.out / "sweep.json", values)
    write_atomically(plan.out / "table.md", sweep_table.markdown(plan, table).encode(errors="backslashreplace"))
    parts = {VALIDATION: "validation part"} | ({plan.report: f"{plan.report} split"} if plan.report else {})
    pictures = [plan.out / "accuracy.png"]
    accuracy_by_case(pictures[0], table, parts)
    for key, axis in plan.sweep.axes.items():
        if len(axis) > 1 and all(isinstance(value, int | float) and not isinstance(value, bool) for value in axis):
            pictures.append(plan.out / f"accuracy_by_{label(key, plan.sweep.axes)}.png")
            accuracy_by_key(pictures[-1], table, key, parts)
    made = ", ".join(map(str, [plan.out / "table.md", plan.out / "sweep.json", *pictures]))
    return values, (*sweep_table.lines(plan, table), f"written       {made}")
