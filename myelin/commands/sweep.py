"""``myelin sweep``: a grid of training runs in parallel processes, resumable, with a table and pictures at the end."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from myelin.commands import arguments
from myelin.hw_configs.errors import ConfigError, GateError
from myelin.hw_configs.files import write_atomically, write_json

if TYPE_CHECKING:
    from myelin.sweep.plan import Plan, PlannedRun
    from myelin.sweep.pool import Workers
    from myelin.train.run.ranks import Ranks


def add_command(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``myelin sweep``; it sets ``run``."""
    parser = subparsers.add_parser(
        "sweep",
        help="train a grid of configurations with several seeds in parallel, and compare their integer networks",
        description="Train every case of FILE at every point of its grid with every seed, each in a process of its own; "
        "evaluate the integer network of each on the part it held out; write FOLDER/table.md, FOLDER/sweep.json and pictures. "
        "The same command again continues what was interrupted and skips what is done; cases, values and seeds may be added. "
        "Started with torchrun, on one machine or on several that share FOLDER, each process takes its share of the runs.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="TOML file: base, seeds, [set], [[case]], [grid], [compare]")
    parser.add_argument(
        "--data", metavar="PATH", required=True, help="builtin, a folder with *_train.h5, or a file of the SHD format"
    )
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="folder to write, or to continue")
    parser.add_argument(
        "--jobs",
        metavar="N",
        type=arguments.positive,
        help="runs at a time, which share the cores evenly (default: one for each core; fewer if OMP_NUM_THREADS is set)",
    )
    parser.add_argument(
        "--report", choices=("valid", "test"), help="evaluate on this split of the data too; no choice is made on it"
    )
    parser.add_argument("--only-table", action="store_true", help="train nothing: the table of the runs that are finished")
    parser.add_argument("--quiet", action="store_true", help="the table alone: no line for each run, no progress bar")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the plan and the table as JSON here too")
    parser.set_defaults(run=run_sweep)


def run_sweep(args: argparse.Namespace) -> int:
    """Train what is missing, print the table, return 0; GateError (exit code 1) if a run failed."""
    from myelin.sweep.file import read_sweep
    from myelin.sweep.plan import make_plan
    from myelin.train.run.ranks import Ranks, launched

    plan = make_plan(read_sweep(args.file), args.data, args.out, args.report)
    if args.only_table:
        _write_table(plan, args.json)
        return 0
    ranks = Ranks() if launched() else None
    failures = _train(plan, args, ranks)
    if (ranks is None or ranks.rank == 0) and any(plan.result(run) is not None for run in plan.runs):
        _write_table(plan, args.json)
    if ranks is not None:
        ranks.gather(None)  # the launcher ends all when one ends with an error, so nobody leaves before the table is written
        ranks.close()
        if ranks.rank:
            return 0
    if failures:
        listed = "; ".join(f"({number}) {name}: {text}" for number, (name, text) in enumerate(failures.items(), 1))
        raise GateError(
            f"{len(failures)} of {len(plan.runs)} runs failed, the others are done: {listed}; the same command tries them again"
        )
    return 0


def _train(plan: Plan, args: argparse.Namespace, ranks: Ranks | None) -> dict[str, str]:
    """Run what is not there; returns the failures of all processes by name of the run."""
    from myelin.sweep.plan import claim_folder
    from myelin.sweep.pool import Workers, run_all

    first = ranks is None or ranks.rank == 0
    notes = claim_folder(plan) if first else []
    if ranks is not None:
        ranks.gather(None)  # nobody writes into the folder before the first has looked at it
    missing = [(number, run) for number, run in enumerate(plan.runs) if plan.result(run) is None]
    mine = [run for number, run in missing if ranks is None or number % ranks.size == ranks.rank]
    workers = Workers.choose(args.jobs, 1 if ranks is None else ranks.local_size)
    if first and not args.quiet:
        print("\n".join([*_head(plan, len(missing)), *notes, _line_of(workers, ranks)]), flush=True)
    progress = _Progress(plan, mine, quiet=args.quiet)
    try:
        failures = run_all(plan, mine, workers, progress.ended, progress.look)
    except KeyboardInterrupt:
        done = sum(plan.result(run) is not None for run in plan.runs)
        raise KeyboardInterrupt(
            f"{done} of {len(plan.runs)} runs are finished; continue the others with the same command ({args.out})"
        ) from None
    finally:
        progress.close()
    if ranks is None:
        return failures
    return {name: text for each in ranks.gather(failures) for name, text in each.items()}


