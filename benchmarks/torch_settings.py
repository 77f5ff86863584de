"""What suits torch best where others run: how many threads, and whether oneDNN makes its convolutions."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.backends.nnpack

from benchmarks.measure import best_of

#: Threads that torch takes by itself: one a core.
THREADS = torch.get_num_threads()


@dataclass(frozen=True)
class Settings:
    """Threads, and whether oneDNN is on, as it is by itself; for one channel it may take ten times as long as torch's loops."""

    threads: int = THREADS
    onednn: bool = True

    def __str__(self) -> str:
        return f"{self.threads} {'thread' if self.threads == 1 else 'threads'}{'' if self.onednn else ', without oneDNN'}"


@contextlib.contextmanager
def applied(settings: Settings) -> Iterator[None]:
    """While open, torch runs with ``settings``; then as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(settings.threads)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the precision of GPUs
        # NNPACK, which torch takes where oneDNN is off, transforms its sums: they are not exact, and spikes differ
        with torch.backends.mkldnn.flags(enabled=settings.onednn), torch.backends.nnpack.flags(enabled=False):
            yield
    torch.set_num_threads(before)


def fastest(call: Callable[[], Any], *, convolution: bool) -> Settings:
    """The settings under which ``call`` is fastest, each tried three times."""
    seconds = {}
    for settings in (Settings(threads, onednn) for threads in {1, THREADS} for onednn in {True, not convolution}):
        with applied(settings):
            call()
            seconds[settings] = best_of(call, 2)
    return min(seconds, key=lambda settings: seconds[settings])
