"""Data-parallel training: the processes of a torchrun launch, their shares of a joint batch, and how they stop together.

A joint batch is cut into ``train.slices`` slices.  Each slice has its own forward and backward pass, in any process.  The
gradients are added in the order of the slices.  So any number of processes gives the same bits, provided that each process
uses the same number of threads (``OMP_NUM_THREADS``, which torchrun sets to 1, and ``NUMBA_NUM_THREADS``).

A failed run prints one message: the first process to fail registers in the launcher's store, and the others exit silently.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from myelin.hw_configs.errors import ConfigError, MyelinError

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
TIMEOUT_S = 600.0  # a process that does not answer for this long counts as lost


class LostProcess(MyelinError):
    """Another process of the run ended or no longer answers."""


class SilentExit(MyelinError):
    """This process exits without a message: another process of the run has reported the error."""

    told = True

    def __init__(self, exit_code: int) -> None:
        super().__init__("another process of this run has said why")
        self.exit_code = exit_code


@dataclass(frozen=True)
class Slices:
    """A joint batch of n samples in ``count`` slices, slice i from floor(i n / count) on; a process computes its ``own``."""

    count: int = 1
    own: range = range(1)

    def bounds(self, samples: int) -> list[tuple[int, int]]:
        """Bounds (first, end) of each own slice, ``end`` exclusive; a slice of a small batch may be empty."""
        return [(i * samples // self.count, (i + 1) * samples // self.count) for i in self.own]

    def span(self, samples: int) -> slice:
        """The samples of all own slices, which are adjacent."""
        return slice(self.own.start * samples // self.count, self.own.stop * samples // self.count)


#: A joint batch in one slice, for one process.
WHOLE = Slices()


@dataclass(frozen=True)
class Processes:
    """The processes of a run; a single one unless a launcher started more.

    Attributes:
        rank: number of this process, 0..size - 1.
        size: number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the first process, which writes files and prints."""
        return self.rank == 0

    def part(self, count: int, rank: int | None = None) -> range:
        """The indices out of ``count`` that belong to this process, or to process ``rank``; may be empty."""
        rank = self.rank if rank is None else rank
        return range(rank * count // self.size, (rank + 1) * count // self.size)

    def slices(self, count: int) -> Slices:
        """This process's slices of a batch."""
        return Slices(count, self.part(count))

    def gather(self, value: T) -> list[T]:
        """The ``value`` of every process, by rank; raises LostProcess if one is gone."""
        if self.size == 1:
            return [value]
        import torch.distributed as dist

        values: list[Any] = [None] * self.size
        with _together():
            dist.all_gather_object(values, value)
        return values

    def gather_rows(self, rows: torch.Tensor, count: int) -> torch.Tensor:
        """Rows (count, n) of all processes, from ``rows`` (own, n) of each; the rows are divided as in ``part(count)``."""
        if self.size == 1:
            return rows
        import torch
        import torch.distributed as dist

        most = -(-count // self.size)
        padded = rows.new_zeros(most, rows.shape[1])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        with _together():
            dist.all_gather(parts, padded)
        return torch.cat([part[: len(self.part(count, rank))] for rank, part in enumerate(parts)])

    def from_first(self, make: Callable[[], T]) -> T:
        """The result of ``make``, called on the first process and sent to all: only its machine needs the run's files."""
        values: list[Any] = [make() if self.first else None]
        if self.size > 1:
            import torch.distributed as dist

            with _together():
                dist.broadcast_object_list(values, src=0)
        return values[0]

    def agree(self, what: str, value: object) -> None:
        """Check that all processes hold the same ``value``; raises ConfigError if not."""
        for rank, other in enumerate(self.gather(value)):
            if other != value:
                raise ConfigError(f"{what} differ between processes {self.rank} and {rank}; start all with the same command")


#: The processes of a run without a launcher.
ALONE = Processes()


@contextlib.contextmanager
def process_group(timeout_s: float = TIMEOUT_S) -> Iterator[Processes]:
    """The connected processes of this run, started by torchrun or by a launcher that sets its variables; or a single process.

    The backend is gloo for tensors on the CPU and nccl on CUDA.  An error in one process ends all of them: the first one to
    fail raises its error with its rank, the others raise SilentExit.

    Args:
        timeout_s: time in seconds that a process waits for the others.

    Raises:
        ConfigError: the launcher's variables are wrong, or the processes do not find each other.
        LostProcess: another process was killed.
    """
    if os.environ.get("WORLD_SIZE", "1") == "1":
        yield ALONE
        return
    # otherwise the compiled loops of each process take all cores; numba reads the variable at its first import
    os.environ.setdefault("NUMBA_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
    import torch
    import torch.distributed as dist

    timeout = timedelta(seconds=timeout_s)
    try:
        found, rank, size = next(dist.rendezvous("env://", timeout=timeout))
        store = dist.PrefixStore("myelin", found)
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and dist.is_nccl_available() else "gloo"
        dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=timeout)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigError(f"the processes of this run did not find each other ({reason}); start them with torchrun") from error
    try:
        yield Processes(rank, size)
        with _together():
            dist.barrier()
    except BaseException as error:
        if not _has_the_word(store, rank):
            raise SilentExit(_exit_code(error)) from error
        if isinstance(error, MyelinError):
            error.args = (f"process {rank} of {size}: {error}",)
        raise
    dist.destroy_process_group()


def _exit_code(error: BaseException) -> int:
    return 130 if isinstance(error, KeyboardInterrupt) else error.exit_code if isinstance(error, MyelinError) else 2


def _has_the_word(store: Any, rank: int) -> bool:
    """Whether this process is the first one to fail."""
    try:
        return bool(store.compare_set("failed", "", str(rank)) == str(rank).encode())
    except RuntimeError:  # the process that kept the store is gone
        return True


@contextlib.contextmanager
def _together() -> Iterator[None]:
    """Turn the error of a broken connection into LostProcess, in one sentence."""
    try:
        yield
    except RuntimeError as error:
        raise LostProcess(
            f"another process of this run ended or does not answer ({str(error).splitlines()[0]}); "
            "continue with the same command and --resume"
        ) from error
