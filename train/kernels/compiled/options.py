"""How the functions of the loops over time are compiled: for one thread, without Python's lock, and kept on disk.

numba's cache on disk notices a change in a function's own file, not in those that it calls.  The names under which it keeps
these functions therefore hold a digest of all files that they are spread over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

#: Options of ``numba.njit``.
OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
_FILES = (
    "compiled/convolutions",
    "compiled/lanes",
    "compiled/options",
    "compiled/products",
    "cuba_rows",
    "delays/lags",
    "delays/loops",
    "numba_loops",
)
_FOLDER = Path(__file__).resolve().parents[1]
#: Digest of the files of the loops.
DIGEST = hashlib.sha256(b"".join((_FOLDER / f"{name}.py").read_bytes() for name in _FILES)).hexdigest()[:12]


def compiled(function: Callable[..., Any]) -> Any:
    """``function``, to be compiled when it is first called."""
    function.__qualname__ = f"{function.__qualname__}_{DIGEST}"
    return njit(**OPTIONS)(function)
