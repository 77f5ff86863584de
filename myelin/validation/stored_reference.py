"""Stored predictions as the reference: an npz file that any framework can write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.samples import Samples
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.reading.array_files import names_in, read_npz
from myelin.validation.answers import Shapes, as_numbers
from myelin.validation.reference import FLOAT, Chunk, Reference, StageRun

#: Arrays that answer; a file holds one of them.
_ANSWERS = ("predictions", "scores", "outputs")
_CURE = (
    "np.savez(path, predictions=classes) with one class for each sample, scores= of (samples, classes), or outputs= of "
    "(samples, steps, outputs), and labels= to have them checked"
)


class StoredReference(Reference):
    """An npz file.

    It holds one of ``predictions`` (samples,), or (samples, steps) for classes of steps; ``scores`` (samples, classes);
    ``outputs`` (samples, steps, outputs) or (samples, outputs, steps); all in the order of the samples.  ``labels``, if there,
    must be those of the data.

    Raises:
        DataError: the file cannot be read, or holds none of these arrays, or two.
    """

    KIND = "predictions"

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        try:
            names = sorted(names_in(path))
            arrays = read_npz(path, {*_ANSWERS, "labels"}.__contains__)
        except (OSError, ValueError) as error:
            raise DataError(f"{path}: cannot be read as stored predictions ({error}); write them with {_CURE}") from error
        found = [name for name in _ANSWERS if name in arrays]
        if len(found) != 1:
            held = ", ".join(names[:6]) or "nothing"
            raise DataError(f"{path}: holds {held}; exactly one of {', '.join(_ANSWERS)} is allowed: {_CURE}")
        self.what = found[0]
        self.values = as_numbers(arrays[self.what], f"{path}: {self.what}")
        self.labels: npt.NDArray[Any] | None = arrays.get("labels")

    @staticmethod
    def names_in(path: Path) -> set[str]:
        """Names of the arrays in an npz file; empty if it cannot be read."""
        return names_in(path)

    def check(self, samples: Samples) -> None:
        """See ``Reference``: as many predictions as samples, and the same labels."""
        data = f"{samples.dataset.name} ({samples.split})"
        count = len(self.values) if self.values.ndim else 0
        if count != len(samples):
            raise DataError(
                f"{self.name}: {self.what} answer {count} samples, {data} holds {len(samples)}; predict the samples of the "
                "same split in its order"
            )
        if self.labels is None:
            return
        truth = samples.labels if samples.targets is None else samples.targets
        if self.labels.shape != truth.shape:
            raise DataError(f"{self.name}: labels have shape {self.labels.shape}, those of {data} have {truth.shape}")
        different = np.argwhere(self.labels != truth)
        if len(different):
            place = tuple(different[0].tolist())
            raise DataError(
                f"{self.name}: labels{list(place)} is {self.labels[place]}, in {data} it is {truth[place]}; predict the same "
                "samples in their order"
            )

    def run(self, chunk: Chunk, shapes: Shapes) -> dict[str, StageRun]:
        """See ``Reference``."""
        answer = shapes.read(self.values[chunk.numbers], len(chunk.numbers), f"{self.name}: {self.what}")
        return {FLOAT: StageRun(answer)}
