"""Prepares the next item of an iterator in the background while the current one is used, on a GPU up to its copy there."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import myelin.train.needs_torch  # noqa: F401

import torch
from torch import cuda

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


def prefetch_to(device: torch.device, source: Iterator[Any]) -> Iterator[Any]:
    """As ``prefetch`` for batches, whose ``spikes`` arrive on ``device``.

    On a GPU the background thread also copies them: from memory that the system cannot move, on a stream of its own, so that
    neither the host nor the GPU waits.  Labels stay on the CPU.
    """
    if device.type != "cuda":
        for batch in prefetch(source):
            yield batch._replace(spikes=batch.spikes.to(device))
        return
    stream = cuda.Stream(device)
    for batch, copied in prefetch(_copy(batch, device, stream) for batch in source):
        current = cuda.current_stream(device)
        current.wait_event(copied)
        batch.spikes.record_stream(current)  # its memory is free when the step that uses it is done
        yield batch


def _copy(batch: Any, device: torch.device, stream: Any) -> tuple[Any, Any]:
    """``batch`` with its spikes on the GPU, and the event after which they are there."""
    with cuda.stream(stream):
        there = batch._replace(spikes=batch.spikes.pin_memory().to(device, non_blocking=True))
        copied = cuda.Event()
        copied.record(stream)
    return there, copied
