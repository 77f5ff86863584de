"""Files that appear whole or not at all: what every stage writes with."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from myelin.hw_configs.errors import ConfigError


@contextlib.contextmanager
def atomic_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary path beside ``path`` to write to; moved over ``path`` when the block ends well, deleted when it does not.

    Missing parent folders are made; the file has the permissions of any other.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}{target.suffix}")
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        yield temporary
        with open(temporary, "r+b") as written:  # Windows flushes only what may be written
            os.fsync(written.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(path: str | os.PathLike[str], *, wait: bool = True) -> Iterator[bool]:
    """Whether this process holds the lock of that file until the block ends; the system frees it however the process ends.

    The file is made where it is missing, and stays.

    Args:
        path: of the lock; missing parent folders are made.
        wait: whether to wait for another process that holds it; if not, False comes back at once.

    Raises:
        OSError: the file cannot be made.
    """
    from filelock import FileLock, Timeout  # 20 ms to import: only whoever locks pays

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
    """Write ``content``; the file is whole or as it was.  Raises OSError where it cannot be written."""
    with atomic_file(path) as temporary:
        temporary.write_bytes(content)


def write_json(path: str | os.PathLike[str], values: Mapping[str, Any]) -> None:
    """Write ``values`` as JSON; the file is whole or as it was.  Raises ConfigError where it cannot be written."""
    try:
        write_atomically(path, (json.dumps(values, indent=2) + "\n").encode())
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}") from error
