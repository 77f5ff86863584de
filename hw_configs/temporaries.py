"""Temporary files and folders that are known by their names and locked while they are written.

A name is ``.<name of the target>.<8 hexadecimal digits>.part``, beside the target.  The system frees the lock of a process
however it ends.  So whoever writes the same target next knows what a killed process left, and removes that and nothing else.
Where the system has no such locks, nothing is removed.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import re
import secrets
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

#: End of the names.
PART = ".part"
_MADE = re.compile(r"\..+\.[0-9a-f]{8}" + re.escape(PART))
#: Longest file name in bytes, the same in all common file systems.
_LONGEST_NAME = 255
_EXCHANGE_LINUX, _EXCHANGE_MAC = 2, 2
_HERE = -100  # AT_FDCWD: paths are relative to the working directory


@contextlib.contextmanager
def temporary(target: Path, *, folder: bool = False, private: bool = False) -> Iterator[Path]:
    """A new empty file or folder beside ``target``; what still has its name when the block ends is deleted.

    What killed processes left of the same target is removed first.  The new one is locked with a shared lock, which does not
    keep HDF5 from reading it.  A ``private`` folder is for this user alone.
    """
    remove_left(target)
    path, lock = _made(target, folder, private)
    try:
        yield path
    finally:
        _delete(path)
        if lock is not None:
            os.close(lock)


@contextlib.contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """A new empty folder among the system's temporary ones, deleted when the block ends; those of killed processes are too."""
    with temporary(Path(tempfile.gettempdir()) / f"myelin-{purpose}", folder=True, private=True) as path:
        yield path


@contextlib.contextmanager
def parents_made(path: Path) -> Iterator[None]:
    """Make the folders above ``path`` that are missing; if the block fails, those of them that are empty are removed again."""
    missing = [folder for folder in path.parents if not os.path.lexists(folder)]  # the innermost first
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):  # it holds something
                folder.rmdir()
        raise


def remove_left(target: Path) -> None:
    """Remove what killed processes left of ``target``, beside it."""
    prefix = _prefix(target.name)
    for path in _parts(target.parent):
        if path.name.startswith(prefix) and len(path.name) == len(prefix) + 8 + len(PART):
            _remove_if_left(path)


def remove_all_left(folder: Path) -> None:
    """Remove what killed processes left of any target in ``folder``."""
    for path in _parts(folder):
        _remove_if_left(path)


def being_written(target: Path) -> bool:
    """Whether another process has a temporary file or folder of ``target`` now; False where there are no locks to tell."""
    if fcntl is None:
        return False
    prefix = _prefix(target.name)
    return any(path.name.startswith(prefix) and not _free(path) for path in _parts(target.parent))


def exchange(one: Path, other: Path) -> bool:
    """Give each of two paths the content of the other, in one step; False if the system cannot, and nothing has changed."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        names = os.fsencode(one), os.fsencode(other)
        if sys.platform == "darwin":
            return library.renamex_np(*names, _EXCHANGE_MAC) == 0  # type: ignore[no-any-return]
        return library.renameat2(_HERE, names[0], _HERE, names[1], _EXCHANGE_LINUX) == 0
    except (AttributeError, OSError, TypeError):  # no such call; Windows has no library of that name
        return False


def flush(path: Path) -> None:
    """Wait until a file, or a folder with all in it, is on the disk; for a folder as far as its file system can."""
    if path.is_dir():
        for entry in path.iterdir():
            flush(entry)
        flush_names(path)
        return
    with open(path, "r+b") as written:  # Windows flushes only writable files
        os.fsync(written.fileno())


def flush_names(folder: Path) -> None:
    """Wait until the names in ``folder`` are on the disk, as far as the file system can: of use only after a power cut."""
    with contextlib.suppress(OSError):  # Windows opens no folder; some file systems flush none
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def _made(target: Path, folder: bool, private: bool) -> tuple[Path, int | None]:
    """A new path and the descriptor that holds its lock, or None where there are none."""
    while True:
        path = target.with_name(f"{_prefix(target.name)}{secrets.token_hex(4)}{PART}")
        try:
            if folder:
                path.mkdir(0o700 if private else 0o777)
            else:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        except FileExistsError:
            continue
        if fcntl is None:
            return path, None
        try:
            lock = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            continue  # taken for left behind, before it was locked
        with contextlib.suppress(OSError):  # a file system without locks: nobody can lock it, so nobody removes it
            fcntl.flock(lock, fcntl.LOCK_SH)
        if _is(path, lock):
            return path, lock
        os.close(lock)


def _prefix(name: str) -> str:
    """Start of the temporary names of ``name``; a hash stands for a name that is too long for one."""
    encoded = os.fsencode(name)
    if len(encoded) + 10 + len(PART) > _LONGEST_NAME:
        name = hashlib.sha256(encoded).hexdigest()[:32]
    return f".{name}."


def _parts(folder: Path) -> list[Path]:
    """All paths in ``folder`` that are named as temporary ones."""
    try:
        return [folder / name for name in os.listdir(folder) if name.endswith(PART) and _MADE.fullmatch(name)]
    except OSError:
        return []


def _free(path: Path) -> bool:
    """Whether nobody holds the lock of ``path``; False where that cannot be told."""
    with _locked(path) as held:
        return held


def _remove_if_left(path: Path) -> None:
    with _locked(path) as held:
        if held:
            _delete(path)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Whether this process alone holds the lock of ``path``, a file or a folder, until the block ends."""
    opened = None
    held = False
    if fcntl is not None:
        with contextlib.suppress(OSError):
            kind = path.lstat().st_mode
            if stat.S_ISREG(kind) or stat.S_ISDIR(kind):
                flags = os.O_RDONLY if stat.S_ISDIR(kind) else os.O_RDWR  # some file systems lock only what may be written
                opened = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = _is(path, opened)
    try:
        yield held
    finally:
        if opened is not None:
            os.close(opened)


def _is(path: Path, opened: int) -> bool:
    """Whether ``path`` still names the file or folder that is open."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(opened))
    except OSError:
        return False


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
