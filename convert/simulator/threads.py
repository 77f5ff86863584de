"""The threads of runs from rest: helpers that wait between calls, and BLAS on one thread while several of ours use it."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

T = TypeVar("T")
R = TypeVar("R")


def cores() -> frozenset[int]:
    """The processor cores that this thread may use."""
    return frozenset(os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1))


def shared(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Yield ``work(item)`` for all ``items``, as they are done, by this thread and a helper on each of its other cores.

    This thread works too, so no call waits for helpers that are busy with another.  After an error nobody begins another item;
    the error is raised here when all have ended.
    """
    available = cores()
    if len(items) < 2 or len(available) == 1:
        yield from map(work, items)
        return
    left, done = deque(items), deque[R]()

    def take() -> bool:
        """Do one more item; False if none is left."""
        try:
            item = left.popleft()
        except IndexError:
            return False
        try:
            done.append(work(item))
        except BaseException:
            left.clear()
            raise
        return True

    def help_out() -> None:
        while take():
            pass

    pool = _helpers(os.getpid(), available)
    helpers = [pool.submit(help_out) for _ in range(min(len(available), len(items)) - 1)]
    running = helpers
    try:
        while take():
            while done:
                yield done.popleft()
    finally:
        left.clear()
        running = [helper for helper in helpers if not helper.cancel()]
        wait(running)
    for helper in running:
        helper.result()
    yield from done


@lru_cache(maxsize=4)
def _helpers(process: int, available: frozenset[int]) -> ThreadPoolExecutor:
    """Helpers for the threads of a process that may use these cores, as they may themselves: they begin in such a thread.

    To start them takes as long as some hundred steps of a small network, so they stay; waiting, they take no time.  The
    threads of a process do not live on in its forks.
    """
    return ThreadPoolExecutor(len(available) - 1, thread_name_prefix="myelin-simulate")


class OneBlasThread:
    """Limits BLAS to one thread from the first product to the end of the block: several of our threads compute them.

    The limit itself costs more than a step of a small network, so a run without products does not set it.  It holds for the
    whole process: of runs at the same time, the first to begin sets it, and the last to end takes it back.
    """

    _lock: ClassVar[threading.Lock] = threading.Lock()
    _users: ClassVar[int] = 0
    _limit: ClassVar[Any] = None

    def __init__(self) -> None:
        self._begun = False

    def begin(self) -> None:
        """Set the limit, if it is not set yet."""
        with OneBlasThread._lock:
            if self._begun:
                return
            self._begun = True
            if not OneBlasThread._users:
                OneBlasThread._limit = _blas().limit(limits=1)
            OneBlasThread._users += 1

    def __enter__(self) -> None:
        return None

    def __exit__(self, *error: object) -> None:
        with OneBlasThread._lock:
            if self._begun:
                OneBlasThread._users -= 1
                if not OneBlasThread._users:
                    OneBlasThread._limit.restore_original_limits()
                self._begun = False


@cache
def _blas() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


def _renew_lock() -> None:
    """In a fork: a thread that does not live on may hold the lock."""
    OneBlasThread._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)
