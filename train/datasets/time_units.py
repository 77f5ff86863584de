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
#: Share of events after the end of the frames above which there is hardly anything to learn or to measure.
MOST_LATE = 0.9
SAMPLES_LOOKED_AT = 1000


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


def check_window(data: SpikeDataset, steps: int, step_ms: float) -> None:
    """Raise DataError if nearly all events lie after the end of ``steps`` steps of ``step_ms``: frames would be empty.

    The events of up to SAMPLES_LOOKED_AT samples are looked at, spread over all.
    """
    end_s = steps * step_ms / 1000
    chosen = np.unique(np.linspace(0, len(data) - 1, min(len(data), SAMPLES_LOOKED_AT)).astype(np.int64))
    times = [data.times_s[data.offsets[i] : data.offsets[i + 1]] for i in chosen.tolist()]
    events, late = sum(row.size for row in times), sum(int(np.count_nonzero(row >= end_s)) for row in times)
    if late <= MOST_LATE * events:
        return
    half = float(np.median([row.max() for row in times if row.size]))
    fits = next((unit for unit in ("ms", "us") if half / PER_SECOND[unit] <= 10 * end_s), "ms")
    raise DataError(
        f"{data.name}: {100 * late / events:.4g} % of the events lie after the end of the frames, {steps} steps of {step_ms:g} "
        f"ms; half of the samples last {half:.4g} s or longer. If their times are {NAMES[fits]}, say time_unit='{fits}' "
        f"(--time-unit {fits}); if they are seconds, use longer or more steps (data.steps, data.step_ms), or cut the recordings"
    )
