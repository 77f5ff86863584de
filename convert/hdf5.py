"""Checks of HDF5 files and data sets before they are read, for files of any kind."""

from __future__ import annotations

import math
import mmap
import os
import struct

import h5py
import numpy as np

from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.reading.bounds import NETWORK_VALUES, check_regular

#: DEFLATE makes data at most 1032 times smaller; what declares more than it stores is mostly fill values.
_RATIO = 1100
#: Data sets of fewer bytes are read whatever they store.
_SMALL = 1 << 20
#: Start of a collection of texts of variable length: signature, version, three zeros (HDF5 file format III.E, "global heap").
_HEAP = b"GCOL\x01\x00\x00\x00"
#: Bytes of a text in a data set: its length (4), the place of its collection (8) and its number there (4).
_REFERENCE = 16
_ENTRY = struct.Struct("<HHIQ")  # index, references, zero, size


class Budget:
    """Values that the readers of one file may still take; what a file says twice, by links, counts twice."""

    def __init__(self) -> None:
        self.left = NETWORK_VALUES.value
        self.counted: set[str] = set()

    def spend(self, dataset: h5py.Dataset, name: str, what: str) -> None:
        """Count the values of a data set, ``name`` in the file and ``what`` in messages, before they are read.

        Raises:
            NetworkError: it, or one of its chunks, which are unpacked whole, exceeds what is left; or it stores next to nothing
                of what it declares.
        """
        if name in self.counted:
            return
        self.counted.add(name)
        size, chunk = int(dataset.size or 0), math.prod(dataset.chunks or (0,))
        if is_hollow(dataset):
            raise NetworkError(f"{what} declares {size} values and stores next to none of them; write the file again")
        for said, count in (("has shape", size), ("has chunks of shape", chunk if size else 0)):
            if count > self.left:
                shape = dataset.shape if said == "has shape" else dataset.chunks
                raise NetworkError(
                    f"{what} {said} {shape}, {count} values; a file may hold {NETWORK_VALUES.value} in all, {self.left} are "
                    f"left; {NETWORK_VALUES.cure(NETWORK_VALUES.value + count)}"
                )
        self.left -= size


def is_hollow(dataset: h5py.Dataset) -> bool:
    """Whether a data set declares far more bytes than the file stores for it, so that reading makes them up."""
    size = (dataset.size or 0) * dataset.dtype.itemsize
    return size > _SMALL and dataset.id.get_storage_size() * _RATIO < size


def has_long_texts(dataset: h5py.Dataset) -> bool:
    """Whether the texts of variable length in a data set say that they are longer than the whole file.

    HDF5 takes the memory for the length that stands in the data set before it looks for the text.  Data that is compressed, or
    stored in the header, is not looked at; no writer of networks stores texts so.
    """
    if dataset.dtype.kind != "O" or not dataset.size:
        return False
    plan = dataset.id.get_create_plist()
    if plan.get_layout() == h5py.h5d.CONTIGUOUS:
        places = [(dataset.id.get_offset(), dataset.id.get_storage_size())]
    elif plan.get_layout() == h5py.h5d.CHUNKED and not plan.get_nfilters():
        chunks = (dataset.id.get_chunk_info(index) for index in range(dataset.id.get_num_chunks()))
        places = [(chunk.byte_offset, chunk.size) for chunk in chunks]
    else:
        return False
    total = 0
    with open(dataset.file.filename, "rb") as file:
        limit = file.seek(0, os.SEEK_END)
        for start, size in places:
            if start is None or size > limit:
                continue
            file.seek(start)
            content = file.read(size)
            whole = len(content) // _REFERENCE * _REFERENCE
            total += int(np.frombuffer(content[:whole], "<u4")[:: _REFERENCE // 4].sum(dtype=np.int64))
    return total > limit


def check_texts(path: str | os.PathLike[str]) -> None:
    """Raise NetworkError if reading a file would never end: a collection of texts in it has no end, or it is a pipe.

    A file that cannot be opened is left to its reader.
    """
    check_regular(path, NetworkError)
    try:
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start, steps = content.find(_HEAP), 0
            while start >= 0:
                taken = _steps(content, start)
                steps += taken or 0
                if taken is None or steps > len(content):  # one after the other, all have fewer
                    raise NetworkError(
                        f"{os.fspath(path)} is damaged: its texts at byte {start} have no end; copy or download it again"
                    )
                start = content.find(_HEAP, start + 1)
    except (OSError, ValueError):
        return


def _steps(content: mmap.mmap, start: int) -> int | None:
    """Number of entries of the collection at ``start``; None if a walk through them stands still.

    A walk that leaves the file ends.
    """
    if start + 16 > len(content):
        return 0
    end = start + int.from_bytes(content[start + 8 : start + 16], "little")
    place, steps = start + 16, 0
    while place + _ENTRY.size <= min(end, len(content)):
        index, _, _, size = _ENTRY.unpack_from(content, place)
        step = size if index == 0 else _ENTRY.size + (size + 7) // 8 * 8
        if step == 0 or step >= 1 << 64:
            return None
        place, steps = place + step, steps + 1
    return steps
