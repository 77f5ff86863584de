"""Import this, or ``njit`` from it, before numba compiles: it gets a folder for its cache, and long compiling is told.

numba keeps compiled code in ``NUMBA_CACHE_DIR``, beside the source or in the user's cache folder, and raises RuntimeError
where it can write to none of them, as in a container whose user has no home.
"""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import numba
from numba import njit as njit

import myelin.hw_configs.compiling.compile_notice
import myelin.hw_configs.compiling.fewer_collections  # noqa: F401
from myelin.hw_configs.errors import ConfigError

#: Environment variable of numba's cache.
VARIABLE = "NUMBA_CACHE_DIR"


def _probe() -> None:
    """Nothing; numba looks for the place of its cache."""


def ensured() -> Path | None:
    """Make sure that numba finds a folder; the folder for temporary files that it gets, or None if it has one of its own.

    Processes that are started later get the same one.

    Raises:
        ConfigError: no folder can be written at all.
    """
    try:
        numba.njit(cache=True)(_probe)
    except RuntimeError:
        folder = _own_folder()
        numba.config.CACHE_DIR = os.environ[VARIABLE] = str(folder)
        return folder
    return None


def _own_folder() -> Path:
    try:
        folder = Path(tempfile.gettempdir(), f"myelin-numba-{os.getuid() if hasattr(os, 'getuid') else 'cache'}")
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
        if hasattr(os, "getuid") and (found.st_uid != os.getuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
            # numba runs what it reads there
            folder = Path(tempfile.mkdtemp(prefix="myelin-numba-"))
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise ConfigError(
            f"no folder can be written for compiled loops, neither beside the source nor in the home or for temporary files "
            f"({error.strerror or error}); set {VARIABLE} to one that can"
        ) from error
    return folder


#: The folder that numba got here, None if it has one of its own.
TEMPORARY = ensured()
