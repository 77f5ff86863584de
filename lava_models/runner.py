"""Runs of a network on Lava, on its CPU simulator or on Loihi 2, in a child process that cannot hang the caller."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

import myelin
from myelin.convert.inputs import checked_record, checked_spikes
from myelin.convert.network import Network
from myelin.convert.neurons import NEURONS
from myelin.convert.recording import Record, Recording
from myelin.hw_configs.errors import BackendError
from myelin.lava_models import checks, compat, loihi2
from myelin.lava_models.worker import Job, Sample

BACKENDS = ("cpu", "loihi2")
#: Names that cannot be recorded: Lava's neurons have no variable for their summed input.
UNRECORDABLE = tuple(dict.fromkeys(name for neuron in NEURONS.values() for name in neuron.INPUTS))
#: Longest time without progress on the CPU, in seconds.
_TIMEOUT_S = 120.0
_ROOT = Path(myelin.__file__).resolve().parents[1]


def run(
    network: Network,
    spikes: npt.ArrayLike,
    *,
    backend: str = "cpu",
    stock: bool = False,
    record: Record | None = None,
    lag_steps: int = 0,
    timeout_s: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Recording:
    """Run ``network`` from rest on every sample as Lava processes, one sample after another.

    Args:
        network: the network to run.
        spikes: (batch, steps, *input shape), or with the input shape flattened; bool or integers from 0 to
            ``network.input.max_value``.
        backend: "cpu", or "loihi2" for a board with Intel's lava-loihi.
        stock: on the CPU, use Lava's own models of delayed connections instead of ours; they compute the same integers more
            slowly.
        record: per layer index, the names to record, from the ``NAMES`` of its neurons without summed inputs; -1 is the
            input's neurons.
        lag_steps: the lag of a board's output behind the simulated output (``myelin.lava_models.board`` finds it).  The board
            runs this many extra steps, and the first ``lag_steps`` of its output are dropped.
        timeout_s: the longest time without progress, in seconds; 120 by default, 600 on a board.  Progress is the end of a
            piece of about one second, on a board the end of a sample.
        progress: called with the number of finished samples and the total number.

    Returns:
        Output, class scores and recorded values, in the alignment of ``myelin.convert.network``: index t is Lava's step t + 1.

    Raises:
        BackendError: Lava or lava-loihi is missing, a process failed, or there was no progress for ``timeout_s``.
        DataError: spikes or record do not fit the network.
        NetworkError: Lava's processes cannot hold the network.
    """
    with Worker(timeout_s) as worker:
        return worker.run(network, spikes, backend=backend, stock=stock, record=record, lag_steps=lag_steps, progress=progress)


class Worker:
    """A context manager that keeps one child process for several runs of networks with Lava.

    Its ``run`` does the same as ``myelin.lava_models.run`` and, after the first, saves the 0.8 s that starting Python and
    importing Lava take.  An error ends the child; the next run starts a new one.
    """

    def __init__(self, timeout_s: float | None = None) -> None:
        self.timeout_s = timeout_s
        self._child: _Child | None = None

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(kill=kind is not None)

    def run(
        self,
        network: Network,
        spikes: npt.ArrayLike,
        *,
        backend: str = "cpu",
        stock: bool = False,
        record: Record | None = None,
        lag_steps: int = 0,
        progress: Callable[[int, int], None] | None = None,
    ) -> Recording:
        """Run ``network`` as ``myelin.lava_models.run`` does."""
        if backend not in BACKENDS:
            raise BackendError(f"backend is {backend!r}; {' or '.join(map(repr, BACKENDS))} is allowed")
        values = np.ascontiguousarray(checked_spikes(network, spikes), np.int32)
        wanted = checked_record(network, record or {}, without=UNRECORDABLE)
        checks.check_network(network, int(values.max(initial=0)))
        if lag_steps < 0 or (lag_steps and backend != "loihi2"):
            raise BackendError(f"backend {backend}: lag_steps is {lag_steps}; 0 or more on loihi2, 0 elsewhere is allowed")
        if backend == "loihi2":
            loihi2.require()
            loihi2.check(network, values, wanted)
            values = loihi2.padded(network, values, lag_steps)
        else:
            compat.require_runs()
        job = Job(network, values, wanted, stock=stock, chip=backend == "loihi2")
        samples: list[Sample] = []
        if values.shape[0] and values.shape[1]:
            with contextlib.closing(self._samples(job)) as arriving:
                for sample in arriving:
                    samples.append(sample)
                    if progress is not None:
                        progress(len(samples), len(values))
        return loihi2.aligned(network, _recording(job, samples), lag_steps)

    def _samples(self, job: Job) -> Generator[Sample, None, None]:
        if self._child is None:
            self._child = _Child()
        try:
            self._child.send(job)
            while True:
                kind, value = self._child.receive(self.timeout_s or (loihi2.TIMEOUT_S if job.chip else _TIMEOUT_S))
                if kind == "error":
                    raise BackendError(value)
                if kind == "done":
                    return
                if kind == "sample":
                    yield value
        except BaseException:  # also an interrupt from the keyboard: no process may survive
            self.close(kill=True)
            raise

    def close(self, *, kill: bool = False) -> None:
        """End the child process and every process that Lava has started in it."""
        if self._child is not None:
            self._child.end(kill=kill)
            self._child = None


class _Child:
    """The child process, its pipe, and a file with its printed output."""

    def __init__(self) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.printed: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by end)
        path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from myelin.lava_models.worker import main; main()", str(theirs.fileno())],
            stdin=subprocess.PIPE,  # never written to: when it closes, the child knows that we have ended
            stdout=self.printed,
            stderr=self.printed,
            pass_fds=[theirs.fileno()],
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
        )
        theirs.close()

    def send(self, job: Job) -> None:
        """Send a job; raise BackendError if the child has ended."""
        try:
            self.pipe.send(job)
        except OSError:
            self.process.wait(5)
            raise BackendError(f"the process that runs Lava ended before it took its work{self._last_line()}") from None

    def receive(self, timeout_s: float) -> Any:
        """The child's next message; raises BackendError if the child dies or sends nothing for ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while not self.pipe.poll(0.05):
            if self.process.poll() is not None and not self.pipe.poll(0):
                raise BackendError(
                    f"the process that runs Lava died with exit code {self.process.returncode}{self._last_line()}"
                )
            if time.monotonic() > deadline:
                raise BackendError(
                    f"Lava made no progress for {timeout_s:g} s and was stopped{self._last_line()}; "
                    "a network that is only slow needs a larger timeout_s (`myelin board --timeout`)"
                )
        try:
            return self.pipe.recv()
        except EOFError:
            raise BackendError(f"the process that runs Lava ended without an answer{self._last_line()}") from None

    def _left_within(self, seconds: float) -> bool:
        """True if the child ends in that time; it is not reaped if the system allows this, so that its pid stays valid."""
        end = time.monotonic() + seconds
        while self.process.returncode is None and time.monotonic() < end:
            if hasattr(os, "waitid"):  # macOS has it from Python 3.13 on
                if os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                    return True
            else:
                self.process.poll()
            time.sleep(0.01)
        return self.process.returncode is not None

    def _last_line(self) -> str:
        self.printed.seek(0)
        lines = self.printed.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f" ({last})" if last else ""

    def end(self, *, kill: bool) -> None:
        """Ask the child to exit; with ``kill``, or if it does not exit, kill its whole session."""
        if not kill:
            with contextlib.suppress(OSError):
                self.pipe.send(None)
        elif self.process.poll() is None:
            self.process.terminate()  # it kills the processes it has started; see worker._end
        left = self._left_within(5)
        if kill or not left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                time.sleep(0.1)  # Python's resource tracker frees the shared memory after its clients have ended
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.pipe.close()
        self.printed.close()
        if self.process.stdin is not None:
            self.process.stdin.close()


def _recording(job: Job, samples: list[Sample]) -> Recording:
    """All samples as one recording; applies the last layer's axonal delays to the output."""
    network, last = job.network, job.network.layers[-1]
    lead = job.values.shape[:2]
    output = np.zeros((*lead, *last.shape), network.output_dtype)
    shapes = {index: network.input.shape if index < 0 else network.layers[index].shape for index in job.record}
    layers: dict[int, dict[str, npt.NDArray[Any]]] = {
        index: {
            name: np.zeros((*lead, *shapes[index]), network.spike_dtype(index) if name == "spikes" else np.int32)
            for name in names
        }
        for index, names in job.record.items()
    }
    for index, sample in enumerate(samples):
        output[index] = sample.output.reshape(lead[1], *last.shape)
        for layer, names in sample.recorded.items():
            for name, array in names.items():
                layers[layer][name][index] = array.reshape(lead[1], *shapes[layer])
    if last.delay_steps.any():
        from myelin.convert.simulator.loops import delayed  # compiled: loaded when needed

        sent, output = output, np.zeros_like(output)
        flat = (*lead, last.neurons)
        delayed(sent.reshape(flat), last.delays.reshape(-1), 0, output.reshape(flat))
    return Recording.of(network, output, layers)
