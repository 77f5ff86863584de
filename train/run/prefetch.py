"""Prepares the next item of an iterator in the background while the current one is used."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def prefetch(source: Iterator[T]) -> Iterator[T]:
    """The items of ``source``, in order; a background thread computes the next item while the caller uses the current one.

    An exception from ``source`` is raised in place of its item.  The compiled binning of events releases the GIL, so it runs in
    parallel with the training step.  The cost is the memory of one more item.
    """
    nothing = object()
    with ThreadPoolExecutor(1, "prefetch") as pool:
        following = pool.submit(next, source, nothing)
        while (item := following.result()) is not nothing:
            following = pool.submit(next, source, nothing)
            yield item  # type: ignore[misc]
