"""Checks of HDF5 files and data sets before they are read, for files of any kind."""

from __future__ import annotations

import mmap
import os
import struct

import h5py

from myelin.hw_configs.errors import NetworkError

#: DEFLATE makes data at most 1032 times smaller; what declares more than it stores is mostly fill values.
_RATIO = 1100
#: Data sets of fewer bytes are read whatever they store.
_SMALL = 1 << 20
#: Start of a collection of texts of variable length: signature, version, three zeros (HDF5 file format III.E, "global heap").
_HEAP = b"GCOL\x01\x00\x00\x00"
_ENTRY = struct.Struct("<HHIQ")  # index, references, zero, size


def is_hollow(dataset: h5py.Dataset) -> bool:
    """Whether a data set declares far more bytes than the file stores for it, so that reading makes them up."""
    size = (dataset.size or 0) * dataset.dtype.itemsize
    return size > _SMALL and dataset.id.get_storage_size() * _RATIO < size


def check_texts(path: str | os.PathLike[str]) -> None:
    """Raise NetworkError if a collection of texts in an HDF5 file never ends: the HDF5 library would read it forever.

    A file that cannot be opened is left to its reader.
    """
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = content.find(_HEAP)
            while start >= 0:
                if _is_endless(content, start):
                    raise NetworkError(
                        f"{os.fspath(path)} is damaged: its texts at byte {start} have no end; copy or download it again"
                    )
                start = content.find(_HEAP, start + 1)
    except (OSError, ValueError):
        return


def _is_endless(content: mmap.mmap, start: int) -> bool:
    """Whether a walk through the entries of the collection at ``start`` stands still; a walk that leaves the file ends."""
    if start + 16 > len(content):
        return False
    end = start + int.from_bytes(content[start + 8 : start + 16], "little")
    place = start + 16
    while place + _ENTRY.size <= min(end, len(content)):
        index, _, _, size = _ENTRY.unpack_from(content, place)
        step = size if index == 0 else _ENTRY.size + (size + 7) // 8 * 8
        if step == 0 or step >= 1 << 64:
            return True
        place += step
    return False
