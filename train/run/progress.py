"""The progress of training on a terminal: epochs as a bar, and within an epoch its batches and the loss so far."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tqdm import tqdm

from myelin.train.run.files.metrics import EpochMetrics

#: Least time between two redrawn batches, in seconds.
_REDRAWN_S = 0.2


class EpochBar:
    """A bar over the epochs of a run on standard error; nothing is shown there if it is not a terminal."""

    def __init__(self, start: int, epochs: int, *, shown: bool) -> None:
        self._epochs = range(start, epochs)
        self._bar = tqdm(self._epochs, initial=start, total=epochs, disable=None if shown else True, unit="epoch")
        self._before = ""
        self._drawn = 0.0

    def __iter__(self) -> Iterator[int]:
        return iter(self._bar)

    def batch(self, done: int, batches: int, loss: float) -> None:
        """Show how many batches of the epoch are done, and the mean loss of their samples."""
        now = time.monotonic()
        if self._bar.disable or now - self._drawn < _REDRAWN_S:
            return
        self._drawn = now
        self._bar.set_postfix_str(f"batch {done} of {batches}, loss {loss:.3f}{self._before}")

    def epoch(self, metrics: EpochMetrics) -> None:
        """Show the result of an epoch, also while the next one goes on."""
        self._before = f"; epoch {metrics.epoch}: validation {metrics.validation}"
        self._bar.set_postfix_str(f"loss {metrics.loss:.3f}, validation {metrics.validation}")

    def close(self) -> None:
        """End the line of the bar."""
        self._bar.close()
