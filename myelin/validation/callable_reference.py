"""Any callable as the reference: it gets samples and returns classes, scores or outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from myelin.hw_configs.errors import DataError, MyelinError
from myelin.validation.answers import Shapes
from myelin.validation.reference import FLOAT, Chunk, Reference, StageRun


class CallableReference(Reference):
    """A function of some samples at a time.

    It gets the user's own x (array or tensor, in its order of axes and its type), as many samples as it likes to get at a time;
    or, if the data is no pair (x, y), frames (batch, steps, *input shape) as uint8.  What it may return is
    ``myelin.validation.answers.Shapes.allowed``.
    """

    KIND = "callable"

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__(getattr(function, "__name__", type(function).__name__))
        self.function = function

    def run(self, chunk: Chunk, shapes: Shapes) -> dict[str, StageRun]:
        """See ``Reference``."""
        x = chunk.frames if chunk.given is None else chunk.given
        try:
            values = self.function(x)
        except MyelinError:
            raise
        except Exception as error:  # whatever a user's function raises
            lines = str(error).splitlines()
            reason = f"{type(error).__name__}: {lines[0] if lines else ''}".rstrip(": ")
            raise DataError(
                f"reference {self.name} fails on x of shape {tuple(x.shape)} ({reason}); it gets "
                + ("x as it was given" if chunk.given is not None else "frames (samples, steps, *input shape)")
            ) from error
        answer = shapes.read(values, len(chunk.numbers), f"what reference {self.name} returns")
        return {FLOAT: StageRun(answer)}
