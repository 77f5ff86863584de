"""Import this before numba compiles: Python then looks for garbage less often while numba does.

numba makes so many objects that the search for cycles among them, and among all that torch and numba hold, takes a fifth of the
time of compiling.
"""

from __future__ import annotations

import gc
from typing import Any

from numba.core import event

#: New objects, and collections of the younger generation, that start a collection while numba compiles; see ``gc``.
THRESHOLDS = (20_000, 20, 20)


class FewerCollections(event.Listener):
    """Listens to numba; it compiles in one thread at a time, and a function inside those that it calls."""

    def __init__(self) -> None:
        self._depth, self._before = 0, gc.get_threshold()

    def on_start(self, event: Any) -> None:
        """Raise the thresholds when the outermost function begins, unless they are higher or the search is off."""
        if self._depth == 0:
            self._before = gc.get_threshold()
            if 0 < self._before[0] < THRESHOLDS[0]:
                gc.set_threshold(*THRESHOLDS)
        self._depth += 1

    def on_end(self, event: Any) -> None:
        """Set back what it was."""
        self._depth -= 1
        if self._depth == 0:
            gc.set_threshold(*self._before)


event.register("numba:compile", FewerCollections())
