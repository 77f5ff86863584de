"""Units of time: seconds from seconds, milliseconds or microseconds, and a check that times are what they are said to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.train.datasets.events import SpikeDataset

TimeUnit = Literal["s", "ms", "us"]
TIME_UNITS: tuple[str, ...] = get_args(TimeUnit)
PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6}
NAMES = {"s": "seconds", "ms": "milliseconds", "us": "microseconds"}
#: Samples whose median is longer are not taken as seconds unless that is said: no network of thousands of steps sees minutes.
LONGEST_S = 100.0


def check_unit(unit: Any, name: str) -> None:
    """Raise DataError unless ``unit`` is None or a unit of time."""
    if unit is not None and unit not in TIME_UNITS:
        raise DataError(f"{name}: time_unit is {unit!r}, allowed are {', '.join(map(repr, TIME_UNITS))}")


def in_seconds(times: npt.NDArray[Any], unit: str | None) -> npt.NDArray[Any]:
    """``times`` in seconds: as they are if they are floats in seconds (or of no stated unit), otherwise float64."""
    if unit in (None, "s"):
        return times if times.dtype.kind == "f" else times.astype(np.float64)
    return times.astype(np.float64) / PER_SECOND[unit]


def stored_dtype(dtype: np.dtype[Any], unit: str | None) -> np.dtype[Any]:
    """The dtype of ``in_seconds`` in a data set: float32 for floats in seconds up to that size, otherwise float64."""
    return np.dtype(np.float32 if unit in (None, "s") and dtype.kind == "f" and dtype.itemsize <= 4 else np.float64)


def check_lasting(data: SpikeDataset) -> None:
    """Raise DataError if the times of ``data``, whose unit nobody said, are no seconds."""
    check_plausible(data.durations_s[np.diff(data.offsets) > 0], data.name)


def check_plausible(last: npt.NDArray[Any], name: str) -> None:
    """Raise DataError if the times of the last events of samples, whose unit nobody said, are no seconds.

    Args:
        last: the time of each sample's last event, of samples that have events.
        name: of the data.
    """
    finite = last[np.isfinite(last)]
    median = float(np.median(finite)) if finite.size else 0.0
    if median > LONGEST_S:
        unit = "ms" if median <= LONGEST_S * 1000 else "us"
        raise DataError(
            f"{name}: times look like {NAMES[unit]}: as seconds, half of the samples last {median:.4g} s or longer, and up to "
            f"{LONGEST_S:g} s are taken unasked; say time_unit='{unit}' (--time-unit {unit}), or 's' if they are seconds"
        )
