"""Reader of WAV files with 8, 16, 24 or 32-bit integers or 32 or 64-bit floats and any number of channels."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.reading.bounds import check_regular

#: Upper bound on a recording in seconds, checked before it is read.
MAX_DURATION_S = 60.0


def read_wav(path: Path) -> tuple[npt.NDArray[np.float64], int]:
    """Sound in -1..1, (samples,) or (samples, ears), and its rate in Hz; DataError if it is no complete WAV file."""
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes); a WAV file is needed")
    check_regular(path, DataError)
    try:
        _check_header(path)
        with warnings.catch_warnings():
            # scipy only warns of a file that ends early; unknown chunks (tags, cue points) do not matter
            warnings.filterwarnings("error", message="Reached EOF", category=wavfile.WavFileWarning)
            warnings.filterwarnings("ignore", message="Chunk", category=wavfile.WavFileWarning)
            rate_hz, samples = wavfile.read(path)
    except wavfile.WavFileWarning as error:
        raise DataError(f"{path}: ends before the length its header gives ({error}); copy or record it again") from error
    except DataError:
        raise
    except Exception as error:  # a parser of binary data: any error of Python's own, by what the damage is
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read as a WAV file ({reason}); convert it to PCM WAV") from error
    return to_float(samples), int(rate_hz)


def _check_header(path: Path) -> None:
    """Raise DataError or ValueError for a sound that scipy would take much memory for, or misread, before it is read.

    A chunk of data that is longer than the file, no channels, no rate, and a sound longer than ``MAX_DURATION_S``.
    """
    size = path.stat().st_size
    with open(path, "rb") as file:
        order = {b"RIFF": "<", b"RIFX": ">"}.get(file.read(12)[:4])
        rate = frame = 0
        while order is not None and len(head := file.read(8)) == 8:
            name, length = struct.unpack(f"{order}4sI", head)
            if name == b"fmt " and length >= 16:
                _, channels, rate, _, frame, _ = struct.unpack(f"{order}HHIIHH", file.read(16).ljust(16, b"\0"))
                if not channels or not rate or not frame:
                    raise ValueError(f"it has {channels} channels, {rate} samples a second and {frame} bytes a sample")
                length -= 16
            elif name == b"data":
                if length > size - file.tell():
                    raise DataError(
                        f"{path}: ends before the length its header gives ({size - file.tell()} of {length} bytes are there); "
                        "copy or record it again"
                    )
                if rate and frame and length > MAX_DURATION_S * rate * frame:
                    raise DataError(
                        f"{path}: sound lasts {length / rate / frame:.0f} s, allowed is up to {MAX_DURATION_S:.0f} s: cut it"
                    )
                return
            file.seek(length + length % 2, 1)


def to_float(samples: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    """Samples of any WAV type scaled to -1..1; 8 bit is unsigned around 128, scipy puts 24 bit in the upper bits of 32."""
    if samples.dtype.kind == "u":
        return (samples.astype(np.float64) - 128.0) / 128.0
    if samples.dtype.kind == "i":
        return samples.astype(np.float64) / float(2 ** (8 * samples.dtype.itemsize - 1))
    return samples.astype(np.float64)
