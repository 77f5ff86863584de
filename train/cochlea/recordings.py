"""Which recordings a folder holds, and the class, speaker and split of each: from their names, or from a table.

Names are of one of two layouts:

    sub-folders     WAV_DIR/<label>/<speaker>_<anything>.wav        as in Speech Commands
    one folder      WAV_DIR/<label>_<speaker>[_<anything>].wav      as in the Free Spoken Digit Dataset

In sub-folders, speakers are unknown if a file name has no ``_``.  A table (CSV) has one line a recording:

    file,label[,speaker[,split]]     file: path below WAV_DIR, file name, or name without .wav; split: train, valid or test

Its columns are in this order, or in that of a first line with these names.  Hidden files are ignored.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.reading.bounds import TEXT_MB, read_whole

COLUMNS = ("file", "label", "speaker", "split")
SPLITS = ("train", "valid", "test")


class Sound(NamedTuple):
    """A WAV file, its class, its speaker, or None if that is unknown, and its split, or None if there are none."""

    path: Path
    label: str
    speaker: str | None
    split: str | None = None


class Skipped(NamedTuple):
    """A recording, or an entry of a table, that was left out, and why."""

    name: str
    reason: str


class Found(NamedTuple):
    """Recordings in the order of their names, and what was left out."""

    sounds: list[Sound]
    skipped: list[Skipped]


def find_sounds(wav_dir: Path, table: Path | None = None, skip_bad: bool = False) -> Found:
    """The recordings of a folder, by their names or by ``table``.

    With ``skip_bad``, recordings without a label and entries without a recording are left out and listed; otherwise, as with a
    folder that has none, DataError names the first.
    """
    if not wav_dir.is_dir():
        raise DataError(f"{wav_dir}: no such folder; a folder of WAV files is needed")
    found = _by_name(wav_dir) if table is None else _by_table(wav_dir, table)
    if found.skipped and not skip_bad:
        name, reason = found.skipped[0]
        others = f" ({len(found.skipped)} such cases)" if len(found.skipped) > 1 else ""
        raise DataError(f"{name}: {reason}{others}; or leave such recordings out with --skip-bad")
    if not found.sounds:
        raise DataError(f"{wav_dir}: no recording is left, {len(found.skipped)} were left out: first {found.skipped[0].name}")
    return found


def _by_name(wav_dir: Path) -> Found:
    """Labels and speakers from names."""
    flat = _wavs(wav_dir)
    folders = [path for path in sorted(wav_dir.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    nested = [wav for folder in folders for wav in _wavs(folder)]
    if flat and nested:
        raise DataError(
            f"{wav_dir}: has WAV files of its own ({flat[0].name}) and in sub-folders ({nested[0].relative_to(wav_dir)}); "
            "use one of the two layouts, so that it is clear what names a class"
        )
    if nested:
        named = [Sound(wav, wav.parent.name, wav.stem.split("_")[0] if "_" in wav.stem else None) for wav in nested]
        return Found(named, [])
    if not flat:
        raise DataError(f"{wav_dir}: holds no WAV files; name a folder with <label>_<speaker>_<anything>.wav or <label>/*.wav")
    sounds, skipped = [], []
    for wav in flat:
        parts = wav.stem.split("_")
        if len(parts) < 2 or not all(parts[:2]):
            skipped.append(
                Skipped(
                    str(wav),
                    "the name gives no label and speaker; name files <label>_<speaker>_<anything>.wav, put them into one "
                    "folder a class, or give a table with --labels",
                )
            )
        else:
            sounds.append(Sound(wav, parts[0], parts[1]))
    return Found(sounds, skipped)


def _by_table(wav_dir: Path, table: Path) -> Found:
    """Labels, speakers and splits from a table."""
    wavs = sorted(wav for folder, _, _ in os.walk(wav_dir) for wav in _wavs(Path(folder)))
    if not wavs:
        raise DataError(f"{wav_dir}: holds no WAV files")
    names: dict[str, list[Path]] = {}
    for wav in wavs:
        path = wav.relative_to(wav_dir)
        for name in {path.as_posix(), path.with_suffix("").as_posix(), wav.name, wav.stem}:
            names.setdefault(name, []).append(wav)
    sounds: dict[Path, Sound] = {}
    skipped: list[Skipped] = []
    for number, row in _rows(table):
        where, file = f"{table}, line {number}", row["file"].replace("\\", "/").removeprefix("./")
        meant = names.get(file, [])
        if len(meant) > 1:
            raise DataError(f"{where}: {file!r} may be {meant[0]} or {meant[1]}; write the path below {wav_dir}")
        if not meant:
            skipped.append(Skipped(where, f"no recording below {wav_dir} is named {file!r}"))
            continue
        if meant[0] in sounds:
            raise DataError(f"{where}: names {meant[0]} again; one line a recording is needed")
        sounds[meant[0]] = Sound(meant[0], row["label"], row.get("speaker") or None, row.get("split") or None)
    skipped += [Skipped(str(wav), f"is not in {table}") for wav in wavs if wav not in sounds]
    chosen = [sounds[wav] for wav in wavs if wav in sounds]
    if len(counted := Counter(sound.split is None for sound in chosen)) > 1:
        raise DataError(
            f"{table}: {counted[True]} recordings have no split and {counted[False]} have one; all or none is allowed"
        )
    return Found(chosen, skipped)


def _rows(table: Path) -> list[tuple[int, dict[str, str]]]:
    """The lines of a table by column, with their numbers."""
    try:
        text = read_whole(table, TEXT_MB).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"{table}: cannot be read as a table of labels ({error}); a CSV file in UTF-8 is needed") from error
    first = text.partition("\n")[0]
    delimiter = next((mark for mark in ",;\t" if mark in first), ",")
    try:
        lines = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines(), delimiter=delimiter, strict=True)]
    except csv.Error as error:
        raise DataError(f"{table}: cannot be read as a table of labels ({error}); a CSV file is needed") from error
    numbered = [(number, row) for number, row in enumerate(lines, 1) if any(row)]
    columns: tuple[str, ...] = COLUMNS
    head = [name.lower() for name in numbered[0][1]] if numbered else []
    if {"file", "label"} <= set(head):
        if unknown := sorted(set(head) - set(COLUMNS)):
            raise DataError(f"{table}: has the unknown columns {', '.join(unknown)}; allowed are {', '.join(COLUMNS)}")
        columns, numbered = tuple(head), numbered[1:]
    if not numbered:
        raise DataError(f"{table}: holds no lines; one a recording is needed: file,label[,speaker[,split]]")
    result = []
    for number, row in numbered:
        if not 2 <= len(row) <= len(columns):
            raise DataError(f"{table}, line {number}: has {len(row)} columns; file,label[,speaker[,split]] is needed")
        values = dict(zip(columns, row, strict=False))
        if not values.get("file") or not values.get("label"):
            raise DataError(f"{table}, line {number}: has no {'file' if not values.get('file') else 'label'}; both are needed")
        if values.get("split") and values["split"] not in SPLITS:
            raise DataError(f"{table}, line {number}: split is {values['split']!r}, allowed are {', '.join(SPLITS)}")
        result.append((number, values))
    return result


def _wavs(folder: Path) -> list[Path]:
    """WAV files directly in ``folder``, without hidden ones (macOS leaves ``._name.wav``)."""
    try:
        return sorted(p for p in folder.iterdir() if p.suffix.lower() == ".wav" and p.is_file() and p.name[0] != ".")
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed: {os.strerror(error.errno or 0)}") from error
