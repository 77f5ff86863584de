"""Changes to files of arrays: npz, MATLAB's .mat, safetensors and idx."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from mutate_bytes import SIZES, change_bytes, mutate_bytes
from mutate_text import change_tree

DTYPES = ("f2", "f4", "f8", "f16", "c8", "c16", "?", "i1", ">i4", "i8", "u8", ">f8", "S3", "U2", "V7", "M8[s]", "m8[ms]", "O")
_BAD = (np.nan, np.inf, -np.inf, 1e300, -1, 0.5, 2**40, -(2**31), 256)


def change_array(rng: random.Random, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """``array`` with another dtype, shape, or values."""
    kind = rng.randrange(9)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            if kind <= 2:
                return array.astype(rng.choice(DTYPES))
            if kind == 3:
                return array.reshape(rng.choice(((-1,), (1, *array.shape), (*array.shape, 1), array.shape[::-1])))
            if kind == 4:
                return array[: rng.randrange(len(array) + 1)] if array.ndim else np.array([array] * 3)
            if kind == 5 and array.size:
                changed = array.copy() if rng.random() < 0.5 else array.astype(np.float64)
                changed.reshape(-1)[rng.randrange(array.size)] = rng.choice(_BAD)
                return changed
            if kind == 6:
                return np.empty(rng.choice(((0,), (3, 0), (0, 0, 0), (0, *array.shape[1:]))), array.dtype)
            if kind == 7:
                return np.asarray(rng.choice((0, "text", b"bytes", 1.5, 2**63, [[1, 2]], [{"a": 1}])))
            return np.repeat(array, rng.choice((2, 50)), axis=0) if array.ndim else array
        except (ValueError, TypeError, OverflowError):
            return np.zeros(3, "c8")


def _pack(member: bytes, name: str, archive: zipfile.ZipFile, rng: random.Random) -> None:
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        archive.writestr(name, member, method)


def _npy(array: np.ndarray[Any, Any]) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, allow_pickle=True)
    return out.getvalue()


def header(descr: str, shape: str, fortran: str = "False") -> bytes:
    """The beginning of an .npy file that says what it is told to."""
    text = f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text) % 65536) + text.encode()


_HEADERS = (
    ("'<f4'", "(1000000000000,)"),
    ("'<f4'", "(-1,)"),
    ("'<f8'", "(100000000000000000000, 3)"),
    ("'<i8'", "(2147483648, 0)"),
    ("'|O'", "(3,)"),
    ("[('a', '<f4'), ('b', '|O')]", "(3,)"),
    ("'<V100000000000'", "(0,)"),
    ("'" + "(2," * 200 + "f4" + ")" * 200 + "'", "(3,)"),
    ("'|S0'", "(1000000000,)"),
    ("'<f4'", "(" * 80 + ")" * 80),
    ("__import__('os').getcwd()", "(3,)"),
)


def mutate_npz(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change the arrays of an npz file, its zip entries, or its bytes."""
    kind = rng.randrange(12)
    try:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        assert members
    except Exception:  # a change before this one
        return mutate_bytes(rng, path, others)
    if kind <= 1:
        return mutate_bytes(rng, path, others)
    name = rng.choice(sorted(members))
    double: dict[str, bytes] = {}
    if kind <= 6:
        try:
            members[name] = _npy(change_array(rng, np.lib.format.read_array(io.BytesIO(members[name]), allow_pickle=False)))
        except Exception:  # a change before this one
            members[name] = change_bytes(rng, members[name])
    elif kind == 7:
        members[name] = change_bytes(rng, members[name])
    elif kind == 8:
        members[name] = header(*rng.choice(_HEADERS)) + members[name][128:]
    elif kind == 9:
        content = members.pop(name)
        members |= {rng.choice(("../evil.npy", "/tmp/evil.npy", "other.npy", "x", ".npy", "nested/a.npy")): content}
        double = {name: content} if rng.random() < 0.3 else {}
    elif kind == 10:
        double = {name: members[name]}
    else:  # a bomb: zeros, packed a thousandfold
        size = rng.choice((2**26, 2**28, 2**29))
        dtype = rng.choice(("<f4", "|u1", "<i8", "|b1"))
        count = size // np.dtype(dtype).itemsize
        shape = rng.choice(
            (f"({count},)", f"(1, {count})", f"(1, 1, {count})", f"({count}, 1, 1)", f"(16, {count // 1600}, 100)")
        )
        members[name] = header(repr(dtype), shape) + bytes(size)
    with zipfile.ZipFile(path, "w") as archive:
        for entry, content in members.items():
            if len(content) > 2**25:
                archive.writestr(entry, content, zipfile.ZIP_DEFLATED, 1)
            else:
                _pack(content, entry, archive, rng)
        for entry, content in double.items():
            _pack(content, entry, archive, rng)
    if rng.random() < 0.1:  # sizes in the directory
        data = bytearray(path.read_bytes())
        place = data.rfind(b"PK\x01\x02")
        at = place + rng.choice((8, 10, 16, 20, 24, 28, 42))  # flags, method, CRC, packed, unpacked, length of the name, offset
        data[at : at + 4] = (rng.choice(SIZES) % 2**32).to_bytes(4, "little")
        path.write_bytes(data)
    return None


