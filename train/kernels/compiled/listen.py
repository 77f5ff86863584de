"""Which compiled loops a computation needs: it runs once without them, and the types of their arguments are noted."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import numba
import numpy as np

from myelin.hw_configs.compiling.compilation import Needed

_here = threading.local()


@contextlib.contextmanager
def listening() -> Iterator[list[Needed]]:
    """The loops that this thread would run inside the block, each once per combination of types, in order of first use.

    None of them runs: what they would write over time, arrays of three or more axes, is zero.  So whatever the block computes
    is worthless, except for the shapes and types of it.
    """
    before, found = getattr(_here, "found", None), list[Needed]()
    _here.found = found
    try:
        yield found
    finally:
        _here.found = before


def noted(loop: Any, arguments: tuple[Any, ...]) -> bool:
    """Whether this thread listens; if so, the call ``loop(*arguments)`` is noted, and the caller leaves it out."""
    found = getattr(_here, "found", None)
    if found is None:
        return False
    need = Needed(loop, tuple(numba.typeof(argument) for argument in arguments))
    if need not in found:
        found.append(need)
    for argument in arguments:
        if isinstance(argument, np.ndarray) and argument.ndim > 2 and argument.flags.writeable:
            argument[...] = 0
    return True
