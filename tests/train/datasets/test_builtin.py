"""The built-in digits: size, classes, voices that do not cross the split, and a script that still makes the same words."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from myelin.hw_configs.errors import BackendError
from myelin.train.cochlea import make_builtin as maker
from myelin.train.datasets import BUILTIN, available_splits, load, split


@pytest.fixture(scope="module")
def digits():
    return {name: load("builtin", name) for name in ("train", "test")}


def test_size_of_the_files():
    files = [path for path in BUILTIN["builtin"].rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 8 * 10**6
    assert available_splits("builtin") == ("train", "test")


def test_classes_and_voices(digits):
    train, test = digits["train"], digits["test"]
    assert train.keys == test.keys == maker.KEYS
    assert train.classes == 20
    assert train.channels == test.channels == maker.CHANNELS
    assert not set(train.speakers.tolist()) & set(test.speakers.tolist())
    for name, variants in (("train", maker.TRAIN_VARIANTS), ("test", maker.TEST_VARIANTS)):
        data = digits[name]
        table = np.zeros((len(variants), 20), int)
        np.add.at(table, (data.speakers - data.speakers.min(), data.labels), 1)
        assert (table == maker.REPEATS[name]).all()  # every voice says every word as often
    assert not set(maker.TRAIN_VARIANTS) & set(maker.TEST_VARIANTS)


def test_times_stand_in_the_middle_of_their_millisecond(digits):
    for data in digits.values():
        assert data.durations_s.min() > 0.2 and data.durations_s.max() < 1.5
        part = np.modf(data.times_s.astype(float) * 1000)[0]
        assert part.min() > 0 and part.max() < 1  # float16 moved none over an edge
        early = data.times_s < 0.5
        assert np.abs(part[early] - 0.5).max() < 0.13
        result = data.bin(np.arange(50), 150, 10, data.channels)
        assert (result.late, result.clipped, int(result.frames.sum())) == (0, 0, result.events)


def test_validation_voices_are_held_out(digits):
    data = digits["train"]
    train, valid = split(data, 0.15, seed=0)
    assert not set(data.speakers[train].tolist()) & set(data.speakers[valid].tolist())
    assert 0.12 < valid.size / len(data) < 0.18
    assert np.unique(data.labels[valid]).size == 20


def test_words_are_learnable_across_voices(digits):
    """The nearest class mean over coarse bins already tells most words of unseen voices apart."""
    pictures = {}
    for name, data in digits.items():
        # eight steps over the length of each word, fourteen bands of ten channels
        stretch = 0.999 / np.maximum(data.durations_s, 1e-3)
        frames = data.bin(np.arange(len(data)), 8, 125, 14, time_stretch=stretch).frames.reshape(len(data), -1)
        pictures[name] = np.sqrt(frames.astype(float))
    means = np.array([pictures["train"][digits["train"].labels == label].mean(axis=0) for label in range(20)])
    distance = ((pictures["test"][:, None] - means) ** 2).sum(axis=2)
    assert (distance.argmin(axis=1) == digits["test"].labels).mean() > 0.5


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs the program espeak-ng")
def test_the_script_still_makes_these_words(digits):
    maker.check_espeak()
    voices = maker.make_voices(maker.TEST_VARIANTS, first_number=len(maker.TRAIN_VARIANTS))
    data = digits["test"]
    for place, word, repeat in ((2, 3, 0), (9, 15, 1)):
        times_s, units = maker.utterance(voices[place], word, repeat)
        row = (place * 20 + word) * maker.REPEATS["test"] + repeat
        stored = data.sample(row)
        assert data.speakers[row] == voices[place].number
        np.testing.assert_array_equal(units, stored[1])
        np.testing.assert_array_equal(times_s.astype(np.float16), stored[0].astype(np.float16))


def test_script_without_espeak(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(maker.shutil, "which", lambda _: None)
    with pytest.raises(BackendError, match="espeak-ng: not found; install it"):
        maker.check_espeak()
    assert maker.main(["--out", str(tmp_path)]) == 2
    assert "espeak-ng" in capsys.readouterr().err


def test_silence_is_cut():
    wave = np.zeros(8000)
    wave[3000:4000] = 0.5
    cut = maker.cut_silence(wave, 8000)
    assert cut.size == pytest.approx(1000 + 2 * 0.05 * 8000, abs=160)
    assert np.flatnonzero(cut)[0] == pytest.approx(400, abs=80)
    early = maker.cut_silence(wave[3000:], 8000)  # less silence than the margin: filled up
    assert np.flatnonzero(early)[0] == pytest.approx(400, abs=80)
