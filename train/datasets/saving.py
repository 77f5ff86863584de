"""Writes a data set as a ``.npz`` file that loses nothing; ``myelin.train.datasets.npz`` reads it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.files import atomic_file

if TYPE_CHECKING:
    from myelin.train.datasets.events import SpikeDataset

SUFFIX = ".npz"
FORMAT = "myelin spikes 1"
#: Fields of ``SpikeDataset`` that every file has, and those that it has if the data set does.
NEEDED = ("times_s", "units", "offsets", "labels", "channels")
MORE = ("keys", "speakers", "shape", "targets", "counts", "steps", "step_ms")


def write_npz(dataset: SpikeDataset, path: str | os.PathLike[str]) -> None:
    """Write ``dataset`` to a ``.npz`` file, completely or not at all, with every value as it is.

    Raises DataError if the file cannot be written or is not named ``*.npz``.
    """
    if not isinstance(path, str | os.PathLike):
        raise DataError(f"path is a {type(path).__name__}; the name of a file *{SUFFIX} is allowed")
    path = Path(path)
    if path.suffix != SUFFIX:
        raise DataError(f"{path}: a data set is saved as a file named *{SUFFIX}")
    if path.is_dir() or not path.parent.is_dir():
        raise DataError(f"{path}: cannot be written: {'it is a folder' if path.is_dir() else f'no folder {path.parent}'}")
    arrays: dict[str, Any] = {"format": np.array(FORMAT)}
    for key in (*NEEDED, *MORE):
        value = getattr(dataset, key)
        if value is not None and (key != "keys" or value):
            arrays[key] = np.asarray(value)
    try:
        with atomic_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error
