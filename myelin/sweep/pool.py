"""Runs of a sweep in parallel processes; a run that crashes or is killed is reported, and the others continue."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import myelin
from myelin.sweep.plan import RESULT_VERSION, PlannedRun, SweepPlan

_ROOT = Path(myelin.__file__).resolve().parents[1]
#: Variables that limit the threads of libraries; they are read at import, so they are set before a process starts.
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
#: Prefixes of a launcher's variables, which workers must not inherit: a single process trains each run.
_LAUNCHER = ("RANK", "WORLD_SIZE", "LOCAL_", "GROUP_", "ROLE_", "MASTER_", "TORCHELASTIC_")
#: Interval between two polls of the processes, and time limit for their end after a stop request, in seconds.
_LOOK_S, _END_S = 0.1, 10.0

#: Called when a run has ended: (run, error message or None).
Ended = Callable[[PlannedRun, str | None], None]


@dataclass(frozen=True)
class Workers:
    """Number of parallel processes, and of threads for each."""

    jobs: int
    threads: int

    @classmethod
    def choose(cls, jobs: int | None, processes_here: int = 1) -> Workers:
        """``jobs`` processes that share this machine's cores evenly.

        Without ``jobs``: one process per core, or fewer if the environment sets more threads for each.
        ``processes_here``: number of sweep processes that a launcher started on this machine, which share its cores.
        """
        cores = max(1, _cores() // processes_here)
        if jobs is not None:
            return cls(jobs, max(1, cores // jobs))
        asked = [os.environ[name] for name in THREAD_VARIABLES[:2] if os.environ.get(name, "").isdecimal()]
        threads = min(cores, max([1, *map(int, asked)]))
        return cls(max(1, cores // threads), threads)


def run_all(
    plan: SweepPlan, runs: Sequence[PlannedRun], workers: Workers, ended: Ended, look: Callable[[], None]
) -> dict[str, str]:
    """Run all ``runs``; returns run name -> error message for the failed ones.

    Args:
        plan: plan of the sweep.
        runs: runs to train, in this order.
        workers: number of processes and threads.
        ended: called as each run ends.
        look: called repeatedly in between.
    """
    waiting, running = deque(runs), list[_Worker]()
    failures: dict[str, str] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers.jobs:
                running.append(_Worker(plan, waiting.popleft(), workers.threads))
            for worker in [worker for worker in running if worker.process.poll() is not None]:
                running.remove(worker)
                failure = worker.failure(plan)
                if failure is not None:
                    failures[worker.run.name] = failure
                ended(worker.run, failure)
            look()
            if running:
                time.sleep(_LOOK_S)
    finally:  # after an interrupt or an error, leave no process running
        for worker in running:
            worker.end()
    return failures


class _Worker:
    """The process of one run; its output is appended to ``<run folder>.log``."""

    def __init__(self, plan: SweepPlan, run: PlannedRun, threads: int) -> None:
        self.run = run
        folder = plan.folder(run)
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.log = folder.with_name(f"{folder.name}.log")
        with open(self.log, "ab") as log:
            self.printed_before = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-m", "myelin.sweep.worker"],
                stdin=subprocess.PIPE,  # stays open after the job; its closing tells the child that the parent is gone
                stdout=log,
                stderr=subprocess.STDOUT,
                env=_environment(threads),
                start_new_session=True,  # Ctrl-C reaches only the parent
            )
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it has already ended; its exit code is checked later
            self.process.stdin.write(json.dumps(_job(plan, run)).encode() + b"\n")
            self.process.stdin.flush()

    def failure(self, plan: SweepPlan) -> str | None:
        """Error message of an ended process; None if it succeeded."""
        self._close_input()
        code = self.process.returncode
        if code == 0:
            return None if plan.result(self.run) is not None else f"ended without a result, see {self.log}"
        if code < 0:
            return f"killed by {signal.Signals(-code).name}, see {self.log}"
        lines = self.log.read_bytes()[self.printed_before :].decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), f"exit code {code} without a word")
        return last.strip().removeprefix("myelin: error: ")

    def end(self) -> None:
        """Stop the process: close its input, then kill it if it does not end."""
        self._close_input()
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _close_input(self) -> None:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # on Windows it is not a BrokenPipeError
            self.process.stdin.close()


def _job(plan: SweepPlan, run: PlannedRun) -> dict[str, Any]:
    point = plan.sweep.points[run.place]
    head = {
        "version": RESULT_VERSION,
        "fingerprint": run.fingerprint,
        "case": point.case,
        "grid": dict(point.grid),
        "seed": run.seed,
        "report": plan.report,
        "report_sha256": plan.facts.get("report_sha256"),
    }
    return {
        "config": run.config,
        "data": plan.data,
        "report": plan.report,
        "out": str(plan.folder(run)),
        "head": head,
    }


def _environment(threads: int) -> dict[str, str]:
    path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    ours = {name: value for name, value in os.environ.items() if not name.startswith(_LAUNCHER)}
    return ours | {"PYTHONPATH": path} | dict.fromkeys(THREAD_VARIABLES, str(threads))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
