"""Checks the heaps of variable-length rows in an HDF5 file before h5py reads them: on a damaged heap the library never returns.

    row in a data set       length (4 bytes), address of a collection (8), index of an object in it (4)
    collection              "GCOL", version (1), reserved (3), size (8), then objects until its end
    object                  index (2), references (2), reserved (4), size (8), data padded to 8 bytes; index 0 is free space

The library walks through the objects of a collection by their sizes; a size of 0 in free space keeps it there for ever.

Source: HDF5 File Format Specification 3.0, III.E "Global Heap" and IV.A.2.d "Datatype Message", variable-length class.
"""

from __future__ import annotations

import struct
import zlib
from typing import IO

import h5py
import numpy as np

ROW = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
_HEADER = struct.Struct("<4sB3xQ")
_OBJECT = struct.Struct("<HHIQ")
_SIGNATURE = b"GCOL\x01\x00\x00\x00"
_AT_ONCE = 2**24
KNOWN_FILTERS: tuple[list[int], ...] = ([], [h5py.h5z.FILTER_DEFLATE], [h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_DEFLATE])


def check_rows(rows: h5py.Dataset, raw: IO[bytes], size: int) -> bool:
    """Raise ValueError if the heaps of a data set of variable-length rows are damaged, or rows share what they hold.

    Returns whether every row was seen; a filter may hide them.

    Args:
        rows: a data set whose dtype is variable-length.
        raw: the bytes of the file; its position changes.
        size: number of bytes.
    """
    if rows.file.id.get_create_plist().get_sizes() != (8, 8):
        raise ValueError("its addresses do not have 8 bytes")
    base = rows.file.userblock_size
    heaps = _Heaps(raw, base, size)
    tables = _tables(rows, raw)
    if tables is None:
        heaps.check_all()
        return False
    for table in tables:
        heaps.check(np.frombuffer(table, ROW), _item_bytes(rows))
    return True


def _tables(rows: h5py.Dataset, raw: IO[bytes]) -> list[bytes] | None:
    """The tables of rows, one, or one for each chunk; None if they cannot be found, since a filter or the layout hides them."""
    plan = rows.id.get_create_plist()
    layout, filters = plan.get_layout(), [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    if layout == h5py.h5d.CONTIGUOUS:
        start, size = rows.id.get_offset(), rows.size * ROW.itemsize
        return [] if start is None else [_table(raw, start, size, size, [])]  # None: nothing was ever written
    if layout != h5py.h5d.CHUNKED or filters not in KNOWN_FILTERS:
        return None
    chunks = [rows.id.get_chunk_info(i) for i in range(rows.id.get_num_chunks())]
    if any(chunk.filter_mask for chunk in chunks):
        return None
    size = rows.chunks[0] * ROW.itemsize
    return [_table(raw, chunk.byte_offset, chunk.size, size, filters) for chunk in chunks]


def _table(raw: IO[bytes], start: int, stored: int, size: int, filters: list[int]) -> bytes:
    """A table of ``size`` bytes, which is ``stored`` bytes at ``start``; ValueError if it is not."""
    raw.seek(start)
    table = raw.read(stored)
    if h5py.h5z.FILTER_DEFLATE in filters:
        table = zlib.decompressobj().decompress(table, size + 1)
    if len(table) != size:
        raise ValueError("its rows lie beyond its end")
    if h5py.h5z.FILTER_SHUFFLE in filters:
        table = np.frombuffer(table, np.uint8).reshape(ROW.itemsize, -1).T.tobytes()
    return table


def _item_bytes(rows: h5py.Dataset) -> int:
    """Bytes of one element of a row in the file."""
    kind = rows.id.get_type()
    return int(kind.get_super().get_size()) if isinstance(kind, h5py.h5t.TypeVlenID) else 1


class _Heaps:
    """The collections of a file, each read once."""

    def __init__(self, raw: IO[bytes], base: int, size: int) -> None:
        self.raw, self.base, self.size = raw, base, size
        self.known: dict[int, dict[int, int]] = {}
        self.walked, self.held = 0, 0  # bytes of collections and of rows; each lies in the file once

    def check(self, table: np.ndarray, item_bytes: int) -> None:
        """Raise ValueError unless every row of ``table`` is an object of a sound collection."""
        for length, address, index in table[table["length"] > 0].tolist():
            if address not in self.known:
                self.known[address] = self._objects(address + self.base)
            held = self.known[address].get(index, -1)
            if held < length * item_bytes:
                raise ValueError(f"a row of {length} values has {max(held, 0)} bytes in the heap")
            self.held += length * item_bytes
            if self.held > self.size:
                raise ValueError("its rows hold more than the file")

    def check_all(self) -> None:
        """Raise ValueError unless every collection in the file is sound."""
        overlap = len(_SIGNATURE) - 1
        for start in range(0, self.size, _AT_ONCE):
            self.raw.seek(start)
            block = self.raw.read(_AT_ONCE + overlap)
            place = block.find(_SIGNATURE)
            while place >= 0:
                if (start + place - self.base) % 8 == 0:
                    self._objects(start + place)
                place = block.find(_SIGNATURE, place + 1)

    def _objects(self, place: int) -> dict[int, int]:
        """Index -> size of the objects of the collection that begins at byte ``place``."""
        self.raw.seek(place if place < self.size else 0)
        header = self.raw.read(_HEADER.size)
        if place >= self.size or len(header) < _HEADER.size:
            raise ValueError("a heap lies beyond its end")
        signature, version, length = _HEADER.unpack(header)
        if signature != b"GCOL" or version != 1:
            raise ValueError("a row points to no heap")
        if place + length > self.size:
            raise ValueError("a heap reaches beyond its end")
        self.walked += length
        if self.walked > self.size:
            raise ValueError("its heaps overlap")
        objects: dict[int, int] = {}
        at, end = place + _HEADER.size, place + length
        while at + _OBJECT.size <= end:  # a rest smaller than a header is free
            self.raw.seek(at)
            index, _, _, size = _OBJECT.unpack(self.raw.read(_OBJECT.size))
            need = size if index == 0 else _OBJECT.size + -(-size // 8) * 8
            if need < _OBJECT.size or at + need > end or index in objects:
                raise ValueError("a heap of its rows is damaged")
            if index:
                objects[index] = size
            at += need
        return objects