def _head(plan: Plan, missing: int) -> list[str]:
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
    return f"workers       {workers.jobs} runs at a time with {threads} each{where}"


class _Progress:
    """A line for each run that ends, and a bar of epochs on a terminal."""

    def __init__(self, plan: Plan, runs: Sequence[PlannedRun], *, quiet: bool) -> None:
        from tqdm import tqdm

        self.plan, self.runs, self.quiet, self.count = plan, runs, quiet, 0
        epochs = sum(run.config["train"]["epochs"] for run in runs)
        self.bar = tqdm(total=epochs, unit="epoch", initial=self._epochs(), disable=True if quiet or not runs else None)
        self.looked = time.monotonic()

    def ended(self, run: PlannedRun, failure: str | None) -> None:
        """Print how the run ended."""
        self.count += 1
        if self.quiet:
            return
        result = self.plan.result(run)
        if failure is not None or result is None:
            text = f"FAILED: {failure}"
        else:
            parts = [f"{name} {part['integer_accuracy_percent']:.2f} %" for name, part in result["evaluations"].items()]
            text = f"{', '.join(parts)} (integers), {result['train_seconds']:.0f} s"
        self.bar.clear()
        print(f"[{self.count}/{len(self.runs)}] {run.name}: {text}", flush=True)
        self.bar.refresh()

    def look(self) -> None:
        """Called again and again while runs train."""
        if not self.bar.disable and time.monotonic() - self.looked > 1:
            self.looked = time.monotonic()
            self.bar.update(self._epochs() - self.bar.n)

    def close(self) -> None:
        """End the bar."""
        self.bar.close()

    def _epochs(self) -> int:
        """Epochs that are done."""
        from myelin.train.run.metrics import count_epochs

        return sum(count_epochs(self.plan.folder(run)) for run in self.runs)


def _write_table(plan: Plan, json_file: Path | None) -> None:
    from myelin.sweep import table as sweep_table
    from myelin.sweep.file import label
    from myelin.sweep.plan import as_dict
    from myelin.sweep.plot import accuracy_by_case, accuracy_by_key
    from myelin.sweep.worker import VALIDATION

    table = sweep_table.make_table(plan)
    if not table["rows"]:
        raise ConfigError(f"{plan.out}: none of its {len(plan.runs)} runs is finished; leave --only-table out to train them")
    print("\n".join(sweep_table.lines(plan, table)))
    values = {**as_dict(plan), "table": table}
    write_json(plan.out / "sweep.json", values)
    if json_file is not None:
        write_json(json_file, values)
    write_atomically(plan.out / "table.md", sweep_table.markdown(plan, table).encode())
    parts = {VALIDATION: "validation part"} | ({plan.report: f"{plan.report} split"} if plan.report else {})
    pictures = [plan.out / "accuracy.png"]
    accuracy_by_case(pictures[0], table, parts)
    for key, axis in plan.sweep.axes.items():
        if len(axis) > 1 and all(isinstance(value, int | float) and not isinstance(value, bool) for value in axis):
            pictures.append(plan.out / f"accuracy_by_{label(key, plan.sweep.axes)}.png")
            accuracy_by_key(pictures[-1], table, key, parts)
    print(f"written       {', '.join(map(str, [plan.out / 'table.md', plan.out / 'sweep.json', *pictures]))}")
