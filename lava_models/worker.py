"""The child process that runs Lava: it takes jobs from a pipe, reports progress and cleans up after itself.

``myelin.lava_models.runner`` starts it in its own session and passes the pipe's file descriptor as the argument.  Lava forks
one process for every process of the graph.  A fresh parent without torch keeps these forks cheap and free of foreign threads.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Network
from myelin.hw_configs.errors import BackendError, MyelinError
from myelin.lava_models import compat, loihi2

Array = npt.NDArray[Any]

#: Approximate duration of one piece of a run, in seconds.  Progress after each piece shows that the run does not hang.
_PIECE_S = 1.0
#: Shortest and longest pause between two polls of a run, in seconds.
_LOOK_S = (0.0002, 0.01)
#: How long to wait for the message of an exception after Lava has reported an error, in seconds.
_GRACE_S = 2.0


@dataclass(frozen=True)
class Job:
    """A network and its input: ``values`` (batch, steps, *input shape) int32, already checked."""

    network: Network
    values: npt.NDArray[np.int32]
    record: Mapping[int, tuple[str, ...]]
    stock: bool = False
    chip: bool = False


@dataclass(frozen=True)
class Sample:
    """The results of one sample: arrays (steps, *shape)."""

    output: Array
    recorded: dict[int, dict[str, Array]]


def run_job(job: Job, report: Callable[[str, Any], None]) -> None:
    """Run all samples; call ``report("sample", Sample)`` after each and ``report("steps", n)`` in between.

    A new graph is built for every sample.  This certainly clears u, v and every buffer of pending activations, and costs
    0.15 s on an idle machine.  Lava's ``Var.set`` would clear them number by number, 63 x N numbers for a delayed layer; it
    took twice as long for two recurrent layers of 256.  For a board, see ``myelin.lava_models.loihi2``.
    """
    from lava.magma.core.process.process import ProcessServer
    from lava.magma.core.process.variable import VarServer

    from myelin.lava_models.build import build, plan

    processes = plan(job.network, chip=job.chip)
    for values in job.values:
        graph = build(processes, values, job.record)
        try:
            graph.root.create_runtime(_run_config(job))
            _run_steps(graph.root, len(values), report, whole=job.chip)
            recorded = {index: {name: get() for name, get in names.items()} for index, names in graph.recorded.items()}
            sample = Sample(graph.output(), recorded)
            graph.root.stop()
        finally:
            ProcessServer().reset_server()  # the servers keep every process and variable ever created
            VarServer().reset_server()
        report("sample", sample)


def _run_config(job: Job) -> Any:
    if job.chip:
        return loihi2.run_config()
    from lava.magma.core.run_configs import Loihi2SimCfg

    from myelin.lava_models.layers.delayed_models import FAST_MODELS

    return Loihi2SimCfg(select_tag="fixed_pt", exception_proc_model_map={} if job.stock else FAST_MODELS)


def _run_steps(root: Any, steps: int, report: Callable[[str, Any], None], *, whole: bool) -> None:
    """Run ``steps`` time steps, in pieces unless ``whole``; watch for exceptions, on which Lava's blocking run would hang."""
    from lava.magma.core.run_conditions import RunSteps

    done, piece = 0, steps if whole else 1
    while done < steps:
        piece = min(piece, steps - done)
        started = time.perf_counter()
        root.run(RunSteps(num_steps=piece, blocking=False))
        _wait(root.runtime)
        done += piece
        report("steps", done)
        piece = max(1, int(piece * _PIECE_S / (time.perf_counter() - started)))


def _wait(runtime: Any) -> None:
    """Return when the run has ended; raise BackendError as soon as one of Lava's processes failed or died."""
    from lava.magma.runtime.mgmt_token_enums import MGMT_RESPONSE, enum_equal

    pause, failed_at = _LOOK_S[0], None
    while True:
        ports = runtime.service_to_runtime
        answered = [port for port in ports if port.probe()]
        if len(answered) == len(ports) and all(enum_equal(port.peek(), MGMT_RESPONSE.DONE) for port in answered):
            runtime.wait()
            return
        _raise_failure(runtime)
        if any(enum_equal(port.peek(), MGMT_RESPONSE.ERROR) for port in answered):
            # the message of the exception arrives shortly after the error response
            failed_at = failed_at or time.monotonic()
            if time.monotonic() - failed_at > _GRACE_S:
                raise BackendError("a Lava process reported an error without saying which")
        time.sleep(pause)
        pause = min(2 * pause, _LOOK_S[1])


def _raise_failure(runtime: Any) -> None:
    """Raise BackendError if a process of the graph has raised an exception or died."""
    names = [process.name for process in runtime._executable.proc_builders]
    for index, actor in enumerate(runtime._messaging_infrastructure.actors):
        name = names[index] if index < len(names) else "runtime service"
        if actor.exception:
            error = actor.exception[0]
            raise BackendError(f"Lava process '{name}' failed: {_one_line(error)}")
        if not actor.is_alive() and actor.exitcode:
            raise BackendError(f"Lava process '{name}' died with exit code {actor.exitcode}")


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _end(*_: Any) -> None:
    """Kill the processes Lava has forked and exit; Python's resource tracker survives SIGTERM and frees the shared memory."""
    try:
        for child in multiprocessing.active_children():
            child.kill()
        # processes the other thread has forked meanwhile: they share this session and have inherited this handler
        os.killpg(os.getpid(), signal.SIGTERM)
    finally:
        os._exit(1)


def _end_with_parent() -> None:
    """End when the parent has ended: its end of our standard input then closes."""
    os.read(0, 1)
    _end()


def main() -> None:
    """Serve jobs until the pipe sends None or closes."""
    signal.signal(signal.SIGTERM, _end)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    pipe = Connection(int(sys.argv[1]))
    prepared = False
    while (job := pipe.recv()) is not None:
        try:
            if not prepared:
                compat.prepare()
                prepared = True
            if job.chip:
                loihi2.connect_host()
            run_job(job, lambda kind, value: pipe.send((kind, value)))
            pipe.send(("done", None))
        except Exception as error:
            pipe.send(("error", str(error) if isinstance(error, MyelinError) else _one_line(error)))
            _end()
