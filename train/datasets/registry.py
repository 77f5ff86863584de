"""Look-up of data sets by name: ``builtin``, a folder of SHD-format files, or one such file."""

from __future__ import annotations

import os
from pathlib import Path

from myelin.hw_configs.errors import DataError
from myelin.train.datasets.events import SpikeDataset
from myelin.train.datasets.mapped import Storage
from myelin.train.datasets.shd import STORAGE, SUFFIXES, read_shd

SPLITS = ("train", "valid", "test")
BUILTIN = {"builtin": Path(__file__).parent / "builtin"}  # each data set that comes with Myelin has a folder and an entry here


def load(source: str | os.PathLike[str], split: str | None = None, storage: Storage = STORAGE) -> SpikeDataset:
    """One split of a data set.

    source: a name in BUILTIN; a folder with ``*_train.h5``, ``*_valid.h5`` or ``*_test.h5`` (also .hdf5, .h5.gz, .h5.xz; SHD's
    shd_train.h5 and shd_test.h5 as downloaded); or one file, which is read unless its name contradicts ``split``.
    split: "train", "valid" or "test"; needed unless ``source`` is a file.
    storage: size above which files are mapped instead of read into memory, and the folder of conversions.

    Raises DataError if there is no such data, the split is missing or ambiguous, or a file is invalid.
    """
    if split is not None and split not in SPLITS:
        raise DataError(f"{source}: no split is named {split!r}, allowed are {', '.join(SPLITS)}")
    path = _path(source)
    if not path.is_dir():
        named = _split_of(path)
        if split is not None and named not in (None, split):
            raise DataError(
                f"{path}: holds the {named} split by its name, asked for is {split}; name the folder or the {split} file"
            )
        return read_shd(path, storage)
    files = _files(path)
    if not files:
        raise DataError(
            f"{path}: holds no *_train, *_valid or *_test file ({', '.join(SUFFIXES)}); name a folder or file of the SHD format"
        )
    if split is None:
        raise DataError(f"{source}: is a folder; say which split of {', '.join(files)}")
    if split not in files:
        cure = "; split one off the training set" if split == "valid" else ""
        raise DataError(f"{source}: has no {split} split, it has {', '.join(files)}{cure}")
    return read_shd(files[split], storage)


def available_splits(source: str | os.PathLike[str]) -> tuple[str, ...]:
    """The splits that `load` finds in ``source``, in the order train, valid, test; () for a file whose name has no split."""
    path = _path(source)
    if path.is_dir():
        return tuple(_files(path))
    named = _split_of(path)
    return () if named is None else (named,)


def _path(source: str | os.PathLike[str]) -> Path:
    """The file or folder of ``source``; DataError if it does not exist."""
    path = BUILTIN.get(os.fspath(source), Path(source).expanduser())
    if not path.exists():
        raise DataError(f"{source}: no such file or folder; allowed are a path or one of: {', '.join(BUILTIN)}")
    return path


def _split_of(path: Path) -> str | None:
    """ "train" for ``shd_train.h5`` and so on; None if the name has no split."""
    for split in SPLITS:
        if path.name.endswith(tuple(f"_{split}{suffix}" for suffix in SUFFIXES)):
            return split
    return None


def _files(folder: Path) -> dict[str, Path]:
    """The file of each split; the uncompressed one if there are several packings; DataError if there are different files."""
    found: dict[str, Path] = {}
    for split in SPLITS:
        candidates = sorted(path for path in folder.iterdir() if path.is_file() and _split_of(path) == split)
        stems = sorted({path.name.split(f"_{split}.")[0] for path in candidates})
        if len(stems) > 1:
            names = ", ".join(path.name for path in candidates)
            raise DataError(f"{folder}: several files hold the {split} split ({names}); name one of them")
        if candidates:
            found[split] = min(candidates, key=lambda path: SUFFIXES.index(path.name.partition(f"_{split}")[2]))
    return found
