"""Handlers by type: how one stage treats each kind of neuron or connection, and a named refusal where it knows none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from myelin.hw_configs.errors import NetworkError

H = TypeVar("H")


class Handlers(Generic[H]):
    """What one stage does with each type; a subclass is treated as the nearest class that is registered."""

    def __init__(self, refusal: str) -> None:
        """``refusal``: the message for a type without a handler, such as ``has {name} neurons; NIR has no node for them``."""
        self.refusal = refusal
        self._handlers: dict[type, H] = {}

    def register(self, kind: type) -> Callable[[H], H]:
        """Decorator: the decorated handler is for instances of ``kind``."""

        def add(handler: H) -> H:
            self._handlers[kind] = handler
            return handler

        return add

    def get(self, thing: object) -> H | None:
        """The handler for ``thing``, None where there is none."""
        return next((self._handlers[kind] for kind in type(thing).__mro__ if kind in self._handlers), None)

    def of(self, thing: object) -> H:
        """The handler for ``thing``.

        Raises:
            NetworkError: there is none; the message names the type, and those that have one.
        """
        found = self.get(thing)
        if found is None:
            raise NetworkError(f"{self.refusal.format(name=type(thing).__name__)}; {self.known()}")
        return found

    def known(self) -> str:
        """In words, which types have a handler."""
        names = ", ".join(kind.__name__ for kind in self._handlers)
        return f"{names or 'none'} can be used"
