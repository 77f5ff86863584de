"""Encoding of a folder of WAV files as one file of spikes in the SHD format.

Names give classes and speakers, in one of two layouts:

    sub-folders     WAV_DIR/<label>/<speaker>_<anything>.wav        as in Speech Commands
    one folder      WAV_DIR/<label>_<speaker>[_<anything>].wav      as in the Free Spoken Digit Dataset

Labels and speakers are numbered in the order of their names (of their values if all are numbers). In sub-folders, speakers are
unknown if a file name has no ``_``. Hidden files are ignored.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from myelin.hw_configs.errors import DataError
from myelin.train.cochlea.encode import encode_wave
from myelin.train.cochlea.wav import read_wav
from myelin.train.datasets.events import SpikeDataset, join_events
from myelin.train.datasets.shd import SUFFIXES, write_shd


class Sound(NamedTuple):
    """A WAV file, its class, and its speaker, or None if the name does not contain it."""

    path: Path
    label: str
    speaker: str | None


def encode_folder(
    wav_dir: Path, out: Path, *, channels: int = 700, seed: int = 0, jobs: int = 1, progress: bool = False
) -> SpikeDataset:
    """Encode every WAV file of ``wav_dir`` and write ``out``, completely or not at all; returns the data set in ``out``.

    The spikes of a file depend on the sound, ``channels``, ``seed`` and its path within ``wav_dir``, not on ``jobs`` (threads)
    or the other files. Raises DataError, naming the file, for a folder without WAV files or with names without label, and for
    a file that is no WAV file, truncated, silent, too short or too long, or contains NaN.
    """
    wav_dir, out = Path(wav_dir), Path(out)
    if not out.name.endswith(SUFFIXES):
        raise DataError(f"{out}: the spikes go to a file named {', '.join('*' + suffix for suffix in SUFFIXES)}")
    if out.is_dir() or not out.parent.is_dir():  # checked before an hour of encoding, not after it
        raise DataError(f"{out}: cannot be written: {'it is a folder' if out.is_dir() else f'there is no folder {out.parent}'}")
    if jobs < 1:
        raise DataError(f"encoder: jobs is {jobs}, at least 1 is needed")
    sounds = find_sounds(wav_dir)

    def encode(sound: Sound) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint16]]:
        samples, rate_hz = read_wav(sound.path)
        try:
            return encode_wave(samples, rate_hz, channels, file_seed(seed, sound.path.relative_to(wav_dir).as_posix()))
        except DataError as error:
            raise DataError(f"{sound.path}: {str(error).removeprefix('encoder: ')}") from error

    with ThreadPoolExecutor(jobs) as pool:  # threads suffice: the loops and transforms release Python's lock
        try:
            trains = list(tqdm(pool.map(encode, sounds), total=len(sounds), unit="word", disable=not progress))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    keys, labels = number_names(sound.label for sound in sounds)
    speakers = None
    if all(sound.speaker is not None for sound in sounds):
        speakers = number_names(str(sound.speaker) for sound in sounds)[1]
    # the file has float16, so the result equals the file
    times, units, offsets = join_events([(t.astype(np.float16), u) for t, u in trains])
    dataset = SpikeDataset(times, units, offsets, labels, channels, keys, speakers, str(out))
    write_shd(dataset, out)
    return dataset


def find_sounds(wav_dir: Path) -> list[Sound]:
    """The WAV files of a folder in the order of their names, with label and speaker from the module's two layouts."""
    if not wav_dir.is_dir():
        raise DataError(f"{wav_dir}: no such folder; a folder of WAV files is needed")
    flat = _wavs(wav_dir)
    folders = [path for path in sorted(wav_dir.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    nested = [wav for folder in folders for wav in _wavs(folder)]
    if flat and nested:
        raise DataError(
            f"{wav_dir}: has WAV files of its own ({flat[0].name}) and in sub-folders ({nested[0].relative_to(wav_dir)}); "
            "use one of the two layouts, so that it is clear what names a class"
        )
    if nested:
        return [Sound(wav, wav.parent.name, wav.stem.split("_")[0] if "_" in wav.stem else None) for wav in nested]
    if not flat:
        raise DataError(f"{wav_dir}: holds no WAV files; name a folder with <label>_<speaker>_<anything>.wav or <label>/*.wav")
    sounds = []
    for wav in flat:
        parts = wav.stem.split("_")
        if len(parts) < 2 or not all(parts[:2]):
            raise DataError(
                f"{wav}: the name gives no label and speaker; name files <label>_<speaker>_<anything>.wav, or put them "
                "into one folder a class"
            )
        sounds.append(Sound(wav, parts[0], parts[1]))
    return sounds


def number_names(names: Iterable[str]) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Distinct names in order (of value if all are numbers), and the index of each given name, int64."""
    given = list(names)
    numeric = all(name.isdecimal() for name in given)
    order: Callable[[str], tuple[int, str]] = lambda name: (int(name) if numeric else 0, name)  # noqa: E731
    keys: Sequence[str] = sorted(set(given), key=order)
    place = {key: i for i, key in enumerate(keys)}
    return tuple(keys), np.array([place[name] for name in given], np.int64)


def file_seed(seed: int, name: str) -> int:
    """A seed for one file, which depends only on ``seed`` and ``name``, not on the other files."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:8], "little")


def _wavs(folder: Path) -> list[Path]:
    """WAV files directly in ``folder``, without hidden ones (macOS leaves ``._name.wav``)."""
    try:
        return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".wav" and p.is_file() and p.name[0] != ".")
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {os.strerror(error.errno or 0)}") from error
