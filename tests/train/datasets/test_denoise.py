"""Denoising data from spoken words: frames with noise, the clean envelopes as traces, and what it cannot be made of."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import SpikeDataset, available_splits, load
from myelin.train.datasets.denoise import BANDS, FULL, LAG_STEPS, SPURIOUS, STEP_MS, STEPS, denoising


def words(samples=3, channels=40):
    """One event a step in channel 6 (band 3) from 0.2 to 0.4 s."""
    times = [np.arange(20, 40) * 0.01 + 0.005] * samples
    units = [np.full(20, 6)] * samples
    return SpikeDataset.from_events(times, units, [0, 1, 1][:samples], channels=channels, speakers=[4, 5, 5][:samples])


def test_the_envelope_follows_the_words_and_the_frames_are_noisy():
    made = denoising(words(), 0)
    assert (made.task, made.classes, made.steps, made.step_ms) == ("trace", BANDS, STEPS, STEP_MS)
    assert made.labels.tolist() == [0, 1, 1] and made.speakers.tolist() == [4, 5, 5]
    envelope = made.targets[0] * FULL
    middle = LAG_STEPS + 30
    np.testing.assert_allclose(envelope[middle, 3], 1.0, atol=1e-6)
    np.testing.assert_allclose(envelope[[LAG_STEPS + 19, LAG_STEPS + 40], 3], 0.4, atol=0.01)  # the edges, half inside
    np.testing.assert_allclose(envelope.sum(), 20, atol=1e-3)  # the window keeps the sum
    assert not envelope[:, [0, 5]].any() and not envelope[:10].any()
    frames = made.bin([0, 1, 2], STEPS, STEP_MS, BANDS).frames
    assert abs(frames[:, :, 5].mean() - SPURIOUS) < 0.2 and 0 < (frames[0] != frames[1]).mean() < 1
    again = denoising(words(), 0).bin([0, 1, 2], STEPS, STEP_MS, BANDS).frames
    other = denoising(words(), 2).bin([0, 1, 2], STEPS, STEP_MS, BANDS).frames
    assert np.array_equal(frames, again) and not np.array_equal(frames, other)


def test_it_follows_the_path_of_words(tmp_path):
    words().save(tmp_path / "w_test.npz")
    words().save(tmp_path / "w_train.npz")
    made = load(f"{tmp_path}:denoise", "test")
    assert available_splits(f"{tmp_path}:denoise") == ("train", "test") and made.name.endswith("w_test.npz:denoise")
    assert np.array_equal(made.targets, denoising(words(), 2).targets)
    assert not np.array_equal(load(f"{tmp_path}:denoise", "train").counts, made.counts)


def test_other_data_is_refused():
    with pytest.raises(
        DataError, match=r"another arrangement of its units; ':denoise' takes words, with one class each, of units"
    ):
        denoising(words(channels=39), 0)
    with pytest.raises(DataError, match=r"has answers of their own for every step; ':denoise' takes words"):
        denoising(denoising(words(), 0), 0)
