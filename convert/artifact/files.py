"""Atomic writing of folders, and file hashes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def atomic_folder(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary folder beside ``path`` to fill; it replaces ``path`` if the block succeeds, and is deleted otherwise.

    Python has no system call that replaces a folder with files in it.  An older folder is therefore moved aside first, and
    moved back if the new one cannot be moved.  Between the two moves ``path`` does not exist.  A process killed there leaves
    the older folder complete as ``.<name>.old.<random>/was`` and the new one as ``.<name>.<random>``, both beside ``path``.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    umask = os.umask(0)  # mkdtemp makes folders private; give this one the usual permissions
    os.umask(umask)
    os.chmod(temporary, 0o777 & ~umask)
    try:
        yield temporary
        if target.exists():
            _replace_folder(temporary, target)
        else:
            os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace_folder(new: Path, target: Path) -> None:
    """Replace ``target`` by ``new`` and delete the older ``target``; on failure ``target`` stays unchanged."""
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.old.", dir=target.parent))
    try:
        os.replace(target, aside / "was")
        os.replace(new, target)
    except BaseException:  # also an interrupt from the keyboard
        if (aside / "was").exists() and not target.exists():
            os.replace(aside / "was", target)
        with contextlib.suppress(OSError):  # not empty: then it holds the older folder, which must not be lost
            aside.rmdir()
        raise
    shutil.rmtree(aside, ignore_errors=True)


def sha256(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
