"""One line when compiling takes longer than a second: the first call of a loop on a machine would be long and silent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from numba.core import event

#: Seconds of compiling after which the line comes.
PATIENCE_S = 1.0
_LOG = logging.getLogger("myelin")


class CompileNotice(event.Listener):
    """Listens to numba and says once in a process that a function of Myelin is being compiled.

    The line is a warning of the logger ``myelin``, which Python shows on standard error unless the program sets up logging.
    """

    def __init__(self) -> None:
        self._here, self._told = threading.local(), threading.Event()

    def tell(self, line: str, say: Callable[[str], None] | None = None) -> None:
        """Give the user ``line`` through ``say``, or through the logger, and say nothing else from now on."""
        self._told.set()
        if say is None:
            _LOG.warning("myelin: %s", " ".join(line.split()))
        else:
            say(line)

    def on_start(self, event: Any) -> None:
        """Start to wait when the outermost function of this thread begins to be compiled."""
        depth = self._here.depth = getattr(self._here, "depth", 0) + 1
        function = event.data["dispatcher"].py_func
        if depth == 1 and not self._told.is_set() and str(function.__module__).startswith("myelin."):
            self._here.timer = threading.Timer(PATIENCE_S, self._wait_is_over, (f"{function.__module__}.{function.__name__}",))
            self._here.timer.daemon = True
            self._here.timer.start()

    def on_end(self, event: Any) -> None:
        """Stop waiting."""
        self._here.depth -= 1
        timer = self._here.__dict__.pop("timer", None) if self._here.depth == 0 else None
        if timer is not None:
            timer.cancel()

    def _wait_is_over(self, name: str) -> None:
        if not self._told.is_set():
            self.tell(
                f"compiling {name.removeprefix('myelin.')} for this machine: once, up to half a minute; later starts load it"
            )


#: The one listener of this process.
NOTICE = CompileNotice()
event.register("numba:compile", NOTICE)
