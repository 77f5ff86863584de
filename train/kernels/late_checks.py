"""Checks of values on a GPU that do not make the host wait: an error is raised as soon as the device has got there.

A check of a tensor's values costs little on the CPU.  On a GPU the host would wait in every layer for all that it has started,
and the GPU would then wait for the host.  So the answer is fetched in the background, and the next check raises the error if it
is there by then, or a check in the next training step.  ``settle`` raises it where the host waits anyway.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from myelin.hw_configs.errors import MyelinError
from myelin.train.kernels.devices import on_host


class _Pending(NamedTuple):
    """A check on its way: the answer on the host, what says that it is there (None: it is), and the error."""

    answer: Tensor
    there: torch.cuda.Event | None
    error: Callable[[], Exception]


_pending: deque[_Pending] = deque()


def check_later(good: Tensor, error: Callable[[], Exception]) -> None:
    """Raise ``error()`` soon unless ``good``, a single bool on a device, is True; first raises the errors of earlier checks.

    ``error`` is called when the answer is there, in a later step; it should not hold large tensors.
    """
    raise_late(wait=False)
    good, there = good.detach(), None
    if good.device.type == "cuda":
        answer = torch.empty(good.shape, dtype=torch.bool, pin_memory=True)
        answer.copy_(good, non_blocking=True)
        there = torch.cuda.Event()
        there.record(torch.cuda.current_stream(good.device))
        good = answer
    _pending.append(_Pending(good, there, error))


def require_finite(values: Tensor, what: str, cure: str = "lower the learning rate") -> None:
    """Raise MyelinError if a value is NaN or infinite; at once on the CPU."""
    if not on_host(values):
        check_later(torch.isfinite(values.detach()).all(), partial(_diverged, what, cure))
    elif not math.isfinite(float(values.detach().sum())):
        raise _diverged(what, cure)


def _diverged(what: str, cure: str) -> MyelinError:
    return MyelinError(f"{what} is NaN or infinite: training diverged; {cure}")


def settle() -> None:
    """Wait for all checks, and raise the error of the first that failed."""
    raise_late(wait=True)


def raise_late(*, wait: bool) -> None:
    """Raise the error of the first failed check among those whose answer is there; with ``wait``, among all."""
    while _pending and (wait or _pending[0].there is None or _pending[0].there.query()):
        answer, there, error = _pending.popleft()
        if there is not None:
            there.synchronize()
        if not (answer if answer.device.type == "cpu" else answer.cpu()).numpy().all():
            _pending.clear()  # what follows from it
            raise error()
