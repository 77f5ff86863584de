"""Changes to the bytes of a file, whatever it holds."""

from __future__ import annotations

import gzip
import lzma
import random
import zlib
from pathlib import Path

#: Numbers that size fields are set to.
SIZES = (0, 1, -1, 2, 7, 255, 256, 65535, 2**20, 2**24, 2**28, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**62, 2**63 - 1, 2**64 - 1)
#: Bytes of a decompression bomb, unpacked.
BOMB = 3 * 2**30


def change_bytes(rng: random.Random, content: bytes, other: bytes = b"") -> bytes:
    """``content`` with one change; ``other`` is the content of a file of the same kind, for splices."""
    if not content:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(64)))
    data, at = bytearray(content), _place(rng, len(content))
    size = rng.choice((1, 2, 4, 8, 16, 64, 512, 4096, len(content) // 2 + 1))
    kind = rng.randrange(11)
    if kind <= 2:  # the most frequent: some bits
        for _ in range(rng.choice((1, 1, 2, 8, 64))):
            data[_place(rng, len(data))] ^= 1 << rng.randrange(8)
    elif kind <= 4:
        width = rng.choice((1, 2, 4, 8))
        at -= at % rng.choice((1, width))
        value = (rng.choice(SIZES) + rng.choice((0, 0, 0, -1, 1))) % 2 ** (8 * width)
        data[at : at + width] = value.to_bytes(width, rng.choice(("little", "little", "big")))
    elif kind == 5:
        del data[at:]
    elif kind == 6:
        del data[at : at + size]
    elif kind == 7:
        data[at:at] = data[at : at + size]
    elif kind == 8:
        data[at : at + size] = bytes([rng.choice((0, 255))]) * min(size, len(data) - at)
    elif kind == 9 and other:
        start = rng.randrange(len(other))
        data[at : at + size] = other[start : start + size]
    else:
        data += bytes(rng.randrange(256) for _ in range(min(size, 512)))
    return bytes(data)


def _place(rng: random.Random, length: int) -> int:
    """An index below ``length``; every second one is near the beginning, where headers are."""
    return rng.randrange(min(length, 512)) if rng.random() < 0.5 else rng.randrange(length)


def mutate_bytes(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change the bytes of ``path``."""
    other = rng.choice(others).read_bytes() if others else b""
    path.write_bytes(change_bytes(rng, path.read_bytes(), other))


def mutate_packed(rng: random.Random, path: Path, others: list[Path]) -> None:
    """Change a .gz or .xz file: its own bytes, what it unpacks to, or its ends."""
    content, gz = path.read_bytes(), path.name.endswith(".gz")
    pack = gzip.compress if gz else lzma.compress
    kind = rng.randrange(8)
    if len(content) > 2**20:  # a bomb of a change before this one
        return mutate_bytes(rng, path, others)
    try:
        inner = gzip.decompress(content) if gz else lzma.decompress(content)
    except (OSError, EOFError, lzma.LZMAError, zlib.error):  # a change before this one
        inner = b""
    if kind == 0 and gz:
        path.write_bytes(_zeros(BOMB))
    elif kind == 1:
        path.write_bytes(pack(inner) + rng.choice((b"\0" * 64, b"rest", pack(b""), pack(inner))))
    elif kind == 2:
        path.write_bytes((lzma.compress if gz else gzip.compress)(inner))  # the other packing, under this name
    elif kind == 3:
        path.write_bytes(pack(content))  # packed twice
    elif kind <= 5:
        path.write_bytes(pack(change_bytes(rng, inner)))
    else:
        mutate_bytes(rng, path, others)
    return None


def _zeros(count: int) -> bytes:
    """A gzip file of ``count`` zeros."""
    one = gzip.compress(bytes(2**26), mtime=0)
    return one * (count // 2**26)  # members follow one another


def special_file(rng: random.Random, path: Path) -> None:
    """Something that is no regular file in the place of ``path``."""
    import os
    import shutil

    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    kind = rng.randrange(7)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        os.mkfifo(path)
    elif kind == 2:
        path.symlink_to("/dev/zero")
    elif kind == 3:
        path.symlink_to(path.name)  # to itself
    elif kind == 4:
        path.symlink_to("nowhere")
    elif kind == 5:
        path.write_bytes(b"")
    else:
        path.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
