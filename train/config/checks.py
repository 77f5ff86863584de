"""The one way in which sections of a configuration refuse a value."""

from __future__ import annotations

from myelin.hw_configs.errors import ConfigError


def require(name: str, got: object, holds: bool, allowed: str) -> None:
    """Raise ConfigError, naming the key, what was got and what is allowed, unless ``holds``."""
    if not holds:
        raise ConfigError(f"{name} is {got}; {allowed} is allowed")
