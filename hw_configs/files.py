"""Atomic file writes, used by every stage, and a file lock."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from myelin.hw_configs.errors import ConfigError, MyelinError

#: Start of the text that Git LFS leaves in place of a file.
_LFS = b"version https://git-lfs.github.com/spec/"


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path``; when the block ends without an error it replaces ``path``, otherwise it is deleted.

    Missing parent folders are made; the file has the default permissions.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{target.suffix}")
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield temporary
        with open(temporary, "r+b") as written:  # Windows flushes only writable files
            os.fsync(written.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


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
    try:
        yield True
    finally:
        lock.release()


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write ``content`` to ``path`` atomically; a device or a pipe, such as /dev/stdout, is written to and not replaced.

    Raises:
        OSError: it cannot be written.
    """
    if (place := Path(path)).exists() and not place.is_file() and not place.is_dir():
        with open(place, "wb") as stream:
            stream.write(content)
        return
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def check_not_pointer(path: str | os.PathLike[str], error: type[MyelinError]) -> None:
    """Raise ``error`` with the cure if ``path`` is the small text that Git LFS leaves in place of a file."""
    try:
        with open(path, "rb") as file:
            start = file.read(len(_LFS))
    except OSError:
        return  # its reader reports that
    if start == _LFS:
        raise error(f"{os.fspath(path)} is a Git LFS pointer, not the file itself; run `git lfs pull` in its repository")


def write_json(path: str | os.PathLike[str], values: Mapping[str, Any]) -> None:
    """Write ``values`` to ``path`` as JSON, atomically; raises ConfigError if it cannot be written."""
    try:
        write_atomically(path, (json.dumps(values, indent=2) + "\n").encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
