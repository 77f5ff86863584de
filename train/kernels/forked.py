"""Compiled loops in a forked process: GNU OpenMP ends a process that was forked from one which has used it.

In such a child the loops run as serial twins, compiled from the same code, and torch uses one thread: its own threads would
wait for ever for those of the parent.  Spawned processes need none of this.
"""

from __future__ import annotations

import functools
import os
import types
from typing import Any

import numba
import torch

from myelin.train.kernels.listen import noted

_serial = False


def loop_here(loop: Any) -> Any:
    """``loop``, a function that numba compiled with ``parallel=True``, or its serial twin in a process that needs it."""
    chosen = _twin(loop) if _serial else loop

    def call(*arguments: Any) -> None:
        if not noted(chosen, arguments):
            chosen(*arguments)

    return call


@functools.cache
def _twin(loop: Any) -> Any:
    source = loop.py_func
    twin = types.FunctionType(source.__code__, source.__globals__, f"{source.__name__}_serial")
    twin.__qualname__, twin.__module__ = f"{source.__qualname__}_serial", source.__module__  # the name of its cache on disk
    return numba.njit(cache=True, error_model="numpy")(twin)


def _in_child() -> None:
    """Go over to serial loops if the parent has started GNU OpenMP's threads."""
    global _serial
    try:
        _serial = numba.threading_layer() == "omp"
    except ValueError:  # no loop has run yet: the child starts threads of its own
        return
    if _serial:
        torch.set_num_threads(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
