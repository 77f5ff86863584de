"""The check with which all sections of a configuration reject a value."""

from __future__ import annotations

from myelin.hw_configs.errors import ConfigError


def require(name: str, got: object, holds: bool, allowed: str) -> None:
    """Raise ConfigError unless ``holds``; its message names the key, the value and what is allowed."""
    if not holds:
        raise ConfigError(f"{name} is {got}; {allowed} is allowed")
