"""Data sets as ``.npz`` files of numpy: ours, which lose nothing, and plain ones that a user writes with ``numpy.savez``.

    ours        ``SpikeDataset.save``: format, times_s, units, offsets, labels, channels, and what else the data set has
    dense       x, y; optional step_ms, time_axis, shape, signed, keys, speakers        as ``SpikeDataset.from_dense``
    events      times, units, offsets, labels, channels or shape; optional time_unit, steps, step_ms, keys, speakers
    cameras     t, x, offsets, labels, shape; optional y, p, time_unit, steps, step_ms, keys, speakers

Lists of events are concatenated: sample i has the events ``offsets[i] : offsets[i + 1]``.  Nothing in a file is executed:
arrays of Python objects are refused.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.reading.array_files import read_npz as arrays_in
from myelin.train.datasets.checks import check_names
from myelin.train.datasets.events import SpikeDataset
from myelin.train.datasets.saving import FORMAT, MORE, NEEDED
from myelin.train.datasets.time_units import TimeUnit

_SHARED = ("keys", "speakers")
#: Kind -> (keys that it needs, keys that it may have).
KINDS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "ours": (("format", *NEEDED), MORE),
    "events": (("times", "units", "offsets", "labels"), ("channels", "shape", "time_unit", "steps", "step_ms", *_SHARED)),
    "cameras": (("t", "x", "offsets", "labels", "shape"), ("y", "p", "time_unit", "steps", "step_ms", *_SHARED)),
    "dense": (("x", "y"), ("step_ms", "time_axis", "shape", "signed", *_SHARED)),
}


def read_npz(path: str | os.PathLike[str], time_unit: TimeUnit | None = None) -> SpikeDataset:
    """The samples of a ``.npz`` file of one of the four kinds; DataError with one sentence if it is none, or damaged.

    ``time_unit`` is that of plain events, unless the file says it.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise DataError(f"{path}: {'is a folder; a .npz file is needed' if os.path.isdir(path) else 'no such file'}")
    try:
        arrays = arrays_in(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read as .npz ({reason}); it is damaged or of another kind: get it again") from error
    kind = _kind(arrays, path)
    if time_unit is not None and kind in ("ours", "dense"):
        has = "times in seconds" if kind == "ours" else f"steps of {float(arrays.get('step_ms', 1.0)):g} ms"
        raise DataError(f"{path}: has {has}; leave the unit of time out")
    return {"ours": _ours, "dense": _dense, "events": _events, "cameras": _events}[kind](arrays, time_unit, str(path))


def _kind(arrays: dict[str, Any], path: Path) -> str:
    """The kind that a file's keys are of."""
    marks = {"ours": {"format"}, "cameras": {"t", "x"}, "events": {"times"}, "dense": {"x"}}
    kind = next((kind for kind, keys in marks.items() if keys <= arrays.keys()), None)
    if kind is None:
        kinds = "; ".join(", ".join(needed) for name, (needed, _) in KINDS.items() if name != "ours")
        raise DataError(f"{path}: has the keys {', '.join(sorted(arrays)) or 'none'}; a data set has one of: {kinds}")
    needed, more = KINDS[kind]
    missing = [key for key in needed if key not in arrays]
    unknown = sorted(arrays.keys() - {*needed, *more})
    if missing:
        raise DataError(f"{path}: has no {' and no '.join(missing)}; needed beside {needed[0]} are {', '.join(needed[1:])}")
    if unknown:
        raise DataError(f"{path}: has the unknown keys {', '.join(unknown)}; allowed are {', '.join((*needed, *more))}")
    return kind


def _ours(arrays: dict[str, Any], time_unit: TimeUnit | None, name: str) -> SpikeDataset:
    version = str(arrays.pop("format"))
    if version != FORMAT:
        raise DataError(f"{name}: is of the format {version!r}; this Myelin reads {FORMAT!r}: get the version that wrote it")
    values = _values(arrays, name)
    return SpikeDataset(**values, name=name)


def _dense(arrays: dict[str, Any], time_unit: TimeUnit | None, name: str) -> SpikeDataset:
    values = _values(arrays, name)
    return SpikeDataset.from_dense(values.pop("x"), values.pop("y"), **values, name=name)


def _events(arrays: dict[str, Any], time_unit: TimeUnit | None, name: str) -> SpikeDataset:
    """Events with times and units, or with t, x, y and p."""
    values = _values(arrays, name)
    said = values.pop("time_unit", time_unit)
    if time_unit not in (None, said):
        raise DataError(f"{name}: says itself that its times are in {said!r}, asked for is {time_unit!r}")
    offsets, labels = values.pop("offsets"), values.pop("labels")
    columns = {key: values.pop(key) for key in ("times", "units", "t", "x", "y", "p") if key in values}
    events = next(iter(columns.values())).shape
    for key, column in columns.items():
        if column.ndim != 1 or column.shape != events:
            raise DataError(f"{name}: {key} has shape {column.shape}, others {events}; lists of equal length are needed")
    if offsets.ndim != 1 or offsets.dtype.kind not in "iu" or not offsets.size:
        raise DataError(f"{name}: offsets has shape {offsets.shape} of {offsets.dtype}; a list of whole numbers is needed")
    if int(offsets[0]) != 0 or int(offsets[-1]) != events[0] or (offsets[1:] < offsets[:-1]).any():
        raise DataError(f"{name}: offsets must rise from 0 to the number of events, {events[0]}")
    split = {key: np.split(column, offsets[1:-1].astype(np.int64)) for key, column in columns.items()}
    samples = offsets.size - 1
    split = {key: pieces[:samples] for key, pieces in split.items()}  # of no sample, numpy makes one piece
    if "times" in split:
        return SpikeDataset.from_events(split["times"], split["units"], labels, time_unit=said, **values, name=name)
    rows = [{key: pieces[i] for key, pieces in split.items()} for i in range(samples)]
    return SpikeDataset.from_events(rows, None, labels, time_unit=said, **values, name=name)


def _single(value: npt.NDArray[Any], key: str, name: str, kinds: str, needed: str) -> Any:
    if value.size != 1 or value.dtype.kind not in kinds:
        raise DataError(f"{name}: {key} has shape {value.shape} of {value.dtype}; {needed} is needed")
    return value.reshape(()).item()


def _whole(value: npt.NDArray[Any], key: str, name: str) -> int:
    return int(_single(value, key, name, "iu", "one whole number"))


def _number(value: npt.NDArray[Any], key: str, name: str) -> float:
    return float(_single(value, key, name, "iuf", "one number"))


def _flag(value: npt.NDArray[Any], key: str, name: str) -> bool:
    return bool(_single(value, key, name, "b", "True or False"))


def _text(value: npt.NDArray[Any], key: str, name: str) -> str:
    return str(_single(value, key, name, "U", "one text"))


def _axes(value: npt.NDArray[Any], key: str, name: str) -> tuple[int, ...]:
    if value.ndim > 1 or value.dtype.kind not in "iu":
        raise DataError(f"{name}: {key} has shape {value.shape} of {value.dtype}; a list of whole numbers is needed")
    return tuple(int(size) for size in value.reshape(-1))


def _names(value: npt.NDArray[Any], key: str, name: str) -> tuple[str, ...]:
    if value.ndim != 1 or value.dtype.kind not in "US":
        raise DataError(f"{name}: {key} has shape {value.shape} of {value.dtype}; a list of texts is needed")
    check_names(value.size, f"{name}: {key}")
    return tuple(text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in value.tolist())


#: Keys that hold one value or a list, and are no arrays.
_PLAIN: dict[str, Callable[[npt.NDArray[Any], str, str], Any]] = {
    **dict.fromkeys(("channels", "steps", "time_axis"), _whole),
    **{"step_ms": _number, "signed": _flag, "time_unit": _text, "shape": _axes, "keys": _names},
}


def _values(arrays: dict[str, Any], name: str) -> dict[str, Any]:
    """Arrays by name, and those of ``_PLAIN`` as Python values."""
    return {key: _PLAIN[key](value, key, name) if key in _PLAIN else value for key, value in arrays.items()}
