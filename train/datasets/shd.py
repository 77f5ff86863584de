"""Reader and writer of files in the format of the Spiking Heidelberg Digits; SHD and SSC work as downloaded.

    spikes/times    one variable-length list of floats per sample (SHD: float16), seconds
    spikes/units    one variable-length list of integers per sample (SHD: uint16), input channel
    labels          one integer per sample
    extra/speaker   one integer (or name) per sample, optional: SSC has none
    extra/keys      names of the classes, optional

The root attribute ``channels`` is the number of channels if it is not SHD's 700 (Myelin's own; SHD and SSC do not have it).
The root attribute ``shape`` = (channels, height, width) marks units on two axes, such as those of an event camera:
unit = (channel * height + row) * width + column. ``.h5.gz`` (as SHD is distributed) and ``.h5.xz`` are unpacked first.
Times in milliseconds or microseconds are read if that is said, and refused by their lengths otherwise.

Source: Cramer, Stradmann, Schemmel, Zenke 2020, arXiv 1910.07407; https://zenkelab.org/datasets.
"""

from __future__ import annotations

import gzip
import io
import lzma
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.files import write_atomically
from myelin.train.datasets.binning import Times
from myelin.train.datasets.checks import MAX_CHANNELS, check_names, check_range, unit_dtype
from myelin.train.datasets.events import SpikeDataset
from myelin.train.datasets.hdf5 import OpenFile, opened
from myelin.train.datasets.mapped import Entry, Piece, Storage
from myelin.train.datasets.time_units import TimeUnit, check_lasting, check_unit, in_seconds, stored_dtype

SHD_CHANNELS = 700
STORAGE = Storage()
SUFFIXES = (".h5", ".hdf5", ".h5.gz", ".h5.xz")
ROWS_AT_ONCE = 256  # samples read in one call; bounds the object array and the lists that h5py creates of variable-length rows
# 2-byte values: literal and match positions are aligned to pairs (lp = pb = 1), a tenth smaller than with the preset
XZ_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 3, "lp": 1, "pb": 1}]


def read_shd(path: str | os.PathLike[str], storage: Storage = STORAGE, time_unit: TimeUnit | None = None) -> SpikeDataset:
    """The samples of one SHD-format file; DataError with one sentence if it is not a valid file.

    A file above the memory limit of ``storage`` is converted once, in pieces, and mapped (``myelin.train.datasets.mapped``).
    ``time_unit`` is that of the file's times, "s", "ms" or "us"; None: seconds, unless the samples are minutes long as such.
    """
    path = Path(path)
    check_unit(time_unit, str(path))
    if os.path.isdir(path):
        raise DataError(f"{path}: is a folder; a file of the SHD format ({', '.join(SUFFIXES)}) is needed")
    if not os.path.isfile(path):
        raise DataError(f"{path}: no such file")
    if path.stat().st_size == 0:  # a regular file: ``is_file`` says so
        raise DataError(f"{path}: is empty (0 bytes); a file of the SHD format is needed: download or encode it again")
    dataset = _read(path, storage, time_unit)
    if time_unit is None:
        check_lasting(dataset)
    return dataset


def _read(path: Path, storage: Storage, time_unit: str | None) -> SpikeDataset:
    entry = storage.entry(path, time_unit)
    if found := entry.open(storage.limit_bytes, str(path)):
        return found
    with opened(path, storage) as source:
        if source.size <= storage.limit_bytes:
            return _dataset(source, time_unit)
        with entry.locked():
            return entry.open(storage.limit_bytes, str(path)) or _converted(source, entry, time_unit)


def write_shd(dataset: SpikeDataset, path: str | os.PathLike[str], *, half: bool = False) -> None:
    """Write ``dataset`` as an SHD-format file, completely or not at all; ``.gz`` and ``.xz`` names are compressed.

    Times keep their values: they are float16, as in SHD, if all of them are exact in it, else float32, else float64. With
    ``half`` they are rounded to float16, with a resolution of 0.5 ms between 0.5 s and 1 s, and of 1 ms between 1 s and 2 s.
    The same data set gives the same bytes.

    Raises DataError if the file cannot be written, a time exceeds float16, or the data has what the format does not hold.
    """
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        raise DataError(f"{path}: cannot be written: {'it is a folder' if path.is_dir() else f'no folder {path.parent}'}")
    beyond = [name for name in ("targets", "counts", "steps") if getattr(dataset, name) is not None]
    if beyond:
        raise DataError(f"{path}: the SHD format holds no {' and no '.join(beyond)}; write a .npz with SpikeDataset.save")
    if half and dataset.times_s.size and dataset.times_s.max() > np.finfo(np.float16).max:
        raise DataError(f"{path}: spike times reach {dataset.times_s.max():g} s; float16 holds 65504 s: write without half")
    try:
        write_atomically(path, packed_shd(dataset, path, half=half))
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def packed_shd(dataset: SpikeDataset, path: Path, *, half: bool = False) -> bytes:
    """The content of the file that ``write_shd`` writes, compressed as the name says."""
    return _pack(_file_bytes(dataset, np.dtype(np.float16) if half else _exact(dataset.times_s)), path)


