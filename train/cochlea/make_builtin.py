"""Makes the built-in data set: digits in English and German from synthetic voices, as spikes. Needs the program espeak-ng.

    python -m myelin.train.cochlea.make_builtin --out DIR        writes digits_train.h5.xz and digits_test.h5.xz

A voice is one of espeak-ng's voice variants with its own length of the vocal tract, mean pitch and speed. It speaks every digit
of both languages a few times, each time with a random accent (in English), with noise, and with small changes of tract, pitch
and speed. Variants with the same table of formants (espeak-ng has families of them) are never in both splits.

The silence around each word is removed. The word is encoded with 140 channels (`myelin.train.cochlea`), and its spike times
move to the middle of their millisecond: this makes the files a quarter smaller and does not change binning in whole
milliseconds.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.io import wavfile
from tqdm import tqdm

from myelin.hw_configs.errors import BackendError, DataError, MyelinError
from myelin.train.cochlea.encode import encode_wave
from myelin.train.cochlea.wav import to_float
from myelin.train.datasets.events import SpikeDataset, join_events
from myelin.train.datasets.shd import write_shd

CHANNELS = 140
SEED = 2020
REPEATS = {"train": 3, "test": 2}  # utterances of each word per voice
ENGLISH = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
GERMAN = ("null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun")
KEYS = (*ENGLISH, *(word.replace("ü", "ue") for word in GERMAN))  # as in SHD
ACCENTS = ("en-gb", "en-us", "en-gb-x-rp", "en-gb-scotland", "en-gb-x-gbclan", "en-029")
# fmt: off
TRAIN_VARIANTS = (
    "adam", "Alicia", "antonio", "aunty", "belinda", "benjamin", "david", "Denis", "Diogo", "ed", "f1",
    "f2", "f4", "f5", "Gene", "Gene2", "grandma", "grandpa", "gustave", "Hugo", "iven", "iven3", "Jacky", "john",
    "kaukovalta", "klatt2", "klatt4", "Lee", "linda", "m1", "m3", "m5", "m6", "m7", "m8", "marcelo", "Marco", "Mario",
    "max", "Michael", "michel", "Mike", "Nguyen", "norbert", "pablo", "pedro", "quincy", "rob", "robert", "sandro",
    "steph", "travis",
)
TEST_VARIANTS = (
    "Alex", "Andrea", "Andy", "Annie", "boris", "edward", "f3", "m2", "m4", "paul", "shelby", "victor",
)
# fmt: on
RATE_STEP_HZ = 150  # rates are multiples of this, so that the resampling filter stays short
FRAME_S = 0.01
SILENCE = 0.02  # a frame below this fraction of the loudest one, in RMS, is silence
MARGIN_S = 0.05  # kept around the word: the Hann window of the encoder would suppress its ends


@dataclass(frozen=True)
class Voice:
    """A speaker: number, espeak-ng variant, vocal tract as a factor on frequencies, pitch (0..99), words per minute."""

    number: int
    variant: str
    tract: float
    pitch: float
    speed: float


def make_voices(variants: Sequence[str], first_number: int) -> list[Voice]:
    """One voice per variant, which depends only on the variant's name."""
    voices = []
    for number, variant in enumerate(variants, first_number):
        rng = _rng("voice", variant)
        voices.append(Voice(number, variant, rng.uniform(0.93, 1.07), rng.uniform(30, 70), rng.uniform(130, 180)))
    return voices


