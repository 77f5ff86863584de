"""The fastest settings of torch for an implementation: number of threads, and convolutions with or without oneDNN."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.backends.nnpack

from benchmarks.measure import best_of

#: Torch's default number of threads: one per core.
THREADS = torch.get_num_threads()


@dataclass(frozen=True)
class Settings:
    """Threads, and whether oneDNN is on (the default); for one channel it may take ten times as long as torch's loops."""

    threads: int = THREADS
    onednn: bool = True

    def __str__(self) -> str:
        return f"{self.threads} {'thread' if self.threads == 1 else 'threads'}{'' if self.onednn else ', without oneDNN'}"


@contextlib.contextmanager
def applied(settings: Settings) -> Iterator[None]:
    """A context in which torch uses ``settings``; the previous settings are restored after it."""
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the precision of GPUs
        # torch uses NNPACK if oneDNN is off; NNPACK transforms its sums, so they are not exact and spikes differ
        with torch.backends.mkldnn.flags(enabled=settings.onednn), torch.backends.nnpack.flags(enabled=False):
            yield
    torch.set_num_threads(before)


def fastest(call: Callable[[], Any], *, convolution: bool) -> Settings:
    """The settings with which ``call`` is fastest; each is tried three times."""
    seconds = {}
    for settings in (Settings(threads, onednn) for threads in {1, THREADS} for onednn in {True, not convolution}):
        with applied(settings):
            call()
            seconds[settings] = best_of(call, 2)
    return min(seconds, key=lambda settings: seconds[settings])
