"""Events of a camera, (channels, height, width), through every stage: file, training, export, check, map, simulator, Lava."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytestmark = [pytest.mark.lava, pytest.mark.subprocess, pytest.mark.training]

SHAPE = (2, 16, 16)
HEAD = """
[data]
steps = 24
step_ms = 5.0
message_bits = 2
validation = 0.25
split_by = "stratified"
"""
TAIL = """
[delay]
high = 8.0
harden_at = 0.5
freeze_at = 0.5
[train]
epochs = 2
batch_size = 16
learning_rate = 0.01
"""
CONFIGS = {
    "images all the way": """shape = [2, 8, 8]
[augment]
channel_shift = 2
[[layers]]
kind = "conv"
channels = 4
kernel = 3
stride = 2
recurrent = "none"
delay_per = "channel"
gain = 2.0
[[layers]]
kind = "conv"
channels = 3
kernel = [3, 2]
stride = [1, 2]
recurrent = "none"
delay_per = "neuron"
gain = 2.0
[readout]
pool = "average"
""",
    "recurrence over both axes": """shape = [2, 4, 8]
[[layers]]
kind = "conv"
channels = 2
kernel = 3
stride = [1, 2]
recurrent = "conv"
taps = [3, 1]
recurrent_delay_per = "neuron"
delay_per = "channel"
gain = 2.0
[[layers]]
kind = "conv"
channels = 4
kernel = 3
stride = 2
recurrent = "conv"
recurrent_delay_per = "channel"
gain = 2.0
[readout]
pool = "average"
""",
    "then a row with recurrence": """shape = [1, 16, 8]
[[layers]]
kind = "conv"
channels = 2
kernel = [5, 3]
stride = [17, 1]
recurrent = "conv"
recurrent_delay_per = "channel"
delay_per = "neuron"
gain = 4.0
[[layers]]
kind = "conv"
channels = 5
kernel = 3
stride = 2
recurrent = "conv"
taps = 5
gain = 2.0
[readout]
pool = "average"
spiking = true
gain = 6.0
""",
}


def bars(samples_per_class, seed):
    """A bar that moves right, left, down or up across the field within 0.12 s; leading and trailing edges are channels."""
    from myelin.train.datasets import SpikeDataset, join_events

    rng = np.random.default_rng(seed)
    trains, labels = [], []
    for label in np.tile(np.arange(4), samples_per_class):
        times = np.sort(rng.uniform(0.0, 0.118, 120)).astype(np.float16).astype(np.float32)
        along = (times / 0.12 if label % 2 == 0 else 1 - times / 0.12) * 15
        across, channel = rng.integers(0, 16, times.size), rng.integers(0, 2, times.size)
        along = np.clip(np.rint(along + rng.normal(0, 0.7, times.size)) - channel, 0, 15).astype(int)
        row, column = (across, along) if label < 2 else (along, across)
        trains.append((times, np.ravel_multi_index((channel, row, column), SHAPE)))
        labels.append(label)
    return SpikeDataset(*join_events(trains), np.array(labels), 512, ("right", "left", "down", "up"), shape=SHAPE)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    from myelin.train.datasets import write_shd

    folder = tmp_path_factory.mktemp("bars")
    write_shd(bars(8, 1), folder / "bars_train.h5")
    write_shd(bars(4, 2), folder / "bars_test.h5")
    return folder


@pytest.fixture(scope="module", params=CONFIGS)
def artifact(request, data, main, tmp_path_factory):
    """An artifact of each configuration, trained for two epochs."""
    folder = tmp_path_factory.mktemp("two_axes")
    (folder / "camera.toml").write_text(HEAD + CONFIGS[request.param] + TAIL)
    assert main("train", folder / "camera.toml", "--data", data, "--out", folder / "run", "--quiet") == 0
    assert main("export", folder / "run", "--target", "loihi2", "--out", folder / "artifact", "--data", data) == 0
    return folder / "artifact"


def test_every_stage_gives_the_same_outputs(artifact, data, main, tmp_path):
    from myelin.convert.artifact.artifact import read_artifact
    from myelin.convert.simulator.simulator import simulate
    from myelin.lava_models import compat

    lava = compat.available()
    out, options = tmp_path / "gate.json", ("--lava-samples", int(lava), "--max-drop", 100)
    assert main("validate", artifact, "--data", data, *options, "--json", out) == 0
    parities = json.loads(out.read_text())["result"]["parities"][: 1 + 2 * lava]  # training code, our models, Lava's own
    assert [(parity["equal"], parity["samples"]) for parity in parities] == [(True, 16), (True, 1), (True, 1)][: 1 + 2 * lava]

    read = read_artifact(artifact)  # silent networks would be equal too
    assert read.golden.spikes.shape[2:] == read.network.input.shape and read.golden.spikes.max() > 1
    recording = simulate(read.network, read.golden.spikes, record={0: ("spikes",), 1: ("spikes",)})
    assert all(0.005 < recording.layers[index]["spikes"].mean() < 0.8 for index in (0, 1))
    assert np.unique(recording.output).size > 1 and read.network.max_delay_steps > 3


def test_the_other_commands_take_it(artifact, data, main, tmp_path, capsys):
    out = tmp_path / "found.json"
    assert main("simulate", artifact, "--data", data, "--json", out) == 0
    found = json.loads(out.read_text())["result"]
    size = found["binning"]["shape"]
    assert f"{' x '.join(map(str, size))} inputs, counts up to 3" in capsys.readouterr().out
    assert main("simulate", artifact / "network.net", "--data", data, "--steps", 24, "--step-ms", 5, "--json", out) == 0
    plain = json.loads(out.read_text())["result"]
    assert (plain["accuracy_percent"], plain["binning"]) == (found["accuracy_percent"], found["binning"])
    assert main("check", artifact, "--target", "loihi2", "--data", data) == 0
    assert main("map", artifact, "--target", "loihi2", "--data", data) == 0
    assert main("profile", artifact, "--density", 0.2) == 0


def test_data_of_another_shape_is_refused(artifact, tiny, data, refused, tmp_path):
    plain = ("simulate", artifact / "network.net", "--steps", 24, "--step-ms", 5, "--data", tiny.data)
    assert "its units are a row of 28, asked for is" in refused(*plain)
    command = ("train", tiny.configs["conv"], "--data", data, "--out", tmp_path / "run", "--quiet")
    said = (
        "asked for is a row of 14; name data whose units are a row, or train with a shape, such as --set data.shape=[2, 16, 16]"
    )
    assert said in refused(*command)
    assert "units of 2 x 16 x 16 do not pool to 2 x 16 x 5" in refused(*command, "--set", "data.shape=[2, 16, 5]")
    assert not (tmp_path / "run").exists()
