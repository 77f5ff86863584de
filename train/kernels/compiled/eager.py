"""Keeps ``torch.compile`` out of what it cannot trace: compiled loops over numpy arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


def not_traced(function: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """``function``, at which a graph that torch compiles is cut.

    ``torch.compiler.disable`` as a decorator would do the same, and load the compiler when training is imported.
    """

    @functools.wraps(function)
    def called(*given: _Given.args, **named: _Given.kwargs) -> _Result:
        if torch.compiler.is_compiling():
            return torch.compiler.disable(function)(*given, **named)
        return function(*given, **named)

    return called
