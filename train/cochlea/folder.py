"""Encoding of a folder of WAV files as spikes in the SHD format: one file, or one for each split.

Labels and speakers (``myelin.train.cochlea.recordings``) are numbered in the order of their names (of their values if all are
numbers), alike in all splits.
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
from myelin.hw_configs.files import write_together
from myelin.train.cochlea.encode import encode_wave
from myelin.train.cochlea.recordings import SPLITS, Skipped, Sound, find_sounds
from myelin.train.cochlea.wav import read_wav
from myelin.train.datasets.events import SpikeDataset, join_events
from myelin.train.datasets.shd import SUFFIXES, packed_shd
from myelin.train.datasets.splits import speaker_overlap


class Encoded(NamedTuple):
    """What was written.

    Attributes:
        datasets: file -> data set in it: one, or one for each split, train first.
        skipped: the recordings left out, with the reasons.
        shared_speakers: names of the speakers that are in the train split and in another one.
    """

    datasets: dict[Path, SpikeDataset]
    skipped: tuple[Skipped, ...]
    shared_speakers: tuple[str, ...]

    @property
    def data(self) -> SpikeDataset:
        """The first data set: the only one, or the train split."""
        return next(iter(self.datasets.values()))


#: Times in seconds and units of one recording.
_Train = tuple[npt.NDArray[np.float64], npt.NDArray[np.uint16]]


def encode_folder(
    wav_dir: Path,
    out: Path,
    *,
    channels: int = 700,
    seed: int = 0,
    jobs: int = 1,
    labels: Path | None = None,
    skip_bad: bool = False,
    progress: bool = False,
) -> Encoded:
    """Encode every WAV file of ``wav_dir`` and write ``out``, completely or not at all; returns what was written.

    The spikes of a file depend on the sound, ``channels``, ``seed`` and its path within ``wav_dir``, not on ``jobs`` (threads)
    or the other files.

    Args:
        wav_dir: folder of recordings.
        out: file to write; where the table has splits, ``x.h5`` stands for ``x_train.h5``, ``x_valid.h5`` and ``x_test.h5``.
        channels: of the inner ear.
        seed: of the nerve fibres.
        jobs: number of files encoded at the same time.
        labels: table of labels, speakers and splits; None for labels from names.
        skip_bad: leave out recordings that cannot be encoded or have no label, and list them, instead of an error.
        progress: whether to show a progress bar.

    Raises:
        DataError: names the file: a folder without WAV files; no label; or a file that is no WAV file, truncated, silent, too
            short or too long, or contains NaN.
    """
    wav_dir, out = Path(wav_dir), Path(out)
    if not out.name.endswith(SUFFIXES):
        raise DataError(f"{out}: the spikes go to a file named {', '.join('*' + suffix for suffix in SUFFIXES)}")
    if out.is_dir() or not out.parent.is_dir():  # checked before an hour of encoding, not after it
        raise DataError(f"{out}: cannot be written: {'it is a folder' if out.is_dir() else f'there is no folder {out.parent}'}")
    if jobs < 1:
        raise DataError(f"encoder: jobs is {jobs}, at least 1 is needed")
    sounds, skipped = find_sounds(wav_dir, None if labels is None else Path(labels), skip_bad)
    files = _files(sounds, out)

    def encode(sound: Sound) -> _Train | Skipped:
        try:
            samples, rate_hz = read_wav(sound.path)
            return encode_wave(samples, rate_hz, channels, file_seed(seed, sound.path.relative_to(wav_dir).as_posix()))
        except DataError as error:
            reason = str(error).removeprefix("encoder: ").removeprefix(f"{sound.path}: ")
            if not skip_bad:
                raise DataError(f"{sound.path}: {reason}") from error
            return Skipped(str(sound.path), reason)

    with ThreadPoolExecutor(jobs) as pool:  # threads suffice: the loops and transforms release Python's lock
        try:
            results = list(tqdm(pool.map(encode, sounds), total=len(sounds), unit="word", disable=not progress))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    bad = [result for result in results if isinstance(result, Skipped)]
    skipped += bad
    good = [(sound, result) for sound, result in zip(sounds, results, strict=True) if not isinstance(result, Skipped)]
    if not good:
        first = f"{bad[0].name}: {bad[0].reason}"
        raise DataError(f"{wav_dir}: none of {len(sounds)} recordings can be encoded; first {first}")
    keys, numbers = number_names(sound.label for sound in sounds)  # of all, so that skipped ones change no number
    voices, speakers = number_names(str(sound.speaker) for sound in sounds)
    place = {sound.path: i for i, sound in enumerate(sounds)}
    known = all(sound.speaker is not None for sound in sounds)
    datasets = {}
    for split, file in files.items():
        chosen = [(place[sound.path], result) for sound, result in good if sound.split == split]
        if not chosen:
            raise DataError(f"{file}: none of its recordings can be encoded; leave the split out of {labels}")
        index = np.array([i for i, _ in chosen])
        # the file has float16, so the result equals the file
        times, units, offsets = join_events([(t.astype(np.float16), u) for _, (t, u) in chosen])
        speaker = speakers[index] if known else None
        datasets[file] = SpikeDataset(times, units, offsets, numbers[index], channels, keys, speaker, str(file))
    try:
        write_together((file, packed_shd(dataset, file)) for file, dataset in datasets.items())
    except OSError as error:
        raise DataError(f"{out}: cannot be written: {error.strerror or error}") from error
    return Encoded(datasets, tuple(skipped), tuple(voices[i] for i in _shared(files, datasets)))


def _files(sounds: Sequence[Sound], out: Path) -> dict[str | None, Path]:
    """Split -> file, in the order of SPLITS; None -> ``out`` if there are none."""
    there = {sound.split for sound in sounds}
    if there == {None}:
        return {None: out}
    suffix = max((suffix for suffix in SUFFIXES if out.name.endswith(suffix)), key=len)
    stem = out.name.removesuffix(suffix)
    if stem.endswith(tuple(f"_{split}" for split in SPLITS)):
        raise DataError(f"{out}: is the name of one split, and the table has splits; name it without, such as x{suffix}")
    return {split: out.with_name(f"{stem}_{split}{suffix}") for split in SPLITS if split in there}


def _shared(files: dict[str | None, Path], datasets: dict[Path, SpikeDataset]) -> list[int]:
    """Numbers of the speakers that are in the train split and in another one, ascending."""
    if "train" not in files:
        return []
    others = [path for split, path in files.items() if split != "train"]
    return sorted({speaker for path in others for speaker in speaker_overlap(datasets[files["train"]], datasets[path])})


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
    return int.from_bytes(hashlib.sha256(os.fsencode(f"{seed}/{name}")).digest()[:8], "little")
