"""Atomic file writes, used by every stage, and a file lock."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath
from typing import IO, Any

from myelin.hw_configs import temporaries
from myelin.hw_configs.errors import ConfigError, MyelinError
from myelin.hw_configs.reading.bounds import PIPE_S

#: Start of the text that Git LFS leaves in place of a file.
_LFS = b"version https://git-lfs.github.com/spec/"


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path``; when the block ends without an error it replaces ``path``, otherwise it is deleted.

    Missing parent folders are made, and removed again if the block fails; the file has the default permissions.  A symbolic
    link stays, and its file is replaced.
    """
    target = linked(Path(path))
    if not target.name or target.is_dir():  # no name: "" and "."
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    with temporaries.parents_made(target), temporaries.temporary(target) as temporary:
        yield temporary
        temporaries.flush(temporary)
        os.replace(temporary, target)
    temporaries.flush_names(target.parent)


def linked(path: Path) -> Path:
    """The path that a symbolic link leads to, or ``path``; raises OSError for links that lead in a circle."""
    if not path.is_symlink():
        return path
    found = Path(os.path.realpath(path))
    if found.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return found


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], *, wait: bool = True) -> Iterator[bool]:
    """Whether this process has the lock of the file ``path``, until the block ends.

    The system releases the lock when the process ends, even after a crash.  The file is made if it is missing, and is kept.

    Args:
        path: the lock file; missing parent folders are made.
        wait: whether to wait while another process has the lock; without waiting, the value is False in that case.

    Raises:
        OSError: the file cannot be made.
    """
    from filelock import FileLock, Timeout  # takes 20 ms to import, so only when locking

    lock = FileLock(path, timeout=-1 if wait else 0)
    try:
        lock.acquire()
    except Timeout:
        yield False
        return
    except NotImplementedError:  # so filelock says that the file system has none
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), os.fspath(path)) from None
    try:
        yield True
    finally:
        lock.release()


@contextlib.contextmanager
def alone_in(folder: str | os.PathLike[str], doing: str) -> Iterator[None]:
    """Keep other processes out of ``folder``, which is made if it is missing, until the block ends.

    The lock is a file in the folder, ``.lock``, which stays; if the block fails before it has made anything in the folder, the
    lock goes too, and so do the folders that were made for it.

    Raises:
        MyelinError: another process is in the folder; ``doing`` says what it does, such as "trains this run".
        OSError: the folder or the file cannot be made.
    """
    lock = Path(folder) / ".lock"
    before = _names(lock.parent)
    with temporaries.parents_made(lock), locked(lock, wait=False) as held:
        if not held:
            raise MyelinError(f"{os.fspath(folder)}: another process {doing}; wait for it or end it")
        try:
            yield
        except BaseException:
            if lock.name not in before and _names(lock.parent) <= before | {lock.name}:
                with contextlib.suppress(OSError):  # Windows removes no open file
                    lock.unlink()
            raise


def _names(folder: Path) -> set[str]:
    """What is in ``folder``; nothing if it cannot be listed."""
    try:
        return set(os.listdir(folder))
    except OSError:
        return set()


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path`` atomically; a device or a pipe, such as /dev/stdout, is written to and not replaced.

    Raises:
        OSError: it cannot be written.
    """
    place = Path(path)
    if (stream := _open_stream(place)) is not None:
        for standard in (sys.stdout, sys.stderr):
            standard.flush()  # what was printed before comes before
        with open(os.dup(stream), "wb") as opened:
            opened.write(content)
        return
    if place.exists() and not place.is_file() and not place.is_dir():
        with _pipe(place) if place.is_fifo() else open(place, "wb") as opened:
            opened.write(content)
        return
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def _pipe(path: Path) -> IO[bytes]:
    """A pipe to write to; OSError if nobody reads from it within ``PIPE_S``: to open it would wait for ever."""
    end = time.monotonic() + PIPE_S
    while True:
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() > end:
                raise OSError(errno.ENXIO, f"it is a pipe, and nobody read from it for {PIPE_S} s", os.fspath(path)) from None
            time.sleep(0.05)
        else:
            os.set_blocking(descriptor, True)
            return open(descriptor, "wb")


def write_together(contents: Iterable[tuple[str | os.PathLike[str], bytes]]) -> None:
    """``write_atomically`` for several files: none is replaced before all are written, so that a full disk replaces none.

    Raises:
        OSError: one cannot be written.
    """
    with contextlib.ExitStack() as replaced:
        for path, content in contents:
            if _open_stream(Path(path)) is not None or (Path(path).exists() and not Path(path).is_file()):
                write_atomically(path, content)
            else:
                replaced.enter_context(atomic_file(path)).write_bytes(content)


def _open_stream(path: PurePath) -> int | None:
    """The number of the open file that ``path`` names, such as 1 for /dev/stdout, which may be a plain file; else None."""
    names = {f"/dev/{name}": number for number, name in enumerate(("stdin", "stdout", "stderr"))}
    text = path.as_posix()  # on Windows too
    for start in ("/dev/fd/", "/proc/self/fd/"):
        if text.startswith(start) and text.removeprefix(start).isdecimal():
            return int(text.removeprefix(start))
    return names.get(text)


def check_plain(path: str | os.PathLike[str]) -> None:
    """Raise OSError if ``path`` is a pipe, a socket or a device: to read from one can last for ever."""
    kind = os.stat(path).st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        raise OSError(errno.EINVAL, "it is a pipe or a device; name a file", os.fspath(path))


def content_of(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a file; raises OSError if it cannot be read or is no plain file."""
    check_plain(path)
    return Path(path).read_bytes()


def check_not_pointer(path: str | os.PathLike[str], error: type[MyelinError]) -> None:
    """Raise ``error`` with the cure if ``path`` is the small text that Git LFS leaves in place of a file."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(_LFS))
    except OSError:
        return  # its reader reports that
    if start == _LFS:
        raise error(f"{os.fspath(path)} is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository")


def json_bytes(values: Mapping[str, Any]) -> bytes:
    """``values`` as the content of a JSON file."""
    return (json.dumps(values, indent=2) + "\n").encode()


def write_json(path: str | os.PathLike[str], values: Mapping[str, Any]) -> None:
    """Write ``values`` to ``path`` as JSON, atomically; raises ConfigError if it cannot be written."""
    try:
        write_atomically(path, json_bytes(values))
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
