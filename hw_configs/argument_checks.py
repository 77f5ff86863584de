"""Arguments of public functions: each is taken as it is meant, or refused by its name with what is allowed."""

from __future__ import annotations

import math
import numbers
import operator
import os
import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeGuard

from myelin.hw_configs.errors import ConfigError, DataError, MyelinError

#: Largest whole number that counts something; sums of such numbers stay within 64 bits.
COUNT_MAX = 2**31 - 1


def whole(name: str, value: Any, low: int = 0, high: int = COUNT_MAX, error: type[MyelinError] = ConfigError) -> int:
    """``value`` as int; a truth value, a fraction, or a float that happens to be whole is refused.

    Raises:
        MyelinError: of type ``error``, if it is no integer from ``low`` to ``high``.
    """
    try:
        number = low - 1 if _is_truth(value) else operator.index(value)
    except Exception:  # also what the value's own methods raise
        number = low - 1
    if not low <= number <= high:
        raise error(f"{name} is {shown(value)}; a whole number in {low}..{high} is allowed")
    return number


def is_number(value: object) -> TypeGuard[float]:
    """Whether ``value`` is a real number of any type (numpy's too) but bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_integer(value: object) -> TypeGuard[int]:
    """Whether ``value`` is an integer of any type (numpy's too) but bool."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def above_zero(name: str, value: Any, what: str, error: type[MyelinError] = ConfigError) -> float:
    """``value`` as float; raises ``error`` if it is no finite number above 0, which ``what`` says."""
    try:
        number = math.nan if _is_truth(value) or isinstance(value, str | bytes) else float(value)
    except Exception:
        number = math.nan
    if not 0 < number < math.inf:
        raise error(f"{name} is {shown(value)}; {what} is allowed")
    return number


def one_of(name: str, value: Any, allowed: Iterable[str], error: type[MyelinError] = ConfigError) -> None:
    """Raise ``error`` if ``value`` is none of the texts ``allowed``."""
    names = tuple(allowed)
    if not isinstance(value, str) or value not in names:
        *most, last = map(repr, names)
        listed = f"{', '.join(most)} or {last}" if most else last
        raise error(f"{name} is {shown(value)}; {listed} is allowed")


def truth(name: str, value: Any, cure: str = "", error: type[MyelinError] = ConfigError) -> None:
    """Raise ``error`` if ``value`` is neither True nor False: what else is taken as true may have meant a number."""
    if not _is_truth(value):
        raise error(f"{name} is {shown(value)}; True or False is allowed{cure}")


def path_of(name: str, value: Any, error: type[MyelinError] = ConfigError) -> Path:
    """``value`` as Path; raises ``error`` if it is no path, or one that no file can have."""
    try:
        possible = isinstance(value, str | os.PathLike) and b"\0" not in os.fsencode(Path(value))
    except Exception:  # also what the value's own methods raise
        possible = False
    if not possible:
        raise error(f"{name} is {shown(value)}; a path is allowed")
    return Path(value)


def path_or_none(name: str, value: Any, error: type[MyelinError] = ConfigError) -> Path | None:
    """``path_of``; None stays None."""
    return None if value is None else path_of(name, value, error)


def check_time_axis(value: Any, samples: str = "batch", start: str = "", error: type[MyelinError] = DataError) -> None:
    """Raise ``error``, after ``start``, unless ``value`` is an axis of time: 1, -1, or None for any."""
    try:
        known = value is None or (not _is_truth(value) and operator.index(value) in (1, -1))
    except Exception:
        known = False
    if not known:
        orders = f"1 for ({samples}, steps, ...) or -1 for ({samples}, ..., steps)"
        raise error(f"{start}time_axis is {shown(value)}; {orders} is allowed")


def shown(value: Any) -> str:
    """A short ``repr`` for messages; the type's name where the value has none."""
    try:
        return " ".join(reprlib.repr(value).split())
    except Exception:
        return f"a {type(value).__name__}"


def _is_truth(value: Any) -> bool:
    return type(value).__name__ in ("bool", "bool_") and getattr(value, "ndim", 0) == 0
