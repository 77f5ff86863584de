"""Events of lists, structured arrays or columns, one for each sample."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.train.datasets.checks import MAX_CHANNELS, check_steps, unit_dtype, whole_shape
from myelin.train.datasets.targets import as_array, target_parts
from myelin.train.datasets.time_units import NAMES, check_plausible, check_unit, in_seconds


def event_parts(
    times: Sequence[Any],
    units: Sequence[Any] | None,
    labels: Any,
    *,
    channels: int | None,
    shape: tuple[int, ...] | None,
    time_unit: str | None,
    steps: int | None,
    step_ms: float | None,
    keys: Sequence[str],
    name: str,
) -> dict[str, Any]:
    """Arguments of ``SpikeDataset`` for lists of events; see ``SpikeDataset.from_events``."""
    check_unit(time_unit, name)
    if (steps is None) != (step_ms is None):
        raise DataError(f"{name}: steps is {steps}, step_ms is {step_ms}; both or neither are needed")
    if steps is not None and step_ms is not None:
        check_steps(steps, step_ms, name)
    plane = unit_shape(channels, shape, name)
    for what, lists in (("times", times), *([] if units is None else [("units", units)])):
        if not hasattr(lists, "__len__"):
            raise DataError(f"{name}: {what} is a {type(lists).__name__}; a list with one entry for every sample is needed")
    if units is None:
        pairs = [sensor_events(events, plane, name, sample) for sample, events in enumerate(times)]
        times, units = [t for t, _ in pairs], [u for _, u in pairs]
    if len(times) != len(units):
        raise DataError(f"{name}: {len(times)} lists of times but {len(units)} of units; one of each a sample is needed")
    parts = joined(times, units, math.prod(plane), time_unit, name)
    parts |= target_parts(labels, len(times), steps, keys, name)
    if steps is not None:
        parts |= {"steps": int(steps), "step_ms": float(step_ms or 0)}
    return parts | axes_of(plane)


def axes_of(plane: tuple[int, int, int]) -> dict[str, Any]:
    """``channels`` and ``shape`` of units on ``plane`` (C, H, W); one row of units has no shape."""
    return {"channels": math.prod(plane), "shape": None if plane[:2] == (1, 1) else plane}


def unit_shape(channels: int | None, shape: tuple[int, ...] | None, name: str) -> tuple[int, int, int]:
    """The (C, H, W) of units in a row, (1, 1, channels), or of ``shape``; DataError if neither is known."""
    if shape is None:
        if channels is None:
            raise DataError(
                f"{name}: the number of units is not known; say channels=N for units in a row, or shape=(C, H, W), such as "
                "(2, 260, 346) for an event camera of 346 x 260 pixels"
            )
        shape = (1, 1, channels)
    axes = whole_shape(shape, name)
    if len(axes) == 1:
        axes = (1, 1, *axes)
    if len(axes) != 3 or min(axes) < 1 or math.prod(axes) > MAX_CHANNELS:
        raise DataError(
            f"{name}: shape is {tuple(shape)}; (channels, height, width) with a product in 1..{MAX_CHANNELS} is allowed"
        )
    if channels is not None and math.prod(axes) != channels:
        raise DataError(f"{name}: shape {axes} has {math.prod(axes)} units, channels is {channels}; leave one of them out")
    return axes[0], axes[1], axes[2]


def joined(times: Sequence[Any], units: Sequence[Any], channels: int, time_unit: str | None, name: str) -> dict[str, Any]:
    """``times_s``, ``units`` and ``offsets`` of the lists of all samples."""
    time_rows = [as_array(row, f"{name}: times of sample {i}") for i, row in enumerate(times)]
    unit_rows = [as_array(row, f"{name}: units of sample {i}") for i, row in enumerate(units)]
    for i, (t, u) in enumerate(zip(time_rows, unit_rows, strict=True)):
        if t.ndim != 1 or u.shape != t.shape:
            raise DataError(
                f"{name}: sample {i} has times of shape {t.shape} and units of shape {u.shape}; two lists of equal length "
                "are needed"
            )
        _check_kinds(t, u, time_unit, name, i)
        if u.size and (u.min() < 0 or u.max() >= channels):
            raise DataError(f"{name}: units of sample {i} lie in {u.min()}..{u.max()}, allowed is 0..{channels - 1}")
    if time_unit is None:
        check_plausible(np.array([row.max() for row in time_rows if row.size]), name)
    seconds = [in_seconds(row, time_unit) for row in time_rows if row.size]
    dtype = np.float64 if any(row.dtype.itemsize > 4 for row in seconds) else np.float32
    small = unit_dtype(channels)
    return {
        "times_s": np.concatenate([np.empty(0, dtype), *seconds], dtype=dtype),
        "units": np.concatenate([np.empty(0, small), *(row.astype(small) for row in unit_rows)]),
        "offsets": np.cumsum([0, *(row.size for row in time_rows)], dtype=np.int64),
    }


def sensor_events(
    events: Any, plane: tuple[int, int, int], name: str, sample: int
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Times, in their own unit, and units of a structured array or a mapping with the fields t, x and, optionally, y and p."""
    where = f"{name}: sample {sample}"
    fields = tuple(events) if isinstance(events, Mapping) else getattr(getattr(events, "dtype", None), "names", None)
    if fields is None:
        raise DataError(
            f"{where} is {_described(events)}; a structured array or a mapping with the fields t, x, y and p is needed, since "
            "the order of plain columns cannot be told"
        )
    if not {"t", "x"} <= set(fields):
        raise DataError(f"{where} has the fields {', '.join(fields)}; t and x, and for event cameras y and p, are needed")
    columns = {key: as_array(events[key], f"{where}, {key}").ravel() for key in ("t", "x", "y", "p") if key in fields}
    sizes = {key: column.size for key, column in columns.items()}
    if len(set(sizes.values())) > 1:
        raise DataError(f"{where} has fields of the lengths {sizes}; one value of each for every event is needed")
    if plane[0] == 1 and "p" in columns and columns["p"].size and (columns["p"] == columns["p"][0]).all():
        del columns["p"]  # a sensor of one channel, whose events all have the same mark
    unit = np.zeros(sizes["t"], np.int64)
    for key, size in zip(("p", "y", "x"), plane, strict=True):
        column = columns.get(key)
        if column is None:
            if size > 1:
                raise DataError(f"{where} has no field {key}; the shape {plane} has {size} of them")
            continue
        if column.size and column.dtype.kind not in "biu":
            raise DataError(f"{where}: {key} has dtype {column.dtype}; integers are needed")
        if column.size and (column.min() < 0 or column.max() >= size):
            cure = "; with p of -1 and 1, use (p + 1) // 2" if key == "p" and column.min() < 0 else ""
            raise DataError(
                f"{where}: {key} lies in {column.min()}..{column.max()}, shape (C, H, W) = {plane} allows 0..{size - 1}{cure}"
            )
        unit = unit * size + column.astype(np.int64)
    return columns["t"], unit


def _check_kinds(times: npt.NDArray[Any], units: npt.NDArray[Any], time_unit: str | None, name: str, sample: int) -> None:
    """Check the dtypes of a sample: integers as units, and floats as times unless their unit is said."""
    if not times.size:
        return
    if units.dtype.kind not in "biu":
        raise DataError(f"{name}: units of sample {sample} have dtype {units.dtype}; integers are needed")
    if times.dtype.kind not in "iuf":
        raise DataError(f"{name}: times of sample {sample} have dtype {times.dtype}; numbers are needed")
    if times.dtype.kind != "f" and time_unit is None:
        raise DataError(
            f"{name}: times of sample {sample} are integers (the last one {times[-1]}), whose unit cannot be told; say "
            f"time_unit='us' ({NAMES['us']}, as in event cameras and tonic), 'ms' or 's'"
        )


def _described(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"an array of shape {tuple(shape)} of {getattr(value, 'dtype', '?')}"
