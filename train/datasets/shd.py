"""Files in the format of the Spiking Heidelberg Digits: read, checked and written; SHD and SSC work as downloaded.

    spikes/times    one variable-length list of floats a sample (SHD: float16), seconds
    spikes/units    one variable-length list of integers a sample (SHD: uint16), input channel
    labels          one integer a sample
    extra/speaker   one integer (or name) a sample, optional: SSC has none
    extra/keys      names of the classes, optional

A file whose encoder has another number of channels than SHD's 700 says so in the root attribute ``channels`` (ours; SHD and SSC
carry none). Units on two axes, such as an event camera's, say so in the root attribute ``shape`` = (channels, height, width):
unit = (channel * height + row) * width + column. ``.h5.gz`` (as SHD is distributed) and ``.h5.xz`` are unpacked in memory.

Source: Cramer, Stradmann, Schemmel, Zenke 2020, arXiv 1910.07407; https://zenkelab.org/datasets.
"""

from __future__ import annotations

import contextlib
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

from hw_configs.errors import DataError
from hw_configs.files import write_atomically
from train.datasets.events import MAX_CHANNELS, SpikeDataset

SHD_CHANNELS = 700
SUFFIXES = (".h5", ".hdf5", ".h5.gz", ".h5.xz")
MAX_UNPACKED_BYTES = 16 * 2**30  # SSC's training file unpacks to under 5 GiB; more is a mistake or a bomb
MAX_SAMPLES = 10**7
ROWS_AT_ONCE = 1024  # samples read in one call: bounds the object array that h5py makes of variable-length rows
# 2-byte values: literal and match positions are aligned to pairs (lp = pb = 1); that saves a tenth against the preset
XZ_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 3, "lp": 1, "pb": 1}]


def read_shd(path: str | os.PathLike[str]) -> SpikeDataset:
    """The samples of one SHD-format file; raises DataError, in one sentence, for anything that is not a sound one."""
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path}: is a folder; a file of the SHD format ({', '.join(SUFFIXES)}) is needed")
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes); a file of the SHD format is needed: download or encode it again")
    with _opened(path) as file:
        return _dataset(file, path)


def write_shd(dataset: SpikeDataset, path: str | os.PathLike[str]) -> None:
    """Write ``dataset`` as an SHD-format file, whole or not at all; ``.gz`` and ``.xz`` names are compressed.

    Times become float16 as in SHD: 0.5 ms apart between 0.5 s and 1 s, 1 ms between 1 s and 2 s. The same data set gives the
    same bytes. Raises DataError where the file cannot be written or a time exceeds float16.
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
    """``image``, compressed where the name asks for it."""
    if path.name.endswith(".gz"):
        return gzip.compress(image, mtime=0)
    if path.name.endswith(".xz"):
        return lzma.compress(image, format=lzma.FORMAT_XZ, filters=XZ_FILTERS)
    return image


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    """The HDF5 file at ``path``; whatever h5py or a decompressor says against it becomes a DataError."""
    try:
        source: Any = path
        if path.name.endswith((".gz", ".xz")):
            source = _unpacked(path)
        with h5py.File(source, "r") as file:
            yield file
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, EOFError, lzma.LZMAError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read as HDF5 ({reason}); it is damaged or of another kind: get it again") from error


def _unpacked(path: Path) -> io.BytesIO:
    """Content of a compressed file, up to MAX_UNPACKED_BYTES."""
    image = io.BytesIO()
    opener: Any = gzip.open if path.name.endswith(".gz") else lzma.open
    with opener(path, "rb") as packed:
        while block := packed.read(2**22):
            image.write(block)
            if image.tell() > MAX_UNPACKED_BYTES:
                raise DataError(f"{path}: unpacks to more than {MAX_UNPACKED_BYTES // 2**30} GiB; unpack it and pass the .h5")
    image.seek(0)
    return image


def _dataset(file: h5py.File, path: Path) -> SpikeDataset:
    """The checked content of an open file."""
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
    times, time_offsets = _flat(times_rows, np.dtype(np.float32))
    units, offsets = _flat(units_rows, None)
    unequal = np.flatnonzero(np.diff(time_offsets) != np.diff(offsets))
    if unequal.size:
        i = unequal[0]
        raise DataError(
            f"{path}: sample {i} has {time_offsets[i + 1] - time_offsets[i]} spike times but {offsets[i + 1] - offsets[i]} "
            f"units ({unequal.size} such samples); one unit each is needed: get the file again"
        )
    shape = _shape(file, path)
    channels, keys, speakers = _channels(file, path, shape), _keys(file, path), _speakers(file, path)
    return SpikeDataset(times, units, offsets, labels, channels, keys, speakers, str(path), shape)


def _entry(file: h5py.File, name: str, path: Path, required: bool = True) -> Any:
    """The data set ``name``, stored in this very file; None where an optional one is absent."""
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
    """Variable-length rows laid end to end, (events,), and offsets, (samples + 1,)."""
    base = dtype or h5py.check_vlen_dtype(rows.dtype)
    blocks = [np.empty(0, base)]
    lengths = np.zeros(rows.size, np.int64)
    for start in range(0, rows.size, ROWS_AT_ONCE):
        block = rows[start : start + ROWS_AT_ONCE]
        lengths[start : start + ROWS_AT_ONCE] = [row.size for row in block]
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite, which is refused with its sample
            blocks.append(np.concatenate(block).astype(base))
    return np.concatenate(blocks), np.concatenate(([0], np.cumsum(lengths)))


def _list(entry: h5py.Dataset, name: str, path: Path) -> npt.NDArray[np.int64]:
    """A list of whole numbers as int64."""
    if entry.dtype.kind not in "iu":
        raise DataError(f"{path}: {name} has dtype {entry.dtype}; whole numbers are needed")
    values = entry[...]
    if values.size and values.max() > np.iinfo(np.int64).max:
        raise DataError(f"{path}: {name} reaches {values.max()}, which no list of this kind holds")
    return np.asarray(values, np.int64)


def _shape(file: h5py.File, path: Path) -> tuple[int, int, int] | None:
    """The root attribute ``shape``; None where there is none."""
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
    """Number of channels: the root attribute ``channels``, or the product of ``shape``, or SHD's."""
    value = np.asarray(file.attrs.get("channels", SHD_CHANNELS if shape is None else math.prod(shape)))
    if value.size != 1 or value.dtype.kind not in "iu" or not 1 <= int(value.reshape(())) <= MAX_CHANNELS:
        raise DataError(f"{path}: root attribute 'channels' is {value}, allowed is one whole number in 1..{MAX_CHANNELS}")
    return int(value.reshape(()))


def _keys(file: h5py.File, path: Path) -> tuple[str, ...]:
    """Names of the classes, () where there are none."""
    entry = _entry(file, "extra/keys", path, required=False)
    if entry is None:
        return ()
    return tuple(key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key) for key in entry[...])


def _speakers(file: h5py.File, path: Path) -> npt.NDArray[np.int64] | None:
    """Speaker of each sample; names become numbers in the order of the alphabet."""
    entry = _entry(file, "extra/speaker", path, required=False)
    if entry is None or entry.size == 0:
        return None
    if entry.dtype.kind in "SUO":
        return np.unique(entry[...].astype(str), return_inverse=True)[1].astype(np.int64)
    return _list(entry, "extra/speaker", path)
