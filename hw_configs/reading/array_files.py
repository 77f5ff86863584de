"""Reads files of numpy arrays (.npz, .npy): declared sizes are checked before values are read, and nothing is executed.

``numpy.load`` takes the memory that a header asks for, and raises whatever the damage leads to.  Here every fault of a file is
a ValueError with one line.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import MyelinError
from myelin.hw_configs.files import check_plain
from myelin.hw_configs.reading.bounds import most_unpacked, too_large

Arrays = dict[str, npt.NDArray[Any]]
#: Upper bound on the bytes of an array's header; ours have 128, and those of structured arrays some hundred.
_HEADER_BYTES = 10_000


def read_npz(path: str | os.PathLike[str], wanted: Callable[[str], bool] = lambda name: True) -> Arrays:
    """The arrays of a .npz file by name.

    Args:
        path: the file.
        wanted: whether to read the array of a name; others are left out.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is damaged or of another kind, holds Python objects, or unpacks to more than is allowed.
    """
    check_plain(path)
    try:
        with open(path, "rb") as file, zipfile.ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if wanted(entry.filename.removesuffix(".npy"))]
            total, packed = sum(entry.file_size for entry in entries), os.fstat(file.fileno()).st_size
            if total > most_unpacked(packed):
                raise ValueError(too_large(packed, total))
            names = [entry.filename.removesuffix(".npy") for entry in entries]
            if len(set(names)) < len(names):
                raise ValueError(f"holds two arrays of one name; each of the {len(names)} names is allowed once")
            arrays = {}
            for name, entry in zip(names, entries, strict=True):
                with archive.open(entry) as member:
                    arrays[name] = _array(member, entry.file_size, name)
            return arrays
    except (OSError, MyelinError):
        raise
    except Exception as error:  # zip files, decompressors, and the tokenizer that reads headers have errors of their own
        raise ValueError(_line(error)) from error


def names_in(path: str | os.PathLike[str]) -> set[str]:
    """Names of the arrays in a .npz file; empty if it cannot be read."""
    try:
        check_plain(path)
        with zipfile.ZipFile(path) as file:
            return {name.removesuffix(".npy") for name in file.namelist()}
    except Exception:  # see above
        return set()


def read_npy(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """The array of a .npy file; raises OSError and ValueError as ``read_npz``."""
    check_plain(path)
    with open(path, "rb") as file:
        try:
            return _array(file, os.fstat(file.fileno()).st_size, os.path.basename(path))
        except (OSError, MyelinError):
            raise
        except Exception as error:  # see above
            raise ValueError(_line(error)) from error


def _array(member: IO[bytes], size: int, name: str) -> npt.NDArray[Any]:
    """The array of a member of ``size`` bytes, whose header must say just as many."""
    version = np.lib.format.read_magic(member)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"{name} is of version {version} of numpy's format")
    try:
        shape, fortran, dtype = read(member, max_header_size=_HEADER_BYTES)  # type: ignore[call-arg]
    except Exception as error:  # a parser of Python's literals, by what the damage is
        raise ValueError(f"{name} has a damaged header") from error
    if dtype.hasobject:
        raise ValueError(
            f"{name} is an array of Python objects, which could run anything; save plain arrays, and lists of different "
            "lengths concatenated, with offsets"
        )
    count = int(np.prod(shape, dtype=object))
    if count < 0 or any(length < 0 for length in shape) or count * dtype.itemsize != size - member.tell():
        raise ValueError(f"{name} says that it has shape {shape} of {dtype}, and has {size} bytes")
    if not dtype.itemsize or not count:
        if max(shape, default=0) > size:
            raise ValueError(f"{name} says that it has shape {shape} of {dtype}, and has {size} bytes")
        return np.empty(shape, dtype)
    array = np.frombuffer(member.read(), dtype, count)
    return array.reshape(shape, order="F" if fortran else "C")


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