def mutate_mat(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change the matrices of a MATLAB file, or its bytes."""
    from scipy import sparse
    from scipy.io import loadmat, savemat

    if rng.random() < 0.4:
        return mutate_bytes(rng, path, others)
    try:
        found = {name: value for name, value in loadmat(path).items() if not name.startswith("_")}
    except Exception:
        return mutate_bytes(rng, path, others)
    if not found:
        return mutate_bytes(rng, path, others)
    name = rng.choice(sorted(found))
    kind = rng.randrange(6)
    if kind <= 2:
        found[name] = change_array(rng, found[name])
    elif kind == 3:
        found[name] = rng.choice(([{"a": 1}], {"a": {"b": np.arange(3)}}, np.array([[1], "x"], object), sparse.eye(4).tocsc()))
    elif kind == 4:
        del found[name]
    else:
        found[name] = np.zeros(rng.choice(((1, 1, 2**26), (2, 2**24, 4), (2**26, 1, 1))), np.int8)
    try:
        savemat(path, found, do_compression=rng.random() < 0.7)
    except (TypeError, ValueError, AttributeError):
        return mutate_bytes(rng, path, others)
    if rng.random() < 0.2:
        mutate_bytes(rng, path, others)
    return None


_TENSOR_DTYPES = (
    "BOOL",
    "U8",
    "I8",
    "I16",
    "U16",
    "F16",
    "BF16",
    "I32",
    "U32",
    "F32",
    "F64",
    "I64",
    "U64",
    "F8_E4M3",
    "F4",
    "C64",
)


def mutate_tensors(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change the header or the values of a safetensors file, or its bytes."""
    content = path.read_bytes()
    kind = rng.randrange(8)
    try:
        size = int.from_bytes(content[:8], "little")
        head, values = json.loads(content[8 : 8 + size]), bytearray(content[8 + size :])
        names = [name for name in head if name != "__metadata__"]
        name = rng.choice(names)
        entry = head[name]
        start, end = entry["data_offsets"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError):
        return mutate_bytes(rng, path, others)
    if kind == 0:
        return mutate_bytes(rng, path, others)
    if kind == 1:  # another type of as many bytes
        entry["dtype"] = rng.choice(_TENSOR_DTYPES)
        width = {"B": 1, "8": 1, "6": 2, "2": 4, "4": 8}.get(entry["dtype"][-1], 1)
        count = (end - start) // width
        entry["shape"] = entry["shape"] if rng.random() < 0.3 else [count]
    elif kind == 2:
        entry["shape"] = rng.choice(([], [0], [2**62, 4], [-1], entry["shape"][::-1], [1, *entry["shape"]], [2**40] * 30))
    elif kind == 3 and end - start >= 4:
        at = start + 4 * rng.randrange((end - start) // 4)
        values[at : at + 4] = struct.pack("<f", rng.choice((np.nan, np.inf, -1e30, 1e30, 0.0)))
    elif kind == 4:
        del head[name]
    elif kind == 5:
        head[name + "x"] = head.pop(name)
    elif kind == 6:
        entry["data_offsets"] = rng.choice(([0, 0], [end, start], [0, 2**63], [-1, 4], [start + 1, end + 1], "x"))
    else:
        head = change_tree(rng, head)
    text = json.dumps(head).encode()
    if rng.random() < 0.05:
        text = b"[" * 100_000
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes(values))
    return None


def mutate_idx(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change a size in the head of an idx file, or its bytes; a packed file is unpacked for it."""
    import gzip
    import zlib

    packed = path.name.endswith(".gz")
    if rng.random() < (0.4 if packed else 0.3):
        return mutate_bytes(rng, path, others)
    try:
        data = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    except (OSError, EOFError, zlib.error):
        return mutate_bytes(rng, path, others)
    at = 4 * rng.randrange(4)
    data[at : at + 4] = (rng.choice(SIZES) % 2**32).to_bytes(4, "big")
    if rng.random() < 0.1:  # the size that it says, of zeros
        magic, axes = 2051, (2**24, 28, 1)
        data = bytearray(struct.pack(">iiii", magic, *axes))
        path.write_bytes(gzip.compress(bytes(data) + bytes(2**24 * 28), 1) if packed else bytes(data))
        return None
    path.write_bytes(gzip.compress(bytes(data)) if packed else bytes(data))
    return None
