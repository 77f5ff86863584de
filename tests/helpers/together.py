"""What workers of pytest-xdist share: folders that one of them makes for all, and compiled code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock
from numba.core.caching import NullCache
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import Dispatcher


def shared_folder(factory: Any) -> Path:
    """Folder for temporary files that all workers of a session see; without workers, that of the session."""
    base = Path(factory.getbasetemp())
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def made_once(factory: Any, name: str, make: Callable[[Path], None]) -> Path:
    """``name`` in the shared folder, filled by ``make`` in whichever worker needs it first; the others wait for it.

    What it holds is for reading: a test that changes something copies it.
    """
    folder = shared_folder(factory) / name
    done = folder.with_name(f"{name}.done")
    with FileLock(f"{folder}.lock"):
        if not done.exists():
            folder.mkdir()  # a second try after a failure would not be the first one again: it fails here
            make(folder)
            done.touch()
    return folder


def compile_one_at_a_time(folder: Path) -> None:
    """Let processes that share ``folder`` compile a function one after another, so that each finds what another compiled.

    numba looks into its cache on disk, compiles, and writes there, without a lock: two processes that begin with the same
    function both compile it, and what the first one writes may be lost.
    """
    compile_here = Dispatcher.compile

    def compile_alone(dispatcher: Dispatcher, signature: Any) -> Any:
        if isinstance(dispatcher._cache, NullCache):
            return compile_here(dispatcher, signature)
        name = f"{dispatcher.py_func.__module__}.{dispatcher.py_func.__qualname__}.lock"
        # numba's own lock among threads comes first: a function takes it before it asks for those that it calls
        with global_compiler_lock, FileLock(folder / name):
            return compile_here(dispatcher, signature)

    Dispatcher.compile = compile_alone
