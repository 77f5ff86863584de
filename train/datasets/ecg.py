"""QTDB-ECG: heartbeats as level crossings of two leads, with the phase of the heartbeat as the class of every step.

    x      (traces, steps, 4) of -1, 0 and 1: crossings downwards and upwards
    y      (traces, steps, 6) one-hot; a step without any has no label
    t, max_i    the number of each step, and the length of the traces; not needed

The four channels become eight units, up and down alternating; a step counts as 1 ms, since the file says no time.

Source: github.com/byin-cwi/Efficient-spiking-networks; PhysioNet's QT Database, Laguna et al. 1997.
"""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.train.datasets.checks import check_names
from myelin.train.datasets.events import SpikeDataset
from myelin.train.datasets.mat5 import read_mat5
from myelin.train.datasets.targets import as_array

SUFFIX = ".mat"


def read_ecg(path: str | os.PathLike[str]) -> SpikeDataset:
    """The traces of one file, with a class for every step, -1 where there is no label.

    Raises DataError if it is no such file or is damaged.
    """
    path = Path(path)
    values = _matrices(path)
    x, y = values["x"], values["y"]
    if x.ndim != 3 or y.ndim != 3 or x.shape[:2] != y.shape[:2]:
        raise DataError(
            f"{path}: x has shape {x.shape}, y {y.shape}; (traces, steps, channels) and (traces, steps, classes) are needed"
        )
    check_names(y.shape[2], f"{path}: y of shape {y.shape}")
    if not ((y == 0) | (y == 1)).all() or ((y != 0).sum(axis=2, dtype=np.int16) > 1).any():
        raise DataError(f"{path}: y is not one-hot; 0 and 1, with one class a step or none, are needed")
    phases = y.argmax(axis=2).astype(np.int16)
    phases[~y.any(axis=2)] = -1
    if not ((x == -1) | (x == 0) | (x == 1)).all():
        raise DataError(f"{path}: x holds other values than -1, 0 and 1; crossings of levels are needed")
    keys = tuple(f"phase {number}" for number in range(y.shape[2]))
    return SpikeDataset.from_dense(x.astype(np.int8), phases, signed=True, keys=keys, name=str(path))


def _matrices(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays x and y."""
    if not os.path.isfile(path):
        raise DataError(f"{path}: {'is a folder; a .mat file is needed' if os.path.isdir(path) else 'no such file'}")
    try:
        content = read_mat5(path, ("x", "y"))
    except (OSError, ValueError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read as .mat ({reason}); it is damaged or of another kind: get it again") from error
    values: dict[str, npt.NDArray[Any]] = {}
    for name in ("x", "y"):
        if name not in content:
            raise DataError(f"{path}: has no {name}; a file of QTDB-ECG has x (traces, steps, 4) and y (traces, steps, 6)")
        values[name] = as_array(content[name], f"{path}: {name}")
        if values[name].dtype.kind not in "biuf":
            raise DataError(f"{path}: {name} has dtype {values[name].dtype}; numbers are needed")
    return values
