"""The threads that run compiled loops: they sleep while there is nothing to do, and take chunks of samples in turn.

A loop is compiled for one thread and without Python's lock.  Every thread calls it with the same arguments; the first of these
is a counter from which it takes the next chunk, until none is left.  So a thread that the system interrupts, as beside other
busy processes, holds up its own chunk alone, and a thread that comes late finds nothing to do and is not waited for.

GNU OpenMP's threads, which numba and torch bring along, spin while they wait, and take the time that others need: those of our
loops, and beside other work the very thread that they wait for.  Torch keeps them for its own operations; ``_throttle`` makes
them sleep soon.  They also end a process that was forked from one which has used them; here a child starts threads of its own.
"""

from __future__ import annotations

import os
import threading
from queue import SimpleQueue
from typing import Any

import numba
import numpy as np
import torch

from myelin.train.kernels.compiled.listen import noted


class _Ticket:
    """An invitation to help with a loop; whoever claims it first, the helper or the caller who is done, decides."""

    def __init__(self, loop: Any, arguments: tuple[Any, ...]) -> None:
        self.loop, self.arguments = loop, arguments
        self.error: BaseException | None = None
        self._open, self._running = threading.Lock(), threading.Lock()
        self._running.acquire()

    def claim(self) -> bool:
        """Whether nobody has claimed it before."""
        return self._open.acquire(blocking=False)

    def help(self) -> None:
        """Run the loop, unless the caller is done already."""
        if not self.claim():
            return
        try:
            self.loop(*self.arguments)
        except BaseException as error:  # given to the caller
            self.error = error
        finally:
            self._running.release()

    def wait(self) -> None:
        """Wait for the helper, if it has begun; raises its error."""
        if self.claim():
            return
        self._running.acquire()
        if self.error is not None:
            raise self.error


_tickets: SimpleQueue[_Ticket] = SimpleQueue()
_helpers: list[threading.Thread] = []
_used = False


def threads() -> int:
    """Number of threads of a loop, ``NUMBA_NUM_THREADS``: by default the cores that this process may use."""
    return int(numba.config.NUMBA_NUM_THREADS)


def run(loop: Any, parts: int, *arguments: Any) -> None:
    """Run a compiled loop with ``parts`` chunks on all threads: ``loop(counter, *arguments)`` on each of them."""
    global _used
    given = (np.zeros(1, np.int64), *arguments)
    if noted(loop, given):
        return
    _used = True
    invited = min(threads(), parts) - 1
    while len(_helpers) < invited:
        helper = threading.Thread(target=_serve, args=(_tickets, len(_helpers)), name=f"myelin-{len(_helpers)}", daemon=True)
        _helpers.append(helper)
        helper.start()
    tickets = [_Ticket(loop, given) for _ in range(invited)]
    for ticket in tickets:
        _tickets.put(ticket)
    try:
        loop(*given)
    finally:
        for ticket in tickets:
            ticket.wait()


def _serve(tickets: SimpleQueue[_Ticket], number: int) -> None:
    if number == 0:
        _throttle()
    while True:
        tickets.get().help()


def _throttle() -> None:
    """Let GNU OpenMP's threads spin 1000 times instead of 300,000 before they sleep.

    That is what it does where it has more threads than there are cores (its manual, GOMP_SPINCOUNT).  This thread, which lives
    as long as the process, runs a small operation of torch, and so gets threads of its own, which then sleep.  An environment
    variable would do too, but only before torch is imported.
    """
    torch.zeros(1 << 17).add_(1)


def _in_child() -> None:
    """A forked process has none of the parent's threads, neither ours nor torch's, which it would wait for forever."""
    global _tickets
    _tickets = SimpleQueue()
    _helpers.clear()
    if _used:
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
