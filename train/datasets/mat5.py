"""Reads arrays of numbers from MATLAB's MAT-files of version 5, as MATLAB 5 to 7 and scipy write them.

    file       116 bytes of text, 8 unused, version 0x0100 (2 bytes), "IM" if little-endian or "MI" if big-endian, elements
    element    type and number of bytes (4 each), data padded to 8 bytes; up to 4 bytes of data may lie within these 8
    packed     an element of type 15 holds another one, deflated; it is not padded
    array      an element of type 14: flags and class, lengths of the axes, name, values in column-major order

scipy's reader crashes on damaged types, and takes what a packed element unpacks to.  This one checks what is declared first.

Source: MathWorks, "MAT-File Format", version 5.
"""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.reading.bounds import DATA_MB, most_unpacked, read_whole, too_large

_MATRIX, _PACKED = 14, 15
#: Type of an element -> dtype of its values.
_TYPES = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
#: Class of an array -> dtype; values may be stored in a smaller one.
_CLASSES = {6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8"}
_OTHERS = {1: "a cell array", 2: "a structure", 3: "an object", 4: "text", 5: "a sparse matrix"}
_COMPLEX = 0x0800
_MOST_AXES = 32


class _Element(NamedTuple):
    """An element: its type, and its data."""

    kind: int
    data: memoryview


def read_mat5(path: str | os.PathLike[str], names: Collection[str]) -> dict[str, npt.NDArray[Any]]:
    """The arrays ``names`` of a file, as far as it has them.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged or of another kind, one of the arrays holds no real numbers, or it unpacks to too much.
    """
    content = memoryview(read_whole(path, DATA_MB))
    mark = bytes(content[126:128])
    if mark not in (b"IM", b"MI") or len(content) < 128:
        cure = "; save it with -v7" if bytes(content[:6]) == b"MATLAB" or bytes(content[:4]) == b"\x89HDF" else ""
        raise ValueError(f"it is no MAT-file of version 5{cure}")
    order = "<" if mark == b"IM" else ">"
    if struct.unpack_from(f"{order}H", content, 124)[0] != 0x0100:
        raise ValueError("it is a MAT-file of another version than 5; save it with -v7")
    found: dict[str, npt.NDArray[Any]] = {}
    left = most_unpacked(len(content))
    for stored in _elements(content[128:], order):
        element: _Element | None = stored
        if stored.kind == _PACKED:
            unpacked = zlib.decompressobj().decompress(stored.data, left + 1)
            left -= len(unpacked)
            if left < 0:
                raise ValueError(too_large(len(content)))
            element = next(_elements(memoryview(unpacked), order), None)
        if element is None or element.kind != _MATRIX:
            continue
        name, array = _array(element.data, order, names)
        if array is not None:
            if name in found:
                raise ValueError(f"it holds two arrays named {name}")
            found[name] = array
    return found


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    """Yields the elements that lie one after the other in ``data``."""
    at = 0
    while at + 8 <= len(data):
        kind, size = struct.unpack_from(f"{order}II", data, at)
        if kind >> 16:  # type and size in 4 bytes, then up to 4 of data
            kind, size, start, end = kind & 0xFFFF, kind >> 16, at + 4, at + 8
            if size > 4:
                raise ValueError("one of its elements is damaged")
        else:
            start = at + 8
            end = start + size if kind == _PACKED else start + -(-size // 8) * 8
        if start + size > len(data):
            raise ValueError("it ends too early")
        yield _Element(kind, data[start : start + size])
        at = end


def _array(data: memoryview, order: str, names: Collection[str]) -> tuple[str, npt.NDArray[Any] | None]:
    """The name of an array, and its values if it is among ``names``."""
    parts = _elements(data, order)
    try:
        flags, lengths, label = next(parts), next(parts), next(parts)
        word = struct.unpack_from(f"{order}I", flags.data)[0]
    except (StopIteration, struct.error):
        raise ValueError("one of its arrays is damaged") from None
    name = bytes(label.data).decode("latin-1")
    if name not in names:
        return name, None
    kind = word & 0xFF
    if kind not in _CLASSES or word & _COMPLEX:
        what = "complex numbers" if kind in _CLASSES else _OTHERS.get(kind, f"of class {kind}")
        raise ValueError(f"{name} is {what}; an array of real numbers is needed")
    if lengths.kind not in (5, 6) or len(lengths.data) % 4 or not 8 <= len(lengths.data) <= 4 * _MOST_AXES:
        raise ValueError(f"the shape of {name} is damaged")
    shape = tuple(int(length) for length in np.frombuffer(lengths.data, f"{order}i4"))
    values = next(parts, _Element(9, memoryview(b"")))
    if values.kind not in _TYPES:
        raise ValueError(f"the values of {name} are of the unknown type {values.kind}")
    dtype = np.dtype(order + _TYPES[values.kind])
    if min(shape) < 0 or math.prod(shape) * dtype.itemsize != len(values.data):
        raise ValueError(f"{name} says that it has shape {shape} of {dtype.name}, and has {len(values.data)} bytes")
    if max(shape) > 2**40:
        raise ValueError(f"{name} says that it has shape {shape}")
    array = np.frombuffer(values.data, dtype).reshape(shape, order="F")
    if array.dtype.kind == "f" and np.dtype(_CLASSES[kind]).kind != "f":
        raise ValueError(f"the values of {name} are not of its class")
    return name, array.astype(_CLASSES[kind])
