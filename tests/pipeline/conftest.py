"""A tiny data set in the SHD format, configurations for it, and networks trained on it through the command line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

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
    """Each class sweeps over the channels at a speed and in a direction of its own; 0.15 s, about 60 spikes."""
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


@pytest.fixture(scope="session")
def main():
    """The command line, in this process: ``main(*arguments)`` returns the exit code."""
    import myelin.cli

    return lambda *arguments: myelin.cli.main([str(argument) for argument in arguments])


@pytest.fixture(scope="session")
def tiny(tmp_path_factory):
    """``data`` (a folder with *_train.h5 and *_test.h5), ``configs`` by name, ``dataset(samples_per_class, seed)``."""
    from myelin.train.datasets import write_shd

    folder = tmp_path_factory.mktemp("tiny")
    data = folder / "data"
    data.mkdir()
    write_shd(tiny_dataset(12, 1), data / "tiny_train.h5")
    write_shd(tiny_dataset(6, 2), data / "tiny_test.h5")
    configs = {}
    for name, text in (("dense", DENSE), ("conv", CONV)):
        configs[name] = folder / f"{name}.toml"
        configs[name].write_text(text)
    return SimpleNamespace(data=data, configs=configs, dataset=tiny_dataset, folder=folder)


@pytest.fixture(scope="session")
def runs(tiny, main):
    """A finished run folder for each configuration, by name."""
    folders: dict[str, Path] = {}
    for name, config in tiny.configs.items():
        folders[name] = tiny.folder / f"run_{name}"
        assert main("train", config, "--data", tiny.data, "--out", folders[name], "--quiet") == 0
    return folders


@pytest.fixture(scope="session")
def artifacts(tiny, main, runs):
    """An artifact for each run, by name."""
    folders: dict[str, Path] = {}
    for name, run in runs.items():
        folders[name] = tiny.folder / f"artifact_{name}"
        assert main("export", run, "--target", "loihi2", "--out", folders[name], "--data", tiny.data) == 0
    return folders


@pytest.fixture
def refused(main, capsys):
    """``refused(*arguments)``: the one line on stderr of a command that must end with exit code 2."""

    def call(*arguments):
        capsys.readouterr()
        code = main(*arguments)
        shown = capsys.readouterr().err
        lines = shown.splitlines()
        assert len(lines) == 1, shown
        assert lines[0].startswith("myelin: error: "), shown
        assert code == 2
        return lines[0].removeprefix("myelin: error: ")

    return call
