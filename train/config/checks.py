"""The checks with which configurations, blocks and data reject a value."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

from myelin.hw_configs.errors import ConfigError

#: Where the checks note what they allow, while someone asks.
_NOTES: ContextVar[dict[str, str] | None] = ContextVar("notes", default=None)


@contextlib.contextmanager
def noted() -> Iterator[dict[str, str]]:
    """A dictionary that fills, inside the context, with each checked key and what its first check allows."""
    notes: dict[str, str] = {}
    token = _NOTES.set(notes)
    try:
        yield notes
    finally:
        _NOTES.reset(token)


def require(name: str, got: object, holds: bool, allowed: str) -> None:
    """Raise ConfigError unless ``holds``; its message names the key, the value and what is allowed."""
    notes = _NOTES.get()
    if notes is not None and not allowed.startswith("with "):  # what it is with another key is no range
        for key in name.split(" and "):
            notes.setdefault(key, allowed)
    if not holds:
        raise ConfigError(f"{name} is {got}; {allowed} is allowed")
