"""The next item of an iterator made in the background while the one before is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetch(source: Iterator[T]) -> Iterator[T]:
    """The items of ``source``, in order, one ahead: a single thread asks for the next one while its user has the last.

    What ``source`` raises is raised in place of its item.  The compiled binning of events frees Python's lock, so that it runs
    beside the training step; memory is that of one more item.
    """
    nothing = object()
    with ThreadPoolExecutor(1, "prefetch") as pool:
        following = pool.submit(next, source, nothing)
        while (item := following.result()) is not nothing:
            following = pool.submit(next, source, nothing)
            yield item  # type: ignore[misc]
