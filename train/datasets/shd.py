"""Reader and writer of files in the format of the Spiking Heidelberg Digits; SHD and SSC work as downloaded.

    spikes/times    one variable-length list of floats per sample (SHD: float16), seconds
    spikes/units    one variable-length list of integers per sample (SHD: uint16), input channel
    labels          one integer per sample
    extra/speaker   one integer (or name) per sample, optional: SSC has none
    extra/keys      names of the classes, optional

The root attribute ``channels`` is the number of channels if it is not SHD's 700 (Myelin's own; SHD and SSC do not have it).
The root attribute ``shape`` = (channels, height, width) marks units on two axes, such as those of an event camera:
unit = (channel * height + row) * width + column. ``.h5.gz`` (as SHD is distributed) and ``.h5.xz`` are unpacked first.

Source: Cramer, Stradmann, Schemmel, Zenke 2020, arXiv 1910.07407; https://zenkelab.org/datasets.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.files import write_atomically
from myelin.train.datasets.checks import MAX_CHANNELS, check_range
from myelin.train.datasets.events import SpikeDataset
from myelin.train.datasets.mapped import Entry, Piece, Storage

SHD_CHANNELS = 700
STORAGE = Storage()
SUFFIXES = (".h5", ".hdf5", ".h5.gz", ".h5.xz")
MAX_UNPACKED_BYTES = 16 * 2**30  # SSC's training file unpacks to under 5 GiB; more is a mistake or a decompression bomb
MAX_SAMPLES = 10**7
ROWS_AT_ONCE = 256  # samples read in one call; bounds the object array and the lists that h5py creates of variable-length rows
# 2-byte values: literal and match positions are aligned to pairs (lp = pb = 1), a tenth smaller than with the preset
XZ_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 3, "lp": 1, "pb": 1}]


def read_shd(path: str | os.PathLike[str], storage: Storage = STORAGE) -> SpikeDataset:
    """The samples of one SHD-format file; DataError with one sentence if it is not a valid file.

    A file above the memory limit of ``storage`` is converted once, in pieces, and mapped (``myelin.train.datasets.mapped``).
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path}: is a folder; a file of the SHD format ({', '.join(SUFFIXES)}) is needed")
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes); a file of the SHD format is needed: download or encode it again")
    entry = storage.entry(path)
    if found := entry.open(storage.limit_bytes, str(path)):
        return found
    with _opened(path, storage) as (file, file_bytes):
        if file_bytes <= storage.limit_bytes:
            return _dataset(file, path)
        with entry.locked():
            return entry.open(storage.limit_bytes, str(path)) or _converted(file, file_bytes, path, entry)


def write_shd(dataset: SpikeDataset, path: str | os.PathLike[str]) -> None:
    """Write ``dataset`` as an SHD-format file, completely or not at all; ``.gz`` and ``.xz`` names are compressed.

    Times become float16 as in SHD, with a resolution of 0.5 ms between 0.5 s and 1 s, and of 1 ms between 1 s and 2 s. The same
    data set gives the same bytes. Raises DataError if the file cannot be written or a time exceeds float16.
    """
    path = Path(path)
    if path.is_dir() or not path.parent.is_dir():
        raise DataError(f"{path}: cannot be written: {'it is a folder' if path.is_dir() else f'no folder {path.parent}'}")
    if dataset.times_s.size and dataset.times_s.max() > np.finfo(np.float16).max:
        raise DataError(f"{path}: spike times reach {dataset.times_s.max():g} s; the SHD format holds 65504 s")
    packed = _pack(_file_bytes(dataset), path)
    try:
        write_atomically(path, packed)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from error


def _file_bytes(dataset: SpikeDataset) -> bytes:
    """The HDF5 file as bytes."""
    image = io.BytesIO()
    with h5py.File(image, "w") as file:
        file.attrs["channels"] = np.uint32(dataset.channels)
        if dataset.shape is not None:
            file.attrs["shape"] = np.array(dataset.shape, np.uint32)
        for name, values, dtype in (("times", dataset.times_s, np.float16), ("units", dataset.units, np.uint16)):
            rows = file.create_dataset(f"spikes/{name}", (len(dataset),), h5py.vlen_dtype(dtype))
            for i in range(len(dataset)):
                rows[i] = values[dataset.offsets[i] : dataset.offsets[i + 1]].astype(dtype)
        file["labels"] = dataset.labels.astype(np.uint16)
        if dataset.speakers is not None:
            file["extra/speaker"] = dataset.speakers
        if dataset.keys:
            file["extra/keys"] = np.array([key.encode() for key in dataset.keys])
    return image.getvalue()


