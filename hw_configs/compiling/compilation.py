"""What numba has compiled: whether a function is in its cache on disk, and how processes that need the same share the work.

numba looks into its cache on disk, compiles, and writes there, without a lock: two processes that begin with the same function
both compile it.  Here a process takes a lock of the operating system for each function, which is free again when the process
ends, however it ends.

numba is imported inside the functions: ``import myelin`` does not load it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

try:
    import fcntl
except ImportError:  # Windows: processes do not wait for each other, and some functions are compiled twice
    fcntl = None  # type: ignore[assignment]


class Needed(NamedTuple):
    """A function that numba compiles (``numba.njit``), and the numba types of its arguments."""

    function: Any
    types: tuple[Any, ...]

    @property
    def name(self) -> str:
        """The function's name, for people."""
        return str(self.function.py_func.__name__)

    @property
    def ready(self) -> bool:
        """Whether it need not be compiled: it is in memory, or in the cache on disk."""
        return self.types in self.function.overloads or self._on_disk()

    def _on_disk(self) -> bool:
        cache = self.function._cache  # numba has no public way to ask without loading the code
        file, key = getattr(cache, "_cache_file", None), getattr(cache, "_index_key", None)
        if file is None or key is None:
            return False
        name = file._load_index().get(key(self.types, self.function.targetctx.codegen()))
        return name is not None and Path(cache.cache_path, name).is_file()

    def compile(self) -> None:
        """Compile it, or load it from the cache on disk."""
        self.function.compile(self.types)


def cache_folder(function: Any) -> Path | None:
    """Folder of numba's cache on disk for ``function``; None if it is not cached."""
    path = function.stats.cache_path
    return None if path is None else Path(path)


@contextlib.contextmanager
def alone(function: Any, *, wait: bool = True) -> Iterator[bool]:
    """Hold the lock of ``function`` among the processes that share its cache; whether it is held, always so with ``wait``.

    Without file locks, or where none can be made, as in a folder that is full, it counts as held.  One thread of a process
    uses it.
    """
    path = _lock_path(function)
    if path is None or path in _held:
        yield True
        return
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        file = open(path, "ab")  # noqa: SIM115 (closed below)
    except OSError:
        yield True
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # a file system without locks
            pass
        _held.add(path)
        try:
            yield True
        finally:
            _held.remove(path)


#: Locks of this process: the system would let it wait for itself.
_held: set[Path] = set()


def _lock_path(function: Any) -> Path | None:
    folder = cache_folder(function)
    if fcntl is None or folder is None:
        return None
    text = f"{folder}\0{function.py_func.__code__.co_filename}\0{function.py_func.__qualname__}"
    return Path(tempfile.gettempdir(), f"myelin-{os.getuid()}", f"{hashlib.sha256(os.fsencode(text)).hexdigest()[:32]}.lock")


def share_compilation() -> None:
    """Let this process compile a function only while no other one does; then it finds in the cache what the other compiled.

    For processes that do nothing but compile, and for tests that run side by side: it changes numba's ``Dispatcher``.
    """
    from numba.core.caching import NullCache
    from numba.core.compiler_lock import global_compiler_lock
    from numba.core.dispatcher import Dispatcher

    compile_here = Dispatcher.compile

    def compile_alone(dispatcher: Any, signature: Any) -> Any:
        if isinstance(dispatcher._cache, NullCache):
            return compile_here(dispatcher, signature)
        # numba's own lock among threads comes first: a function takes it before it asks for those that it calls
        with global_compiler_lock, alone(dispatcher):
            return compile_here(dispatcher, signature)

    Dispatcher.compile = compile_alone  # type: ignore[method-assign, assignment]
