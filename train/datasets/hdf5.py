"""HDF5 files opened for reading, unpacked first if they are compressed: damage ends in one message, and never in a hang."""

from __future__ import annotations

import contextlib
import gzip
import lzma
import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.reading.bounds import SAMPLES, most_unpacked, too_large
from myelin.hw_configs.reading.hdf5_types import is_sound
from myelin.train.datasets.hdf5_heaps import check_rows
from myelin.train.datasets.mapped import Storage

#: Bytes of rows of unknown lengths that are read in one call.
_UNSEEN_BYTES = 2**28
_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, EOFError, OverflowError, lzma.LZMAError, zlib.error)


@dataclass(frozen=True)
class OpenFile:
    """An open HDF5 file.

    Attributes:
        file: the file as h5py has it.
        raw: its bytes.
        size: number of bytes, unpacked.
        path: its name, with which every error begins.
        unseen: names of the lists of variable length whose lengths a filter hides until they are read.
    """

    file: h5py.File
    raw: IO[bytes]
    size: int
    path: Path
    unseen: set[str] = field(default_factory=set)

    def entry(self, name: str, required: bool = True) -> Any:
        """The list ``name``, which must be stored in the file itself and be sound; None if an optional one is absent."""
        path, group = self.path, self.file
        for part in name.split("/"):
            link = group.get(part, getlink=True) if isinstance(group, h5py.Group) else None
            if isinstance(link, h5py.ExternalLink):
                raise DataError(f"{path}: {name} links to another file ({link.filename}); data must lie in the file itself")
            group = group.get(part) if link is not None else None
            if group is None:
                if required:
                    raise DataError(
                        f"{path}: has no {name}; a file of the SHD format has spikes/times, spikes/units and labels"
                    )
                return None
        if not isinstance(group, h5py.Dataset):
            raise DataError(f"{path}: {name} is a {type(group).__name__.lower()}; a data set is needed")
        if group.external or group.is_virtual:
            raise DataError(f"{path}: {name} takes its values from other files; data must lie in the file itself")
        if not is_sound(group):
            raise DataError(f"{path}: {name} has a damaged type; copy or download the file again")
        most = SAMPLES.value
        if group.ndim != 1 or group.size > most:
            cure = "" if group.ndim != 1 else f"; {SAMPLES.cure(group.size)}"
            raise DataError(f"{path}: {name} has shape {group.shape}; a list of at most {most} entries is needed{cure}")
        unpacked = max(group.size, *(group.chunks or (0,))) * group.dtype.itemsize
        if group.size and unpacked > most_unpacked(self.size):
            raise DataError(f"{path}: {name} {too_large(self.size, unpacked)}")
        if group.dtype.kind == "O" and not check_rows(group, self.raw, self.size):  # rows of variable length
            self.unseen.add(name)
        return group

    def rows_at_once(self, most: int) -> int:
        """Samples to read in one call, up to ``most``; fewer where each may turn out as long as the file."""
        return most if not self.unseen else max(1, min(most, _UNSEEN_BYTES // self.size))

    def integers(self, name: str, required: bool = True) -> npt.NDArray[np.int64] | None:
        """The list of integers ``name`` as int64; None if an optional one is absent."""
        entry = self.entry(name, required)
        if entry is None:
            return None
        if entry.dtype.kind not in "iu":
            raise DataError(f"{self.path}: {name} has dtype {entry.dtype}; whole numbers are needed")
        values = entry[...]
        if values.size and values.max() > np.iinfo(np.int64).max:
            raise DataError(f"{self.path}: {name} reaches {values.max()}, which no list of this kind holds")
        return np.asarray(values, np.int64)

    def attribute(self, name: str) -> npt.NDArray[Any] | None:
        """The root attribute ``name``, None if there is none; one that holds no numbers is returned as the name of its type."""
        if name not in self.file.attrs:
            return None
        dtype = self.file.attrs.get_id(name).dtype
        return np.asarray(self.file.attrs[name] if dtype.kind in "biuf" else f"of the type {dtype}")


@contextlib.contextmanager
def opened(path: Path, storage: Storage) -> Iterator[OpenFile]:
    """The HDF5 file at ``path``; errors of h5py and of decompressors become a DataError."""
    try:
        with contextlib.ExitStack() as stack:
            packed = path.name.endswith((".gz", ".xz"))
            raw: Any = stack.enter_context(_unpacked(path, storage) if packed else path.open("rb"))
            size = raw.seek(0, os.SEEK_END)
            # a second handle: HDF5 reads a plain file by itself
            yield OpenFile(stack.enter_context(h5py.File(raw if packed else path, "r")), raw, size, path)
    except _ERRORS as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read as HDF5 ({reason}); it is damaged or of another kind: get it again") from error


def _unpacked(path: Path, storage: Storage) -> IO[bytes]:
    """Content of a compressed file, as far as it is allowed; in an unnamed temporary file if it exceeds the memory limit."""
    image = tempfile.SpooledTemporaryFile(max(1, storage.limit_bytes), dir=str(storage.folder))  # noqa: SIM115  closed by the user
    opener: Any = gzip.open if path.name.endswith(".gz") else lzma.open
    size = path.stat().st_size
    most = most_unpacked(size)
    with opener(path, "rb") as packed:
        while block := packed.read(2**22):
            if image.tell() + len(block) > storage.limit_bytes:
                storage.folder.mkdir(parents=True, exist_ok=True)
            image.write(block)
            if image.tell() > most:
                image.close()
                raise DataError(f"{path}: {too_large(size)}; or unpack it and pass the .h5")
    image.seek(0)
    return image
