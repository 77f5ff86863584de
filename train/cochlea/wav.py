"""Reader of WAV files with 8, 16, 24 or 32-bit integers or 32 or 64-bit floats and any number of channels."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile

from myelin.hw_configs.errors import DataError


def read_wav(path: Path) -> tuple[npt.NDArray[np.float64], int]:
    """Sound in -1..1, (samples,) or (samples, ears), and its rate in Hz; DataError if it is no complete WAV file."""
    if path.is_file() and path.stat().st_size == 0:
        raise DataError(f"{path}: is empty (0 bytes); a WAV file is needed")
    try:
        with warnings.catch_warnings():
            # scipy only warns of a file that ends early; unknown chunks (tags, cue points) do not matter
            warnings.filterwarnings("error", message="Reached EOF", category=wavfile.WavFileWarning)
            warnings.filterwarnings("ignore", message="Chunk", category=wavfile.WavFileWarning)
            rate_hz, samples = wavfile.read(path)
    except wavfile.WavFileWarning as error:
        raise DataError(f"{path}: ends before the length its header gives ({error}); copy or record it again") from error
    except (OSError, ValueError, struct.error, EOFError, MemoryError, ZeroDivisionError, UnboundLocalError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataError(f"{path}: cannot be read as a WAV file ({reason}); convert it to PCM WAV") from error
    return to_float(samples), int(rate_hz)


def to_float(samples: npt.NDArray[np.number]) -> npt.NDArray[np.float64]:
    """Samples of any WAV type scaled to -1..1; 8 bit is unsigned around 128, scipy puts 24 bit in the upper bits of 32."""
    if samples.dtype.kind == "u":
        return (samples.astype(np.float64) - 128.0) / 128.0
    if samples.dtype.kind == "i":
        return samples.astype(np.float64) / float(2 ** (8 * samples.dtype.itemsize - 1))
    return samples.astype(np.float64)
