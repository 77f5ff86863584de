"""Starts processes that compile the loops of a run while its data are read, and waits for them before the first step."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import myelin.train.needs_torch  # noqa: F401

from myelin.hw_configs.compiling.compilation import Needed
from myelin.hw_configs.compiling.compile_notice import NOTICE
from myelin.hw_configs.compiling.compiled_cache import TEMPORARY
from myelin.train.config.config import Config
from myelin.train.config.files import config_to_dict
from myelin.train.run.compiling.needed import needed_loops

#: Environment variable for the largest number of processes that compile; 0: none, each loop is compiled where it is first used.
WORKERS = "MYELIN_COMPILE_WORKERS"
#: No more processes than this, each of which takes some 300 MB: a run needs some five loops.
_MOST = 4
#: After this many seconds a run waits no longer, and compiles by itself.
_PATIENCE_S = 300.0


class Compilation:
    """Processes that compile; none if there is nothing to do.

    Attributes:
        needed: the loops that are compiled.
        afterwards: called once, when ``wait`` is over: what may be compiled while the run trains.
    """

    def __init__(self, needed: Sequence[Needed] = (), processes: Sequence[subprocess.Popen[bytes]] = ()) -> None:
        self.needed, self._processes = tuple(needed), list(processes)
        self.afterwards: Callable[[], None] = lambda: None

    def wait(self) -> None:
        """Wait until the loops are in numba's cache.

        A process that fails costs time only: the run compiles what is missing.
        """
        until = time.monotonic() + _PATIENCE_S
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, until - time.monotonic()))
        self.stop()
        self.afterwards()

    def stop(self) -> None:
        """End the processes that still run."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self._processes.clear()


@contextlib.contextmanager
def compiling(config: Config, say: Callable[[str], None] | None = None) -> Iterator[Compilation]:
    """Compile what a run with ``config`` needs and numba's cache lacks, during the block or until ``Compilation.wait``.

    Of several processes that a launcher started on a machine, the first one does it.

    Args:
        config: the configuration of the run.
        say: called with a line about what is compiled, but not if all of it is there; None to log it.
    """
    first = os.environ.get("LOCAL_RANK", "0") == "0"
    missing = [need for need in needed_loops(config) if not need.ready] if first else []
    if missing:
        NOTICE.tell(told(missing), say)
    compilation = Compilation(missing, _started(config, len(missing)))
    try:
        yield compilation
    finally:
        compilation.stop()


def told(needed: Sequence[Needed]) -> str:
    """The line about loops that are compiled."""
    names = list(dict.fromkeys(need.name for need in needed))
    listed = ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else names[0]
    what = "a loop" if len(names) == 1 else f"{len(names)} loops"
    once = "once; later runs start at once"
    if TEMPORARY is not None:  # neither the folder of Myelin nor the home can be written
        once = f"kept in {TEMPORARY} alone, since numba can write to no other cache; NUMBA_CACHE_DIR names a lasting one"
    return f"compiling     {what} for this machine ({listed}): {once}"


def workers() -> int:
    """Number of processes that may compile side by side: the cores of this process, within the limit of the user.

    ``MYELIN_COMPILE_WORKERS`` that is not a number counts as not set.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get(WORKERS, "")
    return min(int(asked) if asked.isdigit() else _MOST, _MOST, cores)


def _started(config: Config, count: int) -> list[subprocess.Popen[bytes]]:
    """Processes for ``count`` loops; none where one alone would have to do all, which this process can do as well."""
    number = min(workers(), count)
    return [] if number < 2 else start_workers("myelin.train.run.compiling.worker", config, number)


def start_workers(module: str, config: Config, number: int) -> list[subprocess.Popen[bytes]]:
    """``number`` processes that run ``main`` of ``module`` with ``config`` as JSON on their standard input; they print nothing.

    There may be fewer if the system allows no more.
    """
    root = str(Path(__file__).absolute().parents[4])  # not resolved: numba's cache knows a file by the path of its import
    program = f"import sys; sys.path.insert(0, {root!r}); from {module} import main; main()"
    job = json.dumps({"config": config_to_dict(config)}).encode()
    # one thread of BLAS and of loops each: they compile only
    alone = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    started = []
    for _ in range(number):
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | alone,
                start_new_session=True,  # Ctrl-C reaches only the parent, which ends them
            )
        except OSError:
            break
        started.append(process)
        assert process.stdin is not None
        with contextlib.suppress(OSError), process.stdin:  # it has ended; Windows has no error of its own for that
            process.stdin.write(job)
    return started
