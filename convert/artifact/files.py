"""Atomic writing of folders, and file hashes."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from myelin.hw_configs import temporaries
from myelin.hw_configs.errors import MyelinError


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder beside ``path`` to fill; it replaces ``path`` if the block succeeds, and is deleted otherwise.

    On Linux and macOS an older folder and the new one change places in one step, so ``path`` is never absent.  Where the
    system or the file system cannot do that, the older folder is moved aside first, to ``.<name>.aside.part``, and the next
    process that writes ``path`` moves it back if this one is killed in between.

    Raises:
        MyelinError: another process is writing the same folder.
        OSError: it cannot be written.
    """
    target = Path(os.path.abspath(path))
    if Path.cwd().is_relative_to(target):  # a shell would stay in the older one, which is deleted
        raise OSError(errno.EBUSY, "it is, or holds, the working directory")
    with temporaries.parents_made(target):
        if temporaries.being_written(target):
            raise MyelinError(f"{os.fspath(path)}: another process is writing it; wait for it or end it")
        _bring_back(target)
        with temporaries.temporary(target, folder=True) as temporary:
            yield temporary
            temporaries.flush(temporary)
            if not target.exists():
                os.replace(temporary, target)
            elif not temporaries.exchange(temporary, target):
                _replace_folder(temporary, target)
            temporaries.flush_names(target.parent)  # before the older folder is deleted


def _aside(target: Path) -> Path:
    return target.with_name(f".{target.name}.aside{temporaries.PART}")


def _bring_back(target: Path) -> None:
    """End what a killed process began: move an older folder back, or delete it if the new one has its place."""
    aside = _aside(target)
    if not aside.is_dir():
        return
    if target.exists():
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.replace(aside, target)


def _replace_folder(new: Path, target: Path) -> None:
    """Replace ``target`` by ``new`` in two steps and delete the older one; on failure ``target`` stays unchanged."""
    aside = _aside(target)
    os.replace(target, aside)
    try:
        os.replace(new, target)
    except BaseException:  # also an interrupt from the keyboard
        if not target.exists():
            os.replace(aside, target)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
