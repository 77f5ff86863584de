"""Folders that appear whole, and the hash of a file."""

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
    """A temporary folder beside ``path`` to fill; takes its place when the block ends well, deleted when it does not.

    No system call of Python's replaces a folder that holds files, so an older one is moved aside first, and back if the new
    one cannot be moved.  Between those two moves ``path`` does not exist: a process killed there leaves the older folder whole
    as ``.<name>.old.<random>/was`` and the new one as ``.<name>.<random>``, beside ``path``.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    umask = os.umask(0)  # mkdtemp makes folders private; give this one the permissions of any other
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
    """Move ``new`` to where ``target`` stands and delete what stood there; ``target`` is as it was if that fails."""
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