def speak(voice: Voice, word: int, repeat: int) -> tuple[npt.NDArray[np.float64], int]:
    """One utterance without the silence around it, with noise 15..35 dB below it, and its rate in Hz.

    The rate scales the vocal tract: at a higher rate formants and pitch rise together.
    """
    rng = _rng("word", voice.variant, word, repeat)
    accent = ACCENTS[rng.integers(len(ACCENTS))] if word < len(ENGLISH) else "de"
    command = ["espeak-ng", "-b", "1", "--stdout", "-v", f"{accent}+{voice.variant}"]
    command += ["-p", str(round(np.clip(voice.pitch + rng.normal(0, 8), 0, 99)))]
    command += ["-s", str(round(np.clip(voice.speed * rng.uniform(0.85, 1.2), 80, 260)))]
    done = subprocess.run([*command, (ENGLISH + GERMAN)[word]], capture_output=True, check=False)
    if done.returncode or not done.stdout:
        raise BackendError(f"espeak-ng: voice {voice.variant} failed: {done.stderr.decode(errors='replace').strip()}")
    # on a pipe espeak-ng cannot know the length and writes 2^31 into the header; the samples follow its 44 bytes
    rate_hz = int.from_bytes(done.stdout[24:28], "little")
    wave = cut_silence(to_float(np.frombuffer(done.stdout[44 : len(done.stdout) // 2 * 2], "<i2")), rate_hz)
    noise = rng.normal(size=wave.size)
    noise = noise + 3.0 * np.convolve(noise, np.full(16, 1 / 16), "same")  # stronger below 1 kHz, as in a room
    level = np.sqrt(np.mean(wave**2) / np.mean(noise**2)) * 10 ** (-rng.uniform(15, 35) / 20)
    played_hz = rate_hz * voice.tract * rng.uniform(0.97, 1.03)
    return wave + level * noise, round(played_hz / RATE_STEP_HZ) * RATE_STEP_HZ


def cut_silence(wave: npt.NDArray[np.float64], rate_hz: int) -> npt.NDArray[np.float64]:
    """The part from the first to the last loud frame with a margin of MARGIN_S, padded with silence if necessary."""
    frame = round(FRAME_S * rate_hz)
    frames = wave[: wave.size // frame * frame].reshape(-1, frame)
    rms = np.sqrt(np.mean(frames**2, axis=1))
    if not rms.size or rms.max() == 0:
        raise DataError("espeak-ng: spoke nothing")
    loud = np.flatnonzero(rms > SILENCE * rms.max())
    margin = round(MARGIN_S * rate_hz)
    padded = np.pad(wave, margin)
    return padded[loud[0] * frame : (loud[-1] + 1) * frame + 2 * margin]


def utterance(voice: Voice, word: int, repeat: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.uint16]]:
    """Spikes of one utterance: times in seconds, at the middle of a millisecond, and units."""
    wave, rate_hz = speak(voice, word, repeat)
    times_s, units = encode_wave(wave, rate_hz, CHANNELS, seed=int(_rng("ear", voice.variant, word, repeat).integers(2**63)))
    step_ms = np.floor(times_s * 1000)
    order = np.lexsort((units, step_ms))
    return (step_ms[order] + 0.5) / 1000, units[order]


def make_split(voices: Sequence[Voice], jobs: int, name: str) -> SpikeDataset:
    """The samples of one split, ordered by voice, word and repeat; ``name`` is "train" or "test"."""
    plan = [(voice, word, repeat) for voice in voices for word in range(len(KEYS)) for repeat in range(REPEATS[name])]
    with ThreadPoolExecutor(jobs) as pool:
        trains = list(tqdm(pool.map(lambda item: utterance(*item), plan), total=len(plan), unit="word", desc=name))
    labels = np.array([word for _, word, _ in plan], np.int64)
    speakers = np.array([voice.number for voice, _, _ in plan], np.int64)
    return SpikeDataset(*join_events(trains), labels, CHANNELS, KEYS, speakers, name)


def save_sounds(voices: Sequence[Voice], folder: Path) -> None:
    """Save the sounds as <label>_<variant>_<repeat>.wav."""
    folder.mkdir(parents=True, exist_ok=True)
    for voice in voices:
        for word, key in enumerate(KEYS):
            wave, rate_hz = speak(voice, word, 0)
            image = io.BytesIO()
            wavfile.write(image, rate_hz, (wave / np.abs(wave).max() * 32767).astype(np.int16))
            (folder / f"{key}_{voice.variant}_0.wav").write_bytes(image.getvalue())


def check_espeak() -> None:
    """Raise BackendError unless espeak-ng is installed with every variant: it replaces unknown ones by its default voice."""
    if shutil.which("espeak-ng") is None:
        raise BackendError("espeak-ng: not found; install it (apt install espeak-ng), the built-in data was made with 1.51")
    listing = subprocess.run(["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True).stdout
    missing = [name for name in (*TRAIN_VARIANTS, *TEST_VARIANTS) if f"!v/{name} " not in f"{listing} ".replace("\n", " ")]
    if missing:
        raise BackendError(f"espeak-ng: lacks the voice variants {', '.join(missing)}; version 1.51 has them")


def main(arguments: Sequence[str] | None = None) -> int:
    """Build both splits; returns 0, or an error's exit code, such as 2 if espeak-ng or the folder cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for digits_train.h5.xz and digits_test.h5.xz")
    parser.add_argument("--jobs", type=int, default=1, help="words made at the same time (default 1)")
    parser.add_argument("--sounds", type=Path, help="also save one WAV a voice and word of the test split to this folder")
    args = parser.parse_args(arguments)
    try:
        check_espeak()
        args.out.mkdir(parents=True, exist_ok=True)
        test_voices = make_voices(TEST_VARIANTS, first_number=len(TRAIN_VARIANTS))
        if args.sounds:
            save_sounds(test_voices, args.sounds)
        for name, voices in (("test", test_voices), ("train", make_voices(TRAIN_VARIANTS, first_number=0))):
            data = make_split(voices, args.jobs, name)
            path = args.out / f"digits_{name}.h5.xz"
            write_shd(data, path, half=True)
            print(f"{path}: {len(data)} words, {len(voices)} voices, {data.units.size} spikes, {path.stat().st_size} bytes")
    except MyelinError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


def _rng(*parts: object) -> np.random.Generator:
    """Random numbers that depend only on ``parts`` and SEED, so that one voice can change without the others."""
    digest = hashlib.sha256(repr((SEED, *parts)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


if __name__ == "__main__":
    sys.exit(main())
