"""Sound to spikes as a whole: real words against their spikes, WAV types, folders, labels, bad input and the command."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import numpy as np
import places
import pytest
from places import ROOT
from scipy.io import wavfile

from myelin.commands.encode import add_command
from myelin.hw_configs.errors import DataError
from myelin.train.cochlea import encode_folder, encode_wave, prepare, read_wav
from myelin.train.cochlea.wav import to_float
from myelin.train.datasets import read_shd

SHARED = places.SHARED / "data"


def tone(seconds: float = 0.06, rate_hz: int = 8000, pitch_hz: float = 700) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * pitch_hz * np.arange(round(seconds * rate_hz)) / rate_hz)


def save(path: Path, samples=None, rate_hz: int = 8000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate_hz, (tone() * 32767).astype(np.int16) if samples is None else samples)
    return path


# ---- one sound


@pytest.mark.parametrize(("word", "speaker"), [(7, "theo"), (2, "nicolas")])
def test_real_words_give_the_published_spikes(word, speaker):
    """The same recording through the published encoder: as alike as two runs of ours with other seeds are."""
    for needed in (SHARED / "fsdd_valid.h5", SHARED / "wav" / f"{word}_{speaker}_5.wav"):
        if not needed.is_file():
            pytest.skip(f"needs {needed}")
    speakers = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    reference = read_shd(SHARED / "fsdd_valid.h5")
    # the file repeats recordings 5..9 in this order; wav/ holds recording 5, the first of each word and speaker
    (sample, *_) = np.flatnonzero((reference.labels == word) & (reference.speakers == speakers.index(speaker)))
    samples, rate_hz = read_wav(SHARED / "wav" / f"{word}_{speaker}_5.wav")

    def picture(times_s, units):
        edges = [np.arange(0, 1.01, 0.004), np.arange(0, 701, 10)]
        return np.histogram2d(times_s, units, bins=edges)[0]

    published = picture(*reference.sample(sample))
    ours = [picture(*encode_wave(samples, rate_hz, seed=seed)) for seed in range(2)]
    ceiling = np.corrcoef(ours[0].ravel(), ours[1].ravel())[0, 1]
    alike = np.corrcoef(ours[0].ravel(), published.ravel())[0, 1]
    assert alike > ceiling - 0.02 > 0.85
    assert np.corrcoef(ours[0][:, ::-1].ravel(), published.ravel())[0, 1] < 0.4  # unit 0 is the same end of the ear
    assert ours[0].sum() == pytest.approx(published.sum(), rel=0.05)


def test_same_seed_same_spikes():
    wave = tone()
    times, units = encode_wave(wave, 8000, channels=20, seed=4)
    again = encode_wave(wave, 8000, channels=20, seed=4)
    other = encode_wave(wave, 8000, channels=20, seed=5)
    np.testing.assert_array_equal(times, again[0])
    np.testing.assert_array_equal(units, again[1])
    assert times.size != other[0].size or (times != other[0]).any()
    assert units.dtype == np.uint16 and units.max() < 20
    assert (np.diff(times) >= 0).all() and times.max() < 0.06
    assert times.size > 10


def test_level_ears_and_rate_do_not_matter():
    wave = tone(0.05, 24_000)
    reference = prepare(wave, 24_000)
    np.testing.assert_allclose(prepare(1e-4 * wave, 24_000), reference, rtol=1e-9)
    np.testing.assert_allclose(prepare(np.stack([wave, 0 * wave], axis=1), 24_000), reference, rtol=1e-9)
    assert prepare(tone(0.05, 44_100), 44_100).size == pytest.approx(reference.size, abs=1)
    middle = slice(400, 800)
    np.testing.assert_allclose(prepare(tone(0.05, 48_000), 48_000)[middle], reference[middle], atol=5e-3)
    # the window ends in silence and leaves the middle at the level of a tone with an RMS of 0.3
    assert abs(reference[0]) < 1e-6 and abs(reference[-1]) < 1e-3
    assert np.abs(reference).max() == pytest.approx(0.3 * np.sqrt(2), rel=0.01)


@pytest.mark.parametrize(
    ("samples", "more", "message"),
    [
        (np.zeros(800), {}, "silent"),
        (np.full(800, 0.3), {}, "silent"),
        (tone(0.005), {}, "sound lasts 0.005 s, allowed is 0.02 s to 60 s"),
        (np.zeros(0), {}, "sound lasts 0.000 s"),
        (np.r_[tone(), np.nan], {}, "1 samples of the sound are NaN or infinite"),
        (np.zeros((4, 800, 2)), {}, r"shape \(4, 800, 2\)"),
        (tone(), {"rate_hz": 10}, "sample rate is 10 Hz"),
        (tone(), {"channels": 1}, "channels is 1, allowed is 2..4096"),
    ],
)
def test_sounds_that_cannot_be_encoded(samples, more, message):
    with pytest.raises(DataError, match=message):
        encode_wave(samples, **{"rate_hz": 8000, **more})


# ---- WAV files


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.float32, np.float64])
def test_wav_types(tmp_path, dtype):
    wave = tone()
    if np.dtype(dtype).kind == "f":
        stored = wave.astype(dtype)
    else:
        info = np.iinfo(dtype)
        stored = np.round(wave * (info.max // (2 if dtype == np.uint8 else 1)) + (128 if dtype == np.uint8 else 0)).astype(
            dtype
        )
    samples, rate_hz = read_wav(save(tmp_path / "x.wav", stored))
    assert rate_hz == 8000
    np.testing.assert_allclose(samples, wave, atol=0.01 if dtype == np.uint8 else 1e-4)


def test_wav_of_24_bits_and_two_ears(tmp_path):
    values = np.array([0, 2**22, -(2**22), 2**23 - 1, -(2**23), 1], np.int64)
    raw = b"".join(int(v).to_bytes(3, "little", signed=True) for v in values)
    header = b"RIFF" + (36 + len(raw)).to_bytes(4, "little") + b"WAVEfmt " + (16).to_bytes(4, "little")
    header += b"".join(n.to_bytes(s, "little") for n, s in ((1, 2), (2, 2), (8000, 4), (48000, 4), (6, 2), (24, 2)))
    (tmp_path / "x.wav").write_bytes(header + b"data" + len(raw).to_bytes(4, "little") + raw)
    samples, _ = read_wav(tmp_path / "x.wav")
    np.testing.assert_allclose(samples, (values / 2**23).reshape(3, 2), atol=1e-12)
    assert to_float(np.array([0, 128, 255], np.uint8)).tolist() == [-1, 0, 127 / 128]


def test_unknown_chunks_are_passed_over(tmp_path):
    content = save(tmp_path / "x.wav").read_bytes() + b"LIST" + (4).to_bytes(4, "little") + b"INFO"
    (tmp_path / "y.wav").write_bytes(content[:4] + (len(content) - 8).to_bytes(4, "little") + content[8:])
    np.testing.assert_array_equal(read_wav(tmp_path / "y.wav")[0], read_wav(tmp_path / "x.wav")[0])


def test_files_that_are_no_wav(tmp_path):
    good = save(tmp_path / "good.wav").read_bytes()
    for content, message in (
        (b"", r"is empty \(0 bytes\)"),
        (b"ID3 not a wave file at all", "cannot be read as a WAV file"),
        (good[:20], "cannot be read as a WAV file"),
        (good[: len(good) // 2], "ends before the length its header gives"),
        (good[:40], "cannot be read as a WAV file|ends before"),
    ):
        (tmp_path / "x.wav").write_bytes(content)
        with pytest.raises(DataError, match=message) as caught:
            read_wav(tmp_path / "x.wav")
        assert "\n" not in str(caught.value)


# ---- folders


def test_folder_of_named_files(tmp_path):
    for i, name in enumerate(("10_bo_0", "9_al_0", "10_al_x_1")):
        save(tmp_path / "w" / f"{name}.wav", (tone(pitch_hz=400 + 200 * i) * 32767).astype(np.int16))
    (tmp_path / "w" / "._9_al_0.wav").write_bytes(b"macOS")
    (tmp_path / "w" / "notes.txt").write_text("not a sound")
    out = tmp_path / "x.h5"
    written = encode_folder(tmp_path / "w", out, channels=20, seed=0, jobs=2).data
    data = read_shd(out)
    assert (data.channels, data.keys) == (20, ("9", "10"))  # numbers in the order of their values
    assert data.labels.tolist() == [1, 1, 0]  # files in the order of their names: 10_al, 10_bo, 9_al
    assert data.speakers.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(data.times_s, written.times_s)
    np.testing.assert_array_equal(data.units, written.units)
    first = out.read_bytes()
    save(tmp_path / "w" / "11_cy_0.wav")
    encode_folder(tmp_path / "w", out, channels=20)
    more = read_shd(out)
    assert len(more) == 4 and out.read_bytes() != first
    for got, expected in zip(more.sample(3), data.sample(2), strict=True):  # another file changes nothing for this one
        np.testing.assert_array_equal(got, expected)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w", "x.h5"]


def test_folder_of_classes(tmp_path):
    for name in ("yes/a1_nohash_0", "no/a1_nohash_1", "no/b2_nohash_0"):
        save(tmp_path / "w" / f"{name}.WAV")
    data = encode_folder(tmp_path / "w", tmp_path / "x.h5.xz", channels=4).data
    assert (data.keys, data.labels.tolist(), data.speakers.tolist()) == (("no", "yes"), [0, 0, 1], [0, 1, 0])
    save(tmp_path / "w" / "no" / "unnamed.wav")
    assert encode_folder(tmp_path / "w", tmp_path / "x.h5", channels=4).data.speakers is None


def test_folders_that_cannot_be_encoded(tmp_path):
    wavs, out = tmp_path / "w", tmp_path / "x.h5"
    with pytest.raises(DataError, match="no such folder"):
        encode_folder(wavs, out)
    wavs.mkdir()
    with pytest.raises(DataError, match="holds no WAV files"):
        encode_folder(wavs, out)
    save(wavs / "seven.wav")
    with pytest.raises(DataError, match=r"seven.wav: the name gives no label and speaker"):
        encode_folder(wavs, out)
    (wavs / "seven.wav").rename(wavs / "7_al.wav")
    with pytest.raises(DataError, match=r"the spikes go to a file named \*.h5"):
        encode_folder(wavs, tmp_path / "x.npz")
    with pytest.raises(DataError, match="there is no folder"):
        encode_folder(wavs, tmp_path / "absent" / "x.h5")
    for samples, message in ((np.zeros(800, np.int16), "is silent"), (np.full(800, np.nan, np.float32), "NaN")):
        save(wavs / "8_al.wav", samples)
        with pytest.raises(DataError, match=message) as caught:
            encode_folder(wavs, out, channels=4)
        assert str(caught.value).startswith(str(wavs / "8_al.wav"))
    assert not out.exists()
    save(wavs / "8" / "al_0.wav")
    with pytest.raises(DataError, match="use one of the two layouts"):
        encode_folder(wavs, out)


def test_command(tmp_path, capsys):
    save(tmp_path / "w" / "0_al_0.wav")
    parser = argparse.ArgumentParser()
    add_command(parser.add_subparsers())
    args = parser.parse_args(["encode", str(tmp_path / "w"), "--out", str(tmp_path / "x.h5"), "--channels", "140"])
    assert args.run(args) == 0
    assert "1 words, 1 classes (0), 1 speakers, 140 channels" in capsys.readouterr().out
    assert read_shd(tmp_path / "x.h5").channels == 140


@pytest.mark.subprocess
def test_encoder_and_data_sets_need_no_torch():
    modules = "myelin.train.cochlea, myelin.commands.encode, myelin.train.datasets, myelin.train.cochlea.make_builtin"
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
