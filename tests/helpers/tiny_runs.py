"""Data sets and configurations of runs that take a second: classes, labels per step, and traces."""

from __future__ import annotations

import numpy as np

from myelin.train.config.files import config_from_dict
from myelin.train.datasets import SpikeDataset, join_events


def sweeps(seed=0):
    """24 words of two classes in 20 channels: a rising and a falling sweep."""
    rng = np.random.default_rng(seed)
    trains, labels = [], np.arange(24) % 2
    for label in labels:
        times = np.sort(rng.uniform(0, 0.2, 60)).astype(np.float32)
        units = np.clip((times if label else 0.2 - times) * 100 + rng.normal(0, 1, 60), 0, 19).astype(np.uint16)
        trains.append((times, units))
    times, units, offsets = join_events(trains)
    return SpikeDataset(times, units, offsets, labels, channels=20, name="sweeps")


def tiny_config(**changes):
    """Two layers of 8 neurons for four epochs; ``changes`` by section, such as ``train={"epochs": 2}``."""
    values = {
        "data": {"steps": 20, "channels": 20, "validation": 0.25},
        "layers": [{"neurons": 8}, {"neurons": 8, "recurrent": "dense", "delay_per": "neuron"}],
        "delay": {"high": 5.0, "harden_at": 0.5, "freeze_at": 0.75},
        "train": {"epochs": 4, "batch_size": 6, "learning_rate": 0.02},
    }
    for section, own in changes.items():
        values[section] = own if isinstance(own, list) else {**values.get(section, {}), **own}
    return config_from_dict(values)


def dense(task, samples=16, steps=20, seed=0):
    """Arrays (x, y) of 6 channels: the side with more spikes changes once, as label of a step (-1 at times), or as trace.

    For classes, the side that is active first.
    """
    rng = np.random.default_rng(seed)
    side = (np.arange(steps) >= rng.integers(4, steps - 4, samples)[:, None]).astype(np.int64)  # (samples, steps)
    rates = np.where((np.arange(6) < 3) == (side[..., None] == 0), 0.7, 0.05)
    x = (rng.random((samples, steps, 6)) < rates).astype(np.uint8)
    if task == "trace":
        return x, np.stack((side, 1 - side), axis=2).astype(np.float32)
    if task == "steps":
        return x, np.where(rng.random(side.shape) < 0.25, -1, side)
    labels = np.arange(samples) % 2
    return np.where(labels[:, None, None] == 0, x, x[:, :, ::-1]), labels


def dense_config(**changes):
    """A configuration for ``dense`` without delays that are learnt: every epoch can be exported."""
    values = {
        "data": {"steps": 20, "channels": 6, "step_ms": 1.0, "message_bits": 0, "validation": 0.25},
        "layers": [{"neurons": 12, "recurrent": "none", "gain": 4.0}],
        "delay": {"harden_at": 0.0, "freeze_at": 0.0},
        "train": {"epochs": 3, "batch_size": 4, "learning_rate": 0.02, "dropout": 0.0},
    }
    for section, own in changes.items():
        values[section] = own if isinstance(own, list) else {**values.get(section, {}), **own}
    return config_from_dict(values)
