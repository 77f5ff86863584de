"""A tiny data set in the SHD format, with configurations."""

from __future__ import annotations

import numpy as np

CLASSES, CHANNELS = 4, 28

#: Dense recurrence with a delay for each neuron, states as output, presence as input.
DENSE = """
[data]
steps = 30
step_ms = 5.0
channels = 14
message_bits = 0
validation = 0.25
split_by = "stratified"
[[layers]]
neurons = 16
recurrent = "dense"
delay_per = "neuron"
[delay]
high = 12.0
harden_at = 0.5
freeze_at = 0.5
[train]
epochs = 2
batch_size = 16
learning_rate = 0.01
"""

#: A convolution, then a dense layer cut into channels, both with convolutional recurrence; counts as input, spikes as output.
CONV = """
[data]
steps = 30
step_ms = 5.0
channels = 14
message_bits = 3
validation = 0.25
split_by = "stratified"
[[layers]]
kind = "conv"
channels = 2
kernel = 3
recurrent = "conv"
recurrent_delay_per = "channel"
delay_per = "channel"
[[layers]]
neurons = 12
channels = 3
recurrent = "conv"
delay_per = "neuron"
[readout]
spiking = true
gain = 3.0
[delay]
high = 12.0
harden_at = 0.5
freeze_at = 0.5
[train]
epochs = 2
batch_size = 16
learning_rate = 0.01
"""


def tiny_dataset(samples_per_class, seed):
    """A data set in which each class is a sweep over the channels with its own speed and direction; 0.15 s, about 60 spikes."""
    from myelin.train.datasets import SpikeDataset, join_events

    rng = np.random.default_rng(seed)
    trains, labels = [], []
    for label in np.tile(np.arange(CLASSES), samples_per_class):
        times = np.sort(rng.uniform(0.0, 0.148, 60)).astype(np.float16).astype(np.float32)
        sweep = [times / 0.15, 1 - times / 0.15, 2 * times / 0.15 % 1, np.full_like(times, 0.5)][label]
        units = np.clip(sweep * CHANNELS + rng.normal(0, 1.5, times.size), 0, CHANNELS - 1).astype(np.uint16)
        trains.append((times, units))
        labels.append(label)
    events = join_events(trains)
    return SpikeDataset(*events, np.array(labels), channels=CHANNELS, keys=("up", "down", "twice", "still"))
