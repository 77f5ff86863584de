"""The loop of single steps for networks with neurons that bring their own step."""

from __future__ import annotations

from functools import cache
from typing import Any

from numba import njit

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401
from myelin.convert.simulator import step_loops
from myelin.hw_configs.compiling.specialised import specialised

OPTIONS = step_loops.OPTIONS


@cache
def advance_with(steps: tuple[Any, ...]) -> Any:
    """``step_loops.advance`` compiled for populations of the kinds ``OTHER + k`` with the step ``steps[k]``.

    Each set of steps is a loop of its own: a network of CUBA neurons does not wait for the compilation of others.
    """
    found, name = _none, "none"
    for step in reversed(steps):
        function = step.py_func
        name = f"{function.__module__.rpartition('.')[2]}_{function.__name__}_{name}"
        found = specialised(_choice, OPTIONS, name, first=step, others=found)
    return specialised(step_loops.advance, OPTIONS, name, others=found)


@njit(inline="always", **OPTIONS)
def _none(kind, row, own, sums, drive, spikes, floats, integers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """No such neurons."""


def first(row, own, sums, drive, spikes, floats, integers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Stands for the step of kind 0."""
    raise NotImplementedError


def others(kind, row, own, sums, drive, spikes, floats, integers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Stands for the choice among the remaining kinds."""
    raise NotImplementedError


def _choice(kind, row, own, sums, drive, spikes, floats, integers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    if kind == 0:
        first(row, own, sums, drive, spikes, floats, integers)
    else:
        others(kind - 1, row, own, sums, drive, spikes, floats, integers)