def _pack(image: bytes, path: Path) -> bytes:
    """``image``, compressed according to the suffix of ``path``."""
    if path.name.endswith(".gz"):
        return gzip.compress(image, mtime=0)
    if path.name.endswith(".xz"):
        return lzma.compress(image, format=lzma.FORMAT_XZ, filters=XZ_FILTERS)
    return image


@contextlib.contextmanager
def _opened(path: Path, storage: Storage) -> Iterator[tuple[h5py.File, int]]:
    """The HDF5 file at ``path`` and its unpacked size; errors of h5py and of decompressors become a DataError."""
    try:
        with contextlib.ExitStack() as stack:
            source: Any = path
            size = path.stat().st_size
            if path.name.endswith((".gz", ".xz")):
                source = stack.enter_context(_unpacked(path, storage))
                size = source.seek(0, os.SEEK_END)
            yield stack.enter_context(h5py.File(source, "r")), size
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, EOFError, lzma.LZMAError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read as HDF5 ({reason}); it is damaged or of another kind: get it again") from error


def _unpacked(path: Path, storage: Storage) -> IO[bytes]:
    """Content of a compressed file, up to MAX_UNPACKED_BYTES; in an unnamed temporary file if it exceeds the memory limit."""
    image = tempfile.SpooledTemporaryFile(max(1, storage.limit_bytes), dir=str(storage.folder))  # noqa: SIM115  closed by the user
    opener: Any = gzip.open if path.name.endswith(".gz") else lzma.open
    with opener(path, "rb") as packed:
        while block := packed.read(2**22):
            if image.tell() + len(block) > storage.limit_bytes:
                storage.folder.mkdir(parents=True, exist_ok=True)
            image.write(block)
            if image.tell() > MAX_UNPACKED_BYTES:
                raise DataError(f"{path}: unpacks to more than {MAX_UNPACKED_BYTES // 2**30} GiB; unpack it and pass the .h5")
    image.seek(0)
    return image


def _dataset(file: h5py.File, path: Path) -> SpikeDataset:
    """The checked content of an open file, in memory."""
    labels, times_rows, units_rows = _lists(file, path)
    times, time_offsets = _flat(times_rows, np.dtype(np.float32))
    units, offsets = _flat(units_rows, None)
    _check_lengths(np.diff(time_offsets), np.diff(offsets), path)
    shape = _shape(file, path)
    channels, keys, speakers = _channels(file, path, shape), _keys(file, path), _speakers(file, path)
    return SpikeDataset(times, units, offsets, labels, channels, keys, speakers, str(path), shape)


def _converted(file: h5py.File, file_bytes: int, path: Path, entry: Entry) -> SpikeDataset:
    """The checked content of an open file, converted to the cache and mapped."""
    labels, times_rows, units_rows = _lists(file, path)
    shape = _shape(file, path)
    channels = _channels(file, path, shape)
    about: dict[str, Any] = {"channels": channels, "shape": shape, "keys": _keys(file, path)}
    about |= {"file_bytes": file_bytes, "source": str(path.resolve())}
    lists = {"labels": labels, "speakers": _speakers(file, path)}
    return entry.write(_pieces(times_rows, units_rows, channels, path), about, lists, str(path))


def _pieces(times_rows: h5py.Dataset, units_rows: h5py.Dataset, channels: int, path: Path) -> Iterator[Piece]:
    """Yields the events of a file, ROWS_AT_ONCE samples at a time; units are checked before they become uint16."""
    from tqdm import tqdm

    starts = range(0, times_rows.size, ROWS_AT_ONCE)
    # shown on a terminal only
    for start in tqdm(starts, disable=None, desc=f"converting {path.name} once", unit_scale=ROWS_AT_ONCE, unit="samples"):
        times, time_lengths = _block(times_rows, start, np.dtype(np.float32))
        units, lengths = _block(units_rows, start, None)
        _check_lengths(time_lengths, lengths, path, start)
        if units.size:
            check_range(int(units.min()), int(units.max()), channels, str(path))
        yield times, units, lengths


def _lists(file: h5py.File, path: Path) -> tuple[npt.NDArray[np.int64], h5py.Dataset, h5py.Dataset]:
    """Labels and the rows of times and units; DataError if their types are wrong or their numbers differ."""
    labels = _list(_entry(file, "labels", path), "labels", path)
    times_rows, units_rows = (_entry(file, f"spikes/{name}", path) for name in ("times", "units"))
    for name, rows, kinds, allowed in (
        ("times", times_rows, "f", "lists of floats"),
        ("units", units_rows, "iu", "lists of whole numbers"),
    ):
        base = h5py.check_vlen_dtype(rows.dtype)
        if not isinstance(base, np.dtype) or base.kind not in kinds or rows.ndim != 1:
            got = f"shape {rows.shape} of {base or rows.dtype}"
            raise DataError(f"{path}: spikes/{name} has {got}; variable-length {allowed} are needed")
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


