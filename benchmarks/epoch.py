"""Seconds of a training epoch, quiet and beside busy processes: ``python -m benchmarks.epoch DATA [--busy 2 4]``.

With ``--against TREE`` another checkout trains too.  Each trains in a process of its own, and they take turns, epoch by epoch;
the first epoch, which may compile, is not counted.  Busy processes have the same priority and do nothing but count.  A fair
share of two cores for two threads beside k of them is 2 / (2 + k), so an epoch of nothing but parallel work takes (2 + k) / 2
times as long.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import RESULTS, machine, save, say, spread

HERE = Path(__file__).resolve().parents[1]
#: What a tree runs: an epoch for every line that it reads.  Only names that every version has.
_WORKER = """
import json, sys, tempfile, time
from pathlib import Path
from myelin.train.run.memory import keep_freed_memory
from myelin.train.run.start import configuration, training_data
from myelin.train.run.training_run import TrainingRun
name, data, samples = sys.argv[1:]
keep_freed_memory()
config = configuration(name)
given = training_data(data, config)
run = TrainingRun(config, given if samples == "0" else given.subset(range(int(samples))), Path(tempfile.mkdtemp()) / "run")
run.start()
for epoch, _ in enumerate(sys.stdin):
    began = time.perf_counter()
    metrics = run.epoch(epoch)
    print(json.dumps([time.perf_counter() - began, metrics.loss]), flush=True)
"""


class Worker:
    """A process that trains with the code of ``tree``, an epoch at a time."""

    def __init__(self, tree: Path, experiment: str, data: Path, samples: int) -> None:
        self.tree = tree
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, experiment, str(data.resolve()), str(samples)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)},
        )  # fmt: skip

    def epoch(self) -> float:
        """Seconds of the next epoch."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.tree}: the training ended; its message is above")
        return float(json.loads(line)[0])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def busy(count: int) -> Iterator[None]:
    """Within this context, ``count`` processes count."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def measured(workers: Sequence[Worker], loads: Sequence[int], rounds: int) -> list[dict[str, Any]]:
    """Seconds of an epoch of every worker beside every number of busy processes, in turns, and ratios within the rounds."""
    for worker in workers:
        say(f"  first epoch: {worker.epoch():.2f} s")
    seconds: dict[tuple[int, int], list[float]] = {}
    for _ in range(rounds):
        for load in loads:
            with busy(load):
                for number, worker in enumerate(workers):
                    seconds.setdefault((number, load), []).append(worker.epoch())
                    say(f"  beside {load}: {seconds[number, load][-1]:.2f} s")
    rows = []
    for number, worker in enumerate(workers):
        for load in loads:
            own, quiet, first = (seconds[key] for key in ((number, load), (number, 0), (0, load)))
            rows.append(
                {
                    "tree": "this" if worker.tree == HERE else "other",
                    "busy": load,
                    "seconds": spread(own),
                    "times_quiet": spread([a / b for a, b in zip(own, quiet)]),
                    "this_is_faster": spread([a / b for a, b in zip(own, first)]),
                }
            )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.epoch", description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="folder or file to train on")
    parser.add_argument("--experiment", default="convdelrec", help="name or file of the configuration; convdelrec by default")
    parser.add_argument("--busy", type=int, nargs="*", default=[], help="numbers of busy processes beside it")
    parser.add_argument("--against", type=Path, help="another tree of the code, such as a worktree of an older commit")
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each; 3 by default")
    parser.add_argument("--samples", type=int, default=0, help="how many samples of the data; all by default")
    parser.add_argument("--json", type=Path, help="where to write; nothing by default, results/epoch.json with --save")
    parser.add_argument("--save", action="store_true", help="write results/epoch.json")
    given = parser.parse_args(arguments)
    loads = sorted({0, *given.busy})
    workers = [
        Worker(tree, given.experiment, given.data, given.samples)
        for tree in (HERE, *([given.against.resolve()] if given.against else []))
    ]
    try:
        rows = measured(workers, loads, given.rounds)
    finally:
        for worker in workers:
            worker.close()
    for row in rows:
        print(
            f"{row['tree']:5} beside {row['busy']}: {row['seconds']['median']:.2f} s ({row['seconds']['low']:.2f} to "
            f"{row['seconds']['high']:.2f}), {row['times_quiet']['median']:.2f} times its quiet epoch; this tree is "
            f"{row['this_is_faster']['median']:.2f} times as fast"
        )
    path = given.json or (RESULTS / "epoch.json" if given.save else None)
    if path is not None:
        save(path, {"benchmark": "epoch", "quick": False, "experiment": given.experiment, "machine": machine(), "rows": rows})


if __name__ == "__main__":
    main()