def _exact(times: Times) -> np.dtype[Any]:
    """The smallest dtype of floats that holds every one of ``times``."""
    for dtype in (np.float16, np.float32):
        with np.errstate(over="ignore"):
            if np.array_equal(times.astype(dtype), times):
                return np.dtype(dtype)
    return np.dtype(np.float64)


def _file_bytes(dataset: SpikeDataset, dtype: np.dtype[Any]) -> bytes:
    """The HDF5 file as bytes, with times of ``dtype``."""
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        file.attrs["channels"] = np.uint32(dataset.channels)
        if dataset.shape is not None:
            file.attrs["shape"] = np.array(dataset.shape, np.uint32)
        for name, values, kind in (("times", dataset.times_s, dtype), ("units", dataset.units, dataset.units.dtype)):
            rows = file.create_dataset(f"spikes/{name}", (len(dataset),), h5py.vlen_dtype(kind))
            for i in range(len(dataset)):
                rows[i] = values[dataset.offsets[i] : dataset.offsets[i + 1]].astype(kind)
        file["labels"] = dataset.labels.astype(unit_dtype(int(dataset.labels.max(initial=0)) + 1))
        if dataset.speakers is not None:
            file["extra/speaker"] = dataset.speakers
        if dataset.keys:
            file["extra/keys"] = np.array([os.fsencode(key) for key in dataset.keys])
    return image.getvalue()


def _pack(image: bytes, path: Path) -> bytes:
    """``image``, compressed according to the suffix of ``path``."""
    if path.name.endswith(".gz"):
        return gzip.compress(image, mtime=0)
    if path.name.endswith(".xz"):
        return lzma.compress(image, format=lzma.FORMAT_XZ, filters=XZ_FILTERS)
    return image


def _dataset(source: OpenFile, time_unit: str | None) -> SpikeDataset:
    """The checked content of an open file, in memory."""
    labels, times_rows, units_rows = _lists(source, time_unit)
    times, time_offsets = _flat(source, times_rows)
    units, offsets = _flat(source, units_rows)
    _check_lengths(np.diff(time_offsets), np.diff(offsets), source.path)
    shape = _shape(source)
    channels, keys, speakers = _channels(source, shape), _keys(source), _speakers(source)
    return SpikeDataset(in_seconds(times, time_unit), units, offsets, labels, channels, keys, speakers, str(source.path), shape)


def _converted(source: OpenFile, entry: Entry, time_unit: str | None) -> SpikeDataset:
    """The checked content of an open file, converted to the cache and mapped."""
    labels, times_rows, units_rows = _lists(source, time_unit)
    shape, path = _shape(source), source.path
    channels = _channels(source, shape)
    about: dict[str, Any] = {"channels": channels, "shape": shape, "keys": _keys(source)}
    about |= {"file_bytes": source.size, "source": str(path.resolve())}
    lists = {"labels": labels, "speakers": _speakers(source)}
    base = h5py.check_vlen_dtype(times_rows.dtype)
    dtypes = {"times_s": stored_dtype(base, time_unit), "units": unit_dtype(channels)}
    return entry.write(_pieces(source, times_rows, units_rows, channels, time_unit), about, lists, dtypes, str(path))


def _pieces(
    source: OpenFile, times_rows: h5py.Dataset, units_rows: h5py.Dataset, channels: int, time_unit: str | None
) -> Iterator[Piece]:
    """Yields the events of a file, ROWS_AT_ONCE samples at a time; units are checked before they become unsigned."""
    from tqdm import tqdm

    path, at_once, total = source.path, source.rows_at_once(ROWS_AT_ONCE), 0
    starts = range(0, times_rows.size, at_once)
    # shown on a terminal only
    for start in tqdm(starts, disable=None, desc=f"converting {path.name} once", unit_scale=at_once, unit="samples"):
        times, time_lengths = _block(times_rows, start, at_once)
        units, lengths = _block(units_rows, start, at_once)
        total += times.nbytes + units.nbytes
        _check_held(source, total)
        _check_lengths(time_lengths, lengths, path, start)
        if units.size:
            check_range(int(units.min()), int(units.max()), channels, str(path))
        yield in_seconds(times, time_unit), units, lengths


