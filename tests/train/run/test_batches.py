"""Batches: every event accounted for, augmentation within its bounds, order set by seed and epoch."""

from __future__ import annotations

import numpy as np
import torch

from myelin.train.config.config import AugmentConfig, DataConfig
from myelin.train.datasets import load
from myelin.train.run.batches import Batches

CONFIG = DataConfig(steps=40, step_ms=20.0, channels=70, message_bits=2)


def batches(size=16):
    """The first samples of the built-in test split."""
    return Batches(load("builtin", "test").subset(np.arange(40)), CONFIG, size)


def test_in_order_gives_all_samples_once_in_the_layout_of_blocks():
    source = batches()
    parts = list(source.in_order())
    assert [len(part.labels) for part in parts] == [16, 16, 8] and len(source) == 3
    assert torch.equal(torch.cat([part.labels for part in parts]), torch.tensor(source.dataset.labels))
    assert parts[0].spikes.shape == (16, 70, 40) and parts[0].spikes.max() <= 3
    assert torch.equal(parts[0].spikes[3].t().to(torch.uint8), torch.from_numpy(source.frames([3])[0]))


def test_events_are_accounted_for():
    source = batches()
    kept = sum(float(part.spikes.sum()) for part in source.in_order())
    assert kept + sum(source.lost[name] for name in ("late", "early", "off_channel", "clipped")) == source.lost["events"]


def test_order_and_changes_follow_seed_and_epoch():
    augment = AugmentConfig(channel_shift=5, time_shift_ms=20, time_stretch=0.1, channel_mask=10, time_mask_steps=5)

    def first(seed, epoch):
        return next(batches().shuffled(seed, epoch, augment))

    one, again, other = first(1, 2), first(1, 2), first(1, 3)
    assert torch.equal(one.spikes, again.spikes) and torch.equal(one.labels, again.labels)
    assert not torch.equal(one.spikes, other.spikes)


def test_masks_silence_one_band_and_one_stretch():
    full = Batches(load("builtin", "test").subset(np.arange(8)), CONFIG, 8)
    plain = next(full.shuffled(0, 0, AugmentConfig()))
    masked = next(full.shuffled(0, 0, AugmentConfig(channel_mask=20, time_mask_steps=8)))
    changed = masked.spikes != plain.spikes
    assert changed.any() and (masked.spikes[changed] == 0).all()
    lost = (plain.spikes.sum(dim=(1, 2)) - masked.spikes.sum(dim=(1, 2))) / plain.spikes.sum(dim=(1, 2))
    assert (lost >= 0).all() and lost.max() < 0.75


def test_blending_mixes_two_words_of_a_class_half_and_half():
    source = batches(40)
    plain = next(source.shuffled(3, 0, AugmentConfig()))
    mixed = next(source.shuffled(3, 0, AugmentConfig(blend=1.0)))
    assert torch.equal(plain.labels, mixed.labels)
    assert not torch.equal(plain.spikes, mixed.spikes)
    # half the spikes of each of two words: as many as one word has, on average over the batch
    assert abs(float(mixed.spikes.sum() / plain.spikes.sum()) - 1) < 0.1
    own_class = {int(label): plain.spikes[plain.labels == label].sum(dim=0) for label in plain.labels.unique()}
    for sample, label in zip(mixed.spikes, mixed.labels.tolist(), strict=True):
        channels = own_class[label].sum(dim=1) > 0
        assert sample[~channels].sum() == 0  # no channel that no word of the class uses


def test_half_the_batch_is_blended_at_one_half():
    source = batches(40)
    plain = next(source.shuffled(3, 0, AugmentConfig()))
    some = next(source.shuffled(3, 0, AugmentConfig(blend=0.5)))
    changed = (plain.spikes != some.spikes).flatten(1).any(dim=1).float().mean()
    assert 0.2 < changed < 0.8
