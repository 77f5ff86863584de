"""The checks with which configurations, blocks and data reject a value."""

from __future__ import annotations

import numbers
from typing import TypeGuard

from myelin.hw_configs.errors import ConfigError


def require(name: str, got: object, holds: bool, allowed: str) -> None:
    """Raise ConfigError unless ``holds``; its message names the key, the value and what is allowed."""
    if not holds:
        raise ConfigError(f"{name} is {got}; {allowed} is allowed")


def is_number(value: object) -> TypeGuard[float]:
    """Whether ``value`` is a real number of any type (numpy's too) but bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_integer(value: object) -> TypeGuard[int]:
    """Whether ``value`` is an integer of any type (numpy's too) but bool."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
