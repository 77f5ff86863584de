"""Registry of handlers by type: one stage's function for each kind of neuron or connection, and an error for other kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from myelin.hw_configs.errors import NetworkError

H = TypeVar("H")


class Handlers(Generic[H]):
    """The handlers of one stage by type; a subclass uses the handler of its nearest registered base class."""

    def __init__(self, refusal: str) -> None:
        """``refusal`` is the message for a type without a handler: ``has {name} neurons; NIR has no node for them``."""
        self.refusal = refusal
        self._handlers: dict[type, H] = {}

    def register(self, kind: type) -> Callable[[H], H]:
        """A decorator that registers a handler for instances of ``kind``."""

        def add(handler: H) -> H:
            self._handlers[kind] = handler
            return handler

        return add

    def get(self, thing: object) -> H | None:
        """The handler for ``thing``, or None."""
        return next((self._handlers[kind] for kind in type(thing).__mro__ if kind in self._handlers), None)

    def of(self, thing: object) -> H:
        """The handler for ``thing``.

        Raises:
            NetworkError: there is none; the message names the type, and the types with a handler.
        """
        found = self.get(thing)
        if found is None:
            raise NetworkError(f"{self.refusal.format(name=type(thing).__name__)}; {self.known()}")
        return found

    def covers(self, kind: type) -> bool:
        """Whether there is a handler for instances of ``kind``."""
        return any(base in self._handlers for base in kind.__mro__)

    def kinds(self) -> tuple[type, ...]:
        """The types with a handler, in the order of registration."""
        return tuple(self._handlers)

    def known(self) -> str:
        """The text that lists the types with a handler."""
        names = ", ".join(kind.__name__ for kind in self._handlers)
        return f"{names or 'none'} can be used"
