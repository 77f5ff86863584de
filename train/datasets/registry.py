"""Look-up of data sets by name: ``builtin``, a folder of files of one split each, or one file of any kind that has a reader."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py

from myelin.hw_configs.argument_checks import shown, whole
from myelin.hw_configs.errors import DataError
from myelin.train.config.data import ImagesConfig
from myelin.train.datasets import denoise, ecg, idx, npz, shd
from myelin.train.datasets.events import SpikeDataset
from myelin.train.datasets.mapped import Storage
from myelin.train.datasets.saving import SUFFIX as NPZ
from myelin.train.datasets.shd import STORAGE
from myelin.train.datasets.time_units import TIME_UNITS, TimeUnit

SPLITS = ("train", "valid", "test")
BUILTIN = {"builtin": Path(__file__).parent / "builtin"}  # each data set that comes with Myelin has a folder and an entry here


class Source(NamedTuple):
    """Where data lies, and how it is read: the text ``PATH`` or ``PATH:OPTION``."""

    path: Path
    option: str | None


#: Suffix of a file with one split -> its reader; of several packings of one file the first is taken.
READERS: dict[str, Callable[[Path, Storage, TimeUnit | None], SpikeDataset]] = {
    **dict.fromkeys(shd.SUFFIXES, shd.read_shd),
    NPZ: lambda path, storage, time_unit: npz.read_npz(path, time_unit),
    ecg.SUFFIX: lambda path, storage, time_unit: ecg.read_ecg(path),
}
#: Kinds of files, by their suffix, that hold no labelled spikes, and what to do with them.
_OTHERS = {
    ".npy": "is an array without answers; make a data set of it, SpikeDataset.from_dense(x, y, step_ms=...).save('x.npz'), or "
    "give the pair (x, y) of arrays",
    ".wav": "is a recording; make spikes of recordings with `myelin encode`",
    ".net": "is a network; name the data",
    ".nir": "is a network; name the data",
}
#: What may follow a path.
OPTIONS = (*TIME_UNITS, *idx.CODINGS, denoise.OPTION)


def load(
    source: str | os.PathLike[str],
    split: str | None = None,
    storage: Storage = STORAGE,
    time_unit: TimeUnit | None = None,
    images: ImagesConfig | None = None,
    message_bits: int = 8,
) -> SpikeDataset:
    """One split of a data set.

    source: a name in BUILTIN; a folder with ``*_train.h5``, ``*_valid.h5`` or ``*_test.h5`` (also .hdf5, .h5.gz, .h5.xz; SHD's
    shd_train.h5 and shd_test.h5 as downloaded), or such files named .npz or .mat (QTDB-ECG); one such file, which is read
    unless its name contradicts ``split``; or a folder of MNIST's idx files. ``PATH:OPTION`` says how it is read: ``:ms`` or
    ``:us``, the unit of its times; for idx files ``:pixels``, ``:permuted`` or ``:rows`` (``myelin.train.datasets.idx``); for
    spoken words ``:denoise`` (``myelin.train.datasets.denoise``).
    split: "train", "valid" or "test"; needed unless ``source`` is a file.
    storage: size above which files are mapped instead of read into memory, and the folder of conversions.
    time_unit: "s", "ms" or "us", as after the colon.
    images, message_bits: for a folder of idx files, how they become sequences of messages, instead of the option.

    Raises DataError if there is no such data, the split is missing or ambiguous, or a file is invalid.
    """
    if split is not None and split not in SPLITS:
        raise DataError(f"{source}: no split is named {shown(split)}, allowed are {', '.join(SPLITS)}")
    if time_unit is not None and time_unit not in TIME_UNITS:
        raise DataError(f"{source}: time_unit is {shown(time_unit)}; {', '.join(TIME_UNITS)} are allowed")
    if not isinstance(storage, Storage):
        raise DataError(f"{source}: storage is {shown(storage)}; a Storage is allowed")
    if not isinstance(images, ImagesConfig | None):
        raise DataError(f"{source}: images is {shown(images)}; an ImagesConfig is allowed")
    message_bits = whole(f"{source}: message_bits", message_bits, 0, 8, DataError)
    path, option = _source(source)
    if option == denoise.OPTION:
        words = load(path, split, storage, time_unit)
        return denoise.denoising(words, SPLITS.index(split or _split_of(path) or "train"))
    if option in TIME_UNITS:
        if time_unit not in (None, option):
            raise DataError(f"{source}: says {option!r} itself, time_unit is {time_unit!r}; say it once")
        time_unit, option = option, None  # type: ignore[assignment]
    if path.is_dir() and (found := idx.find_idx(path)):
        if time_unit is not None:
            raise DataError(f"{source}: holds images, which have no unit of time; leave it out")
        return idx.read_split(found, _chosen(source, split, tuple(found)), option, os.fspath(source), images, message_bits)
    if option is not None:
        raise DataError(f"{source}: ':{option}' is for folders of idx files; leave it out")
    if not path.is_dir():
        named = _split_of(path)
        if split is not None and named not in (None, split):
            raise DataError(
                f"{path}: holds the {named} split by its name, asked for is {split}; name the folder or the {split} file"
            )
        return _read(path, storage, time_unit)
    files = _files(path)
    if not files:
        raise DataError(
            f"{path}: holds no *_train, *_valid or *_test file ({', '.join(READERS)}); name a folder or file of the SHD "
            "format, or a .npz file"
        )
    return _read(files[_chosen(source, split, tuple(files))], storage, time_unit)


def available_splits(source: str | os.PathLike[str]) -> tuple[str, ...]:
    """The splits that `load` finds in ``source``, in the order train, valid, test; () for a file whose name has no split."""
    path, _ = _source(source)
    if path.is_dir():
        return tuple(idx.find_idx(path) or _files(path))
    named = _split_of(path)
    return () if named is None else (named,)


def with_time_unit(source: str | os.PathLike[str], time_unit: str | None) -> str:
    """``source`` with ``time_unit`` after a colon, for functions that take a source alone; as it is if that is None."""
    text = os.fspath(source)
    return text if time_unit is None else f"{text}:{time_unit}"


def _chosen(source: str | os.PathLike[str], split: str | None, there: tuple[str, ...]) -> str:
    """``split``, one of those that a folder has."""
    if split is None:
        raise DataError(f"{source}: is a folder; say which split of {', '.join(there)}")
    if split not in there:
        cure = "; split one off the training set" if split == "valid" else ""
        raise DataError(f"{source}: has no {split} split, it has {', '.join(there)}{cure}")
    return split


def _source(source: str | os.PathLike[str]) -> Source:
    """The file or folder of ``source``, and its option; DataError if it does not exist."""
    if not isinstance(source, str | os.PathLike):
        raise DataError(f"data is a {type(source).__name__}; a path or one of {', '.join(BUILTIN)} is allowed")
    text = os.fspath(source)
    for name, option in ((text, None), text.rpartition(":")[::2]):
        path = BUILTIN.get(name, Path(os.path.expanduser(name)))
        if not name or not _exists(path):
            continue
        if option is not None and option not in OPTIONS:
            raise DataError(f"{source}: ':{option}' is no way to read {name}; allowed are {', '.join(OPTIONS)}")
        return Source(path, option)
    raise DataError(f"{source}: no such file or folder; allowed are a path or one of: {', '.join(BUILTIN)}")


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _check_kind(path: Path) -> None:
    """Raise DataError, which names the kind, for a file with the suffix of another kind, or of no kind and no HDF5 inside."""
    if path.suffix.lower() in _OTHERS:
        raise DataError(f"{path}: {_OTHERS[path.suffix.lower()]}")
    if path.suffix and not h5py.is_hdf5(path):
        raise DataError(
            f"{path}: files named {path.suffix} are not read; {', '.join(READERS)} are: give what it holds as arrays, a pair "
            "(x, y), or save it with SpikeDataset.save"
        )


def _read(path: Path, storage: Storage, time_unit: TimeUnit | None) -> SpikeDataset:
    """A file, by its suffix; of the SHD format if it has another one."""
    reader = next((read for suffix, read in READERS.items() if path.name.endswith(suffix)), None)
    if reader is None:
        _check_kind(path)
        reader = shd.read_shd
    if time_unit is not None and path.name.endswith(ecg.SUFFIX):
        raise DataError(f"{path}: has steps instead of times; leave the unit of time out")
    return reader(path, storage, time_unit)


def _split_of(path: Path) -> str | None:
    """ "train" for ``shd_train.h5`` and so on; None if the name has no split."""
    for split in SPLITS:
        if path.name.endswith(tuple(f"_{split}{suffix}" for suffix in READERS)):
            return split
    return None


def _files(folder: Path) -> dict[str, Path]:
    """The file of each split; the uncompressed one if there are several packings; DataError if there are different files."""
    found: dict[str, Path] = {}
    for split in SPLITS:
        candidates = sorted(path for path in folder.iterdir() if path.is_file() and _split_of(path) == split)
        stems = sorted({path.name.split(f"_{split}.")[0] for path in candidates})
        kinds = {READERS[path.name.partition(f"_{split}")[2]] for path in candidates}
        if len(stems) > 1 or len(kinds) > 1:
            names = ", ".join(path.name for path in candidates)
            raise DataError(f"{folder}: several files hold the {split} split ({names}); name one of them")
        if candidates:
            found[split] = min(candidates, key=lambda path: list(READERS).index(path.name.partition(f"_{split}")[2]))
    return found