def _entry(file: h5py.File, name: str, path: Path, required: bool = True) -> Any:
    """The data set ``name``, which must be stored in the file itself; None if an optional one is absent."""
    group: Any = file
    for part in name.split("/"):
        link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink):
            raise DataError(f"{path}: {name} links to another file ({link.filename}); data must lie in the file itself")
        group = group.get(part) if link is not None else None
        if group is None:
            if required:
                raise DataError(f"{path}: has no {name}; a file of the SHD format has spikes/times, spikes/units and labels")
            return None
    if not isinstance(group, h5py.Dataset):
        raise DataError(f"{path}: {name} is a {type(group).__name__.lower()}; a data set is needed")
    if group.external or group.is_virtual:
        raise DataError(f"{path}: {name} takes its values from other files; data must lie in the file itself")
    if group.ndim != 1 or group.size > MAX_SAMPLES:
        raise DataError(f"{path}: {name} has shape {group.shape}; a list of at most {MAX_SAMPLES} entries is needed")
    return group


def _flat(rows: h5py.Dataset, dtype: np.dtype[Any] | None) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Concatenated variable-length rows, (events,), and offsets, (samples + 1,)."""
    blocks, lengths = zip(*(_block(rows, start, dtype) for start in range(0, rows.size, ROWS_AT_ONCE)), strict=True)
    return np.concatenate(blocks), np.concatenate(([0], np.cumsum(np.concatenate(lengths))))


def _block(rows: h5py.Dataset, start: int, dtype: np.dtype[Any] | None) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Concatenation of ROWS_AT_ONCE rows from ``start`` on, and their lengths."""
    block = rows[start : start + ROWS_AT_ONCE]
    with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite; the check of times then names its sample
        values = np.concatenate(block).astype(dtype or h5py.check_vlen_dtype(rows.dtype))
    return values, np.array([row.size for row in block], np.int64)


def _list(entry: h5py.Dataset, name: str, path: Path) -> npt.NDArray[np.int64]:
    """A list of integers as int64."""
    if entry.dtype.kind not in "iu":
        raise DataError(f"{path}: {name} has dtype {entry.dtype}; whole numbers are needed")
    values = entry[...]
    if values.size and values.max() > np.iinfo(np.int64).max:
        raise DataError(f"{path}: {name} reaches {values.max()}, which no list of this kind holds")
    return np.asarray(values, np.int64)


def _shape(file: h5py.File, path: Path) -> tuple[int, int, int] | None:
    """The root attribute ``shape``, or None."""
    if "shape" not in file.attrs:
        return None
    value = np.asarray(file.attrs["shape"])
    if value.shape != (3,) or value.dtype.kind not in "iu" or not 1 <= math.prod(max(int(n), 0) for n in value) <= MAX_CHANNELS:
        raise DataError(
            f"{path}: root attribute 'shape' is {value}, allowed are three whole numbers (channels, height, width) with a "
            f"product in 1..{MAX_CHANNELS}"
        )
    return int(value[0]), int(value[1]), int(value[2])


def _channels(file: h5py.File, path: Path, shape: tuple[int, int, int] | None) -> int:
    """Number of channels: the root attribute ``channels``, else the product of ``shape``, else SHD's 700."""
    value = np.asarray(file.attrs.get("channels", SHD_CHANNELS if shape is None else math.prod(shape)))
    if value.size != 1 or value.dtype.kind not in "iu" or not 1 <= int(value.reshape(())) <= MAX_CHANNELS:
        raise DataError(f"{path}: root attribute 'channels' is {value}, allowed is one whole number in 1..{MAX_CHANNELS}")
    return int(value.reshape(()))


def _keys(file: h5py.File, path: Path) -> tuple[str, ...]:
    """Names of the classes, () if there are none."""
    entry = _entry(file, "extra/keys", path, required=False)
    if entry is None:
        return ()
    return tuple(key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key) for key in entry[...])


def _speakers(file: h5py.File, path: Path) -> npt.NDArray[np.int64] | None:
    """Speaker of each sample, or None; names become numbers in alphabetical order."""
    entry = _entry(file, "extra/speaker", path, required=False)
    if entry is None or entry.size == 0:
        return None
    if entry.dtype.kind in "SUO":
        return np.unique(entry[...].astype(str), return_inverse=True)[1].astype(np.int64)
    return _list(entry, "extra/speaker", path)
