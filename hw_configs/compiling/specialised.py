"""Copies of a compiled loop that call other functions, each with a place of its own in numba's disk cache."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any


def specialised(template: Callable[..., Any], options: dict[str, Any], name: str, **functions: Any) -> Any:
    """``template`` compiled with ``functions`` in the place of its globals of the same names.

    The result is a copy of the template with other globals and a name that numba takes for a function of its own.  A function
    passed as an argument or in a closure would be compiled anew in every process, since numba finds no such loop in its cache.
    The cache notices changes in the template's file only, hence the hash of the functions' files in the name.

    Args:
        template: a Python function of a module, not compiled.
        options: options of ``numba.njit``.
        name: what sets this copy apart: letters, digits and underscores.
        functions: compiled functions, with ``inline="always"`` where a call would cost much.
    """
    from numba import njit

    files = sorted({function.py_func.__code__.co_filename for function in functions.values()})
    digest = hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()
    copy = FunctionType(template.__code__, {**template.__globals__, **functions}, template.__name__)
    copy.__qualname__ = f"{template.__name__}_{name}_{digest[:12]}"
    copy.__module__ = template.__module__
    return njit(**options)(copy)
