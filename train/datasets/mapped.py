"""Cache for files that do not fit in memory: converted once, in pieces, to flat arrays, which are then memory-mapped.

    CACHE/<name>-<file>-<state>/times_s.f4, units.u2     all events, concatenated, named by their dtype
                              offsets.npy, labels.npy, speakers.npy, about.json

<file> is a hash of the path, <state> a hash of size, time of change and version of this layout: a changed file is converted
again and its older conversion deleted.  A conversion appears complete or not at all; processes that need the same one wait for
the first.  Mapped pages belong to the operating system: tools count them as resident, but it drops them when memory is short.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.files import locked, write_json
from myelin.hw_configs.reading.array_files import read_npy
from myelin.hw_configs.reading.text_files import read_json
from myelin.train.datasets.events import SpikeDataset

LAYOUT = 2
#: Names of the arrays of events; each lies in a file of that name, with its dtype as suffix.
EVENTS = ("times_s", "units")
#: Times and units of some consecutive samples, and the number of spikes of each.
Piece = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[np.int64]]


def default_cache() -> Path:
    """The default folder of conversions: ``$XDG_CACHE_HOME/myelin``, or ``~/.cache/myelin``.

    For a user without a home, as in a container, it lies among the temporary files.

    Raises:
        DataError: that one belongs to somebody else, who could have put other data there.
    """
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "myelin"
    except RuntimeError:
        folder = Path(tempfile.gettempdir(), f"myelin-cache-{os.getuid()}")
    if os.path.lexists(folder) and folder.lstat().st_uid != os.getuid():
        raise DataError(f"{folder}: belongs to another user, and you have no home folder; set XDG_CACHE_HOME to one of yours")
    return folder


@dataclass(frozen=True)
class Storage:
    """Where events are kept: in memory, or in a cache of conversions.

    Attributes:
        in_memory_mb: files of up to this many MB (10^6 bytes, unpacked) are read into memory, larger ones are mapped.
        cache: folder of conversions; None: ``default_cache``.
    """

    in_memory_mb: float = 1000.0
    cache: Path | None = None

    @property
    def limit_bytes(self) -> int:
        """``in_memory_mb`` in bytes."""
        return int(self.in_memory_mb * 1e6)

    @property
    def folder(self) -> Path:
        """The folder of conversions."""
        return default_cache() if self.cache is None else self.cache

    def entry(self, path: Path, time_unit: str | None = None) -> Entry:
        """The cache entry for the current state of the file ``path``, its times read in ``time_unit``."""
        path = path.resolve()
        stat = path.stat()
        state = f"{LAYOUT}.{stat.st_size}.{stat.st_mtime_ns}.{time_unit or 's'}"
        of_file, of_state = (hashlib.sha256(os.fsencode(text)).hexdigest()[:12] for text in (path, state))
        return Entry(self.folder, f"{path.name}-{of_file}", of_state)


@dataclass(frozen=True)
class Entry:
    """The cache entry of a conversion, which may not exist yet: ``cache/file-state``."""

    cache: Path
    file: str
    state: str

    @property
    def folder(self) -> Path:
        """The folder of the finished conversion."""
        return self.cache / f"{self.file}-{self.state}"

    def open(self, limit_bytes: int, name: str) -> SpikeDataset | None:
        """The mapped data set; None if there is no conversion, or if the file has at most ``limit_bytes``, for use in memory.

        Raises DataError if the conversion is damaged; every event is checked.
        """
        if not (self.folder / "about.json").exists():
            return None
        try:
            about = read_json(self.folder / "about.json")
            if about["file_bytes"] <= limit_bytes:
                return None
            return _mapped(self.folder, about, name)
        except (OSError, ValueError, KeyError, TypeError, DataError) as error:
            raise DataError(f"{self.folder}: the conversion of {name} is damaged ({error}); delete that folder") from error

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold a lock that keeps other processes from converting the same file; DataError if the cache cannot be written."""
        with contextlib.ExitStack() as stack:
            try:
                self.cache.mkdir(parents=True, exist_ok=True)
                stack.enter_context(locked(self.cache / f".{self.file}.lock"))
            except OSError as error:
                raise self._unwritable(error) from error
            yield

    def write(
        self, pieces: Iterable[Piece], about: dict[str, Any], lists: dict[str, Any], dtypes: dict[str, np.dtype[Any]], name: str
    ) -> SpikeDataset:
        """Convert ``pieces`` and map the result.

        Args:
            pieces: all events.
            about: ``channels``, ``shape``, ``keys`` and ``file_bytes``, which decides whether the file is kept in memory.
            lists: ``labels`` and ``speakers`` (or None).
            dtypes: of ``times_s`` and ``units``.
            name: name of the file.

        Raises DataError if the data are invalid or the cache cannot be written.
        """
        temporary = self.cache / f".{self.file}-{self.state}.{secrets.token_hex(4)}"
        stored = {key: dtype.newbyteorder("<").str for key, dtype in dtypes.items()}
        about = about | {"dtypes": stored}
        try:
            for left in self.cache.glob(f".{self.file}-*.*"):  # left by a conversion that was killed
                shutil.rmtree(left, ignore_errors=True)
            temporary.mkdir(parents=True)
            lengths: list[npt.NDArray[np.int64]] = [np.zeros(1, np.int64)]
            with contextlib.ExitStack() as stack:
                files = [stack.enter_context(open(temporary / _file(key, stored[key]), "wb")) for key in EVENTS]
                for *events, count in pieces:
                    for out, values, key in zip(files, events, EVENTS, strict=True):
                        out.write(np.ascontiguousarray(values, stored[key]).data)
                    lengths.append(count)
            np.save(temporary / "offsets.npy", np.cumsum(np.concatenate(lengths)))
            for key, values in lists.items():
                if values is not None:
                    np.save(temporary / f"{key}.npy", values)
            write_json(temporary / "about.json", about)
            _mapped(temporary, about, name)  # checks the data before the conversion appears
            temporary.rename(self.folder)
            for other in self.cache.glob(f"{self.file}-*"):
                if other != self.folder:
                    shutil.rmtree(other, ignore_errors=True)
        except OSError as error:
            raise self._unwritable(error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return _mapped(self.folder, about, name)

    def _unwritable(self, error: OSError) -> DataError:
        return DataError(
            f"{self.cache}: cannot hold the conversion of a large file: {error.strerror or error}; "
            "name another folder with --cache, or hold more in memory with --in-memory-mb"
        )


def _mapped(folder: Path, about: dict[str, Any], name: str) -> SpikeDataset:
    """The data set with its arrays in ``folder``; DataError or ValueError if they are invalid."""
    shape = None if about["shape"] is None else tuple(about["shape"])
    parts: dict[str, Any] = {"channels": about["channels"], "keys": tuple(about["keys"]), "shape": shape}
    for key in ("offsets", "labels", "speakers"):
        if (folder / f"{key}.npy").exists() or key != "speakers":
            parts[key] = read_npy(folder / f"{key}.npy")
    for key in EVENTS:
        dtype = np.dtype(about["dtypes"][key])
        path = folder / _file(key, dtype.str)
        # an empty file cannot be mapped
        parts[key] = np.memmap(path, dtype, mode="r") if path.stat().st_size else np.empty(0, dtype)
    return SpikeDataset(**parts, name=name, mapped=folder)


def _file(key: str, dtype: str) -> str:
    """``times_s.f4`` for float32 and so on."""
    return f"{key}.{dtype.lstrip('<')}"
