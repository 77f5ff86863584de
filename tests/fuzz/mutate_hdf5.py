"""Changes to HDF5 files: other types, shapes and layouts, links to elsewhere, loops, and sizes that nothing stores."""

from __future__ import annotations

import functools
import random
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from mutate_arrays import change_array
from mutate_bytes import mutate_bytes

_TYPES: tuple[Any, ...] = (
    *("f2", "f4", "f8", ">f4", "c8", "c16", "?", "i1", "i8", "u8", ">i2", "S5", "V7"),
    h5py.string_dtype(),
    h5py.string_dtype("ascii", 4),
    h5py.vlen_dtype("i4"),
    h5py.vlen_dtype("f4"),
    h5py.ref_dtype,
    h5py.enum_dtype({"a": 0, "b": 1}, "i1"),
    np.dtype([("a", "f4"), ("b", "i2")]),
    np.dtype(("f4", (3,))),
)


def mutate_hdf5(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change one object of an HDF5 file, or its bytes."""
    if rng.random() < 0.35:
        return mutate_bytes(rng, path, others)
    try:
        with h5py.File(path, "r+") as file:
            _change(rng, file)
    except Exception:  # damaged by a change before, or a change that HDF5 refuses
        mutate_bytes(rng, path, others)
    return None


def _names(group: h5py.Group, depth: int = 0) -> list[tuple[h5py.Group, str]]:
    found = []
    for key in list(group)[:200]:
        found.append((group, key))
        link = group.get(key, getlink=True)
        if isinstance(link, h5py.HardLink) and depth < 6 and isinstance(group[key], h5py.Group):
            found += _names(group[key], depth + 1)
    return found


def _change(rng: random.Random, file: h5py.File) -> None:
    places = _names(file)
    group, key = rng.choice(places)
    item = group[key]
    kind = rng.randrange(20)
    if kind <= 3:
        if isinstance(item, h5py.Dataset) and item.dtype.kind in "biufS":
            array = change_array(rng, item[()] if item.shape == () else item[...])
            del group[key]
            group[key] = array if array.dtype.kind not in "UMmO" else array.astype("S4")
    elif kind <= 6:
        shape = item.shape if isinstance(item, h5py.Dataset) and item.shape is not None and rng.random() < 0.5 else (3,)
        del group[key]
        group.create_dataset(key, shape, rng.choice(_TYPES))
    elif kind == 7:
        del group[key]
    elif kind == 8:  # a group and a data set change places
        data = isinstance(item, h5py.Dataset)
        del group[key]
        if data:
            group.create_group(key)
        else:
            group[key] = np.arange(4)
    elif kind == 9:
        del group[key]
        group[key] = rng.choice((h5py.SoftLink("/" + key), h5py.SoftLink("/nowhere"), h5py.ExternalLink("/etc/passwd", "/a")))
    elif kind == 10:
        other = rng.choice([*places, (file, None)])
        target = file if other[1] is None else other[0][other[1]]
        name = rng.choice((key, "extra", "0", "loop"))
        if name in group:
            del group[name]
        group[name] = target  # a hard link, perhaps to a group above
    elif kind == 11:
        del group[key]
        layout = h5py.VirtualLayout((4,), "f4")
        layout[...] = h5py.VirtualSource(rng.choice((".", "/etc/passwd", "elsewhere.h5")), "layer", (4,))
        group.create_virtual_dataset(key, layout)
    elif kind == 12:
        del group[key]
        group.create_dataset(key, (16,), "u1", external=[(rng.choice(("/etc/passwd", "missing")), 0, h5py.h5f.UNLIMITED)])
    elif kind == 13:  # declares much, stores nothing
        del group[key]
        shape = rng.choice(((2**28,), (2**40,), (2**20, 2**20), (2**62,), (2**14, 2**14), (10**7,)))
        group.create_dataset(
            key, shape, rng.choice(("f4", "f8", "i1", "S1000", h5py.vlen_dtype("f4"))), chunks=rng.random() < 0.5 or None
        )
    elif kind == 14:
        del group[key]
        _bomb(rng, group, key)
    elif kind == 15:
        del group[key]
        group[key] = h5py.Empty(rng.choice(("f4", "S3", "i8")))
    elif kind == 16:
        below = group.create_group(f"deep{rng.randrange(100)}")
        for _ in range(rng.choice((5, 40, 400))):
            below = below.create_group("nodes")
    elif kind == 17:
        holder = rng.choice((file, group, item))
        name = rng.choice([*holder.attrs.keys(), "shape", "channels", "myelin_format"])
        value = rng.choice((0, -1, 2**40, np.nan, "text", np.arange(3), np.zeros(8000, "i1"), h5py.Empty("f4"), [2**31, 2, 2]))
        if name in holder.attrs:
            del holder.attrs[name]
        holder.attrs[name] = value
    elif kind == 18:
        for number in range(rng.choice((3, 300))):
            group.create_group(f"{number}") if f"{number}" not in group else None
    else:
        again, other = rng.choice(places)
        if again != group and other in again and key in group:
            file.move(group[key].name, again.name.rstrip("/") + f"/{other}x")


@functools.cache
def _zeros(size: int) -> bytes:
    """``size`` zeros, deflated: one block again and again, which takes no time."""
    block = 2**22
    packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = packer.compress(bytes(block)) + packer.flush(zlib.Z_FULL_FLUSH)
    check = (size % 65521) << 16 | 1  # Adler-32 of zeros
    return b"\x78\x9c" + packed * (size // block) + b"\x03\x00" + check.to_bytes(4, "big")


def _bomb(rng: random.Random, group: h5py.Group, key: str) -> None:
    """A compressed data set whose chunks unpack to far more than they store."""
    size = rng.choice((2**26, 2**28, 2**30))
    dtype = np.dtype(rng.choice(("f4", "i1", "f8", "i4")))
    count = size // dtype.itemsize
    shape = rng.choice(((count,), (4096, count // 4096), (1,), (8,)))
    chunk = (count,) if len(shape) == 1 else shape
    data = group.create_dataset(
        key, shape, dtype, chunks=chunk, maxshape=(None,) * len(shape), compression="gzip", compression_opts=1
    )
    data.id.write_direct_chunk((0,) * len(shape), _zeros(size))
