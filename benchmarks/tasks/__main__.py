"""Train the networks of a table and write its results: ``python -m benchmarks.tasks TASK TABLE ... --data PATH --out RUNS``.

Two trainings run side by side, each with one thread.  The same command again goes on where it was stopped; what is trained
stays in ``--out``.  Results are ``benchmarks/results/TASK_TABLE.json``.  ``--page`` writes the tables and pictures of all
results into ``docs/results.md``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import RESULTS, save, say
from benchmarks.tasks.plan import NAMES, Table, TaskPlan, quick, read_plan, write_sweep
from myelin.hw_configs.errors import MyelinError

#: Interval between two looks at the processes, in seconds.
_LOOK_S = 0.2


def main(arguments: Sequence[str] | None = None) -> int:
    """The command; returns the exit code of ``myelin sweep``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tasks", description=__doc__)
    parser.add_argument("task", nargs="?", choices=NAMES, help="the task")
    parser.add_argument("tables", metavar="TABLE", nargs="*", help="tables of its plan (default: all)")
    parser.add_argument("--data", help="folder of the task's data")
    parser.add_argument("--out", type=Path, help="folder of the runs, one below it for each task")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time (default 2)")
    parser.add_argument("--only-table", action="store_true", help="train nothing: results of the runs that are finished")
    parser.add_argument("--quick", action="store_true", help="one seed, few epochs and samples: shows that it runs")
    parser.add_argument("--list", action="store_true", help="print the tables with their runs and parameters, train nothing")
    parser.add_argument("--page", action="store_true", help="write docs/results.md's tables and pictures from the results")
    parser.add_argument("--one-reference", nargs=2, metavar=("NAME", "SEED"), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.page:
        from benchmarks.tasks.page import write_page

        write_page(given.results)
        return 0
    if given.task is None or given.data is None or (given.out is None and not given.list):
        parser.error("TASK, --data and --out are needed")
    plan = quick(read_plan(given.task)) if given.quick else read_plan(given.task)
    unknown = [name for name in given.tables if name not in plan.tables]
    if unknown:
        parser.error(f"no table {unknown[0]!r} of {given.task}; there are {', '.join(plan.tables)}")
    tables = [plan.tables[name] for name in given.tables or plan.tables]
    try:
        if given.one_reference is not None:
            one_reference(plan, given.one_reference[0], int(given.one_reference[1]), given.data, given.out / plan.task)
            return 0
        if given.list:
            return listed(plan, tables, given.data)
        for table in tables:
            code = 0 if given.only_table else run_table(plan, table, given)
            if code:
                return code
            results = _collected(plan, table, given.out / plan.task, given.data)
            save(given.results / f"{plan.task}_{table.name}.json", results | {"quick": given.quick})
    except MyelinError as error:
        say(f"error: {error}")
        return error.exit_code
    return 0


def run_table(plan: TaskPlan, table: Table, given: argparse.Namespace) -> int:
    """Train the missing networks and references of a table; returns an exit code."""
    import myelin.cli

    out, data = given.out / plan.task, given.data
    file = given.out / f"{plan.task}_{table.name}.toml"
    write_sweep(plan, table, file, _classes(plan, data))
    how = ["--report", plan.report, "--jobs", str(given.jobs)]
    code = myelin.cli.main(["sweep", str(file), "--data", data, "--out", str(out), *how])
    return code or train_references(plan, table, given)


def train_references(plan: TaskPlan, table: Table, given: argparse.Namespace) -> int:
    """Train the missing references of a table in processes of one thread; returns 1 if one failed."""
    from benchmarks.tasks.collect import reference_file

    out = given.out / plan.task
    wanted = [(name, seed) for name in table.references for seed in plan.seeds_of(table)]
    waiting = [(name, seed) for name, seed in wanted if not reference_file(out, name, seed).is_file()]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    common = [sys.executable, "-m", "benchmarks.tasks", plan.task, table.name, "--data", given.data, "--out", str(given.out)]
    common += ["--quick"] if given.quick else []
    running: list[subprocess.Popen[bytes]] = []
    failed = False
    try:
        while waiting or running:
            while waiting and len(running) < given.jobs:
                name, seed = waiting.pop(0)
                words = [*common, "--one-reference", name, str(seed)]
                running.append(subprocess.Popen(words, env={**os.environ, **threads}))
            time.sleep(_LOOK_S)
            failed |= any(process.poll() for process in running)
            running = [process for process in running if process.poll() is None]
    finally:
        for process in running:
            process.terminate()
    return int(failed)


def one_reference(plan: TaskPlan, name: str, seed: int, data: str, out: Path) -> None:
    """Train one reference in this process."""
    import torch

    from benchmarks.tasks.collect import reference_file
    from benchmarks.tasks.reference import Plan, train_reference
    from myelin.train.config.task import resolve_for_data
    from myelin.train.datasets import load
    from myelin.train.run.start import training_data

    torch.set_num_threads(1)
    reference = plan.references[name]
    config = plan.config(reference.size_as, **{"train.seed": seed})
    dataset = training_data(data, config)
    config = resolve_for_data(config, dataset)
    report = load(data, plan.report, images=config.data.images, message_bits=config.data.message_bits)
    wanted = plan.parameters(reference.size_as, dataset.classes)
    place = reference_file(out, name, seed)
    train_reference(reference.kind, wanted, Plan(**reference.changes), config, dataset, report, place)


def listed(plan: TaskPlan, tables: Sequence[Table], data: str) -> int:
    """Print the tables."""
    classes = _classes(plan, data)
    for table in tables:
        runs = len(plan.seeds_of(table)) * (len(table.cases) + len(table.references))
        print(f"{plan.task} {table.name}: {table.title}; {runs} runs")
        for name in table.cases:
            print(f"    {name}: {plan.parameters(name, classes)} parameters")
    return 0


def _collected(plan: TaskPlan, table: Table, out: Path, data: str) -> dict[str, object]:
    from benchmarks.tasks.collect import table_of
    from myelin.train.run.start import training_data

    dataset = training_data(data, plan.config(table.cases[0]))
    facts = {"name": Path(dataset.name).name, "samples": len(dataset), "classes": dataset.classes, "task": dataset.task}
    return table_of(plan, table, out, data, facts)


def _classes(plan: TaskPlan, data: str) -> int:
    from myelin.train.run.start import training_data

    return int(training_data(data, plan.config(next(iter(plan.cases)))).classes)


if __name__ == "__main__":
    sys.exit(main())