def _lists(source: OpenFile, time_unit: str | None) -> tuple[npt.NDArray[np.int64], h5py.Dataset, h5py.Dataset]:
    """Labels and the rows of times and units; DataError if their types are wrong or their numbers differ."""
    path, labels = source.path, source.integers("labels")
    assert labels is not None
    times_rows, units_rows = source.entry("spikes/times"), source.entry("spikes/units")
    for name, rows, kinds, allowed in (
        ("times", times_rows, "f" if time_unit is None else "fiu", "lists of floats"),
        ("units", units_rows, "iu", "lists of whole numbers"),
    ):
        base = h5py.check_vlen_dtype(rows.dtype)
        if not isinstance(base, np.dtype) or base.kind not in kinds or rows.ndim != 1:
            got = f"shape {rows.shape} of {base or rows.dtype}"
            cure = "; whole times are read with time_unit='us' or 'ms' (--time-unit us)" if name == "times" else ""
            raise DataError(f"{path}: spikes/{name} has {got}; variable-length {allowed} are needed{cure}")
        if rows.size != labels.size:
            raise DataError(f"{path}: {rows.size} lists in spikes/{name} but {labels.size} labels; one label each is needed")
    if not labels.size:
        raise DataError(f"{path}: holds no samples; at least one is needed")
    return labels, times_rows, units_rows


def _check_lengths(times: npt.NDArray[np.int64], units: npt.NDArray[np.int64], path: Path, first: int = 0) -> None:
    """Raise DataError unless each sample has as many times as units; ``first`` is the number of the first sample."""
    unequal = np.flatnonzero(times != units)
    if unequal.size:
        i = unequal[0]
        raise DataError(
            f"{path}: sample {first + i} has {times[i]} spike times but {units[i]} units ({unequal.size} such samples); one "
            "unit each is needed: get the file again"
        )


def _flat(source: OpenFile, rows: h5py.Dataset) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Concatenated variable-length rows, (events,), and offsets, (samples + 1,)."""
    blocks, lengths, total, at_once = [], [], 0, source.rows_at_once(ROWS_AT_ONCE)
    for start in range(0, rows.size, at_once):
        block, counts = _block(rows, start, at_once)
        blocks.append(block)
        lengths.append(counts)
        total += block.nbytes
        _check_held(source, total)
    return np.concatenate(blocks), np.concatenate(([0], np.cumsum(np.concatenate(lengths))))


def _check_held(source: OpenFile, total: int) -> None:
    """Raise ValueError if rows of ``total`` bytes are more than the file has, so that they share what they hold."""
    if total > source.size:
        raise ValueError("its rows hold more than the file")


def _block(rows: h5py.Dataset, start: int, count: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Concatenation of ``count`` rows from ``start`` on, and their lengths."""
    block = rows[start : start + count]
    values = np.concatenate(block).astype(h5py.check_vlen_dtype(rows.dtype))
    return values, np.array([row.size for row in block], np.int64)


def _shape(source: OpenFile) -> tuple[int, int, int] | None:
    """The root attribute ``shape``, or None."""
    value = source.attribute("shape")
    if value is None:
        return None
    if value.shape != (3,) or value.dtype.kind not in "iu" or not 1 <= math.prod(max(int(n), 0) for n in value) <= MAX_CHANNELS:
        raise DataError(
            f"{source.path}: root attribute 'shape' is {value}, allowed are three whole numbers (channels, height, width) "
            f"with a product in 1..{MAX_CHANNELS}"
        )
    return int(value[0]), int(value[1]), int(value[2])


def _channels(source: OpenFile, shape: tuple[int, int, int] | None) -> int:
    """Number of channels: the root attribute ``channels``, else the product of ``shape``, else SHD's 700."""
    value = source.attribute("channels")
    if value is None:
        return SHD_CHANNELS if shape is None else math.prod(shape)
    if value.size != 1 or value.dtype.kind not in "iu" or not 1 <= int(value.reshape(())) <= MAX_CHANNELS:
        raise DataError(
            f"{source.path}: root attribute 'channels' is {value}, allowed is one whole number in 1..{MAX_CHANNELS}"
        )
    return int(value.reshape(()))


def _keys(source: OpenFile) -> tuple[str, ...]:
    """Names of the classes, () if there are none."""
    entry = source.entry("extra/keys", required=False)
    if entry is None:
        return ()
    check_names(entry.size, f"{source.path}: extra/keys")
    return tuple(key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key) for key in entry[...])


def _speakers(source: OpenFile) -> npt.NDArray[np.int64] | None:
    """Speaker of each sample, or None; names become numbers in alphabetical order."""
    entry = source.entry("extra/speaker", required=False)
    if entry is None or entry.size == 0:
        return None
    if entry.dtype.kind in "SUO":
        return np.unique(entry[...].astype(str), return_inverse=True)[1].astype(np.int64)
    return source.integers("extra/speaker")
