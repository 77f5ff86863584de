"""What workers of pytest-xdist share: folders that one of them makes for all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock


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
