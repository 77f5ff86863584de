"""A run folder belongs to one process at a time, and is new unless its run is resumed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.files import alone_in


@contextlib.contextmanager
def claimed(folder: Path, *, resume: bool) -> Iterator[None]:
    """Keep other processes out of ``folder`` until the block ends, and make it unless it is there.

    Raises:
        ConfigError: it holds something and ``resume`` is not set.
        MyelinError: another process trains its run.
    """
    if not resume:
        require_new(folder)
    with alone_in(folder, "trains this run"):
        yield


def require_new(folder: Path) -> None:
    """Raise ConfigError if ``folder`` exists and is not empty."""
    # a run killed during its first write leaves only its lock and a temporary file, whose names start with a dot; a link that
    # leads nowhere is no new folder either
    if os.path.lexists(folder) and (not folder.is_dir() or any(not path.name.startswith(".") for path in folder.iterdir())):
        raise ConfigError(
            f"{folder}: exists and is not empty; name another folder, or continue its run with --resume (resume=True in Python)"
        )
