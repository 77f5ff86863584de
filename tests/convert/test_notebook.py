"""What a notebook shows of networks, recordings and artifacts: short, right, escaped, and pictures of the values."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

import numpy as np
import pytest
import sigma_delta_networks

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, read_netx, simulate, write_netx
from myelin.convert.artifact.artifact import read_artifact, write_artifact
from myelin.convert.floats.network import dequantised
from myelin.convert.opened import read
from myelin.convert.recording import Recording
from myelin.hw_configs.errors import DataError, NetworkError, TargetError
from myelin.hw_configs.target_files import load_target
from myelin.hw_configs.terminal.tables import html_table
from myelin.train.datasets import SpikeDataset


@pytest.fixture
def network():
    cuba = Cuba(40, 2000, 1000)
    conv = Conv(np.arange(-8, 10).reshape(2, 1, 3, 3), padding=(1, 1))
    back = DelayedRecurrent(Dense(np.eye(5, dtype=int) * 4, 0, np.eye(5, dtype=int)), [0, 3, 3, 7, 1])
    return Network(
        Input((1, 4, 4), 3),
        (
            Layer((2, 4, 4), conv, cuba, 2),
            Layer((5,), Dense(np.full((5, 32), 6), -1), cuba, [0, 9, 4, 4, 4], back),
            Layer((4,), Dense(np.full((4, 5), 100)), Cuba(131071, 0, 5), output="state"),
        ),
        2,
    )


def cells(html):
    """The rows of every table in ``html``; it must be well-formed."""
    return [["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(f"<x>{html}</x>").iter("tr")]


def test_a_network_is_shown_layer_by_layer(network):
    assert repr(network).splitlines() == [
        "Network of 3 layers: 1 x 4 x 4 -> 2 x 4 x 4 -> 5 -> 4, average over 2 groups",
        "  input    1 x 4 x 4  values 0..7",
        "  layer 0  2 x 4 x 4  conv, weights -8..9; delays 2; Cuba, spikes",
        "  layer 1  5          dense, weights 6, exponent -1; delays 0..9; "
        "recurrent dense, weights 0..4, delays 0..7 and 0..1 synaptic; Cuba, spikes",
        "  layer 2  4          dense, weights 100; Cuba, state",
    ]
    head, *rows = cells(network._repr_html_())
    assert head[1:4] == ["shape", "connection", "weights"] and len(rows) == 4
    assert rows[2] == ["layer 1", "5", "dense", "6, exponent -1", "0..9", "dense, weights 0..4, delays 0..7 and 0..1 synaptic",
                       "Cuba", "spikes"]  # fmt: skip
    assert repr(network.layers[0]) == "Layer of 2 x 4 x 4: conv, weights -8..9; delays 2; Cuba, spikes"
    assert repr(network.input) == "Input of 1 x 4 x 4: values 0..7"
    assert repr(Input((3,), neuron=Cuba(1, 2, 3))) == "Input of 3: values 0..1, Cuba neurons"


def test_a_float_network_and_what_was_read_are_shown_too(small, tmp_path):
    floats = dequantised(small)
    assert repr(floats).startswith("FloatNetwork of 2 layers: 2 -> 3 -> 2\n") and "<td>3</td>" in floats._repr_html_()
    write_netx(small, tmp_path / "a & b.net")
    opened = read(tmp_path / "a & b.net")
    assert repr(opened) == f"Opened a netx file {tmp_path / 'a & b.net'}\n{read_netx(tmp_path / 'a & b.net')!r}"
    assert opened._repr_html_() == opened.network._repr_html_()
    assert "\n  note: rounded\n" in repr(dataclasses.replace(opened, note="rounded"))


def test_an_artifact_is_shown_with_its_facts(small, tmp_path):
    spikes = np.ones((2, 9, 2), np.uint8)
    metrics = {"accuracy_percent": 87.5, "<b>": "&"}
    write_artifact(tmp_path / "art", small, load_target("loihi2"), inputs=spikes, provenance={}, metrics=metrics)
    artifact = read_artifact(tmp_path / "art")
    lines = repr(artifact).splitlines()
    assert lines[0] == "Artifact" and lines[1].split() == ["folder", str(tmp_path / "art")]
    assert lines[2].split() == ["target", "loihi2"] and lines[4].strip() == "golden inputs  2 samples of 9 steps"
    assert lines[5:] == repr(artifact.network).splitlines()
    rows = cells(artifact._repr_html_())
    assert ["accuracy percent", "87.5"] in rows and ["<b>", "&"] in rows and rows[-1][:2] == ["layer 1", "2"]


def test_a_recording_is_shown_array_by_array(network):
    spikes = np.random.default_rng(0).integers(0, 8, (2, 30, 1, 4, 4))
    recording = simulate(network, spikes, record={1: ("spikes", "v")})
    lines = [line.split() for line in repr(recording).splitlines()]
    assert repr(recording).startswith("Recording of 2 samples, 30 steps\n")
    low, high = recording.output.min(), recording.output.max()
    assert lines[1] == ["output", "v", "2", "x", "30", "x", "4", "int32", f"{low}..{high}"]
    assert lines[3][:6] == ["layer", "1", "(dense,", "recurrent", "dense)", "spikes"]
    share = f"{100 * np.count_nonzero(recording.layers[1]['spikes']) / recording.layers[1]['spikes'].size:.3g}"
    rows = cells(recording._repr_html_())
    assert rows[3] == ["layer 1 (dense, recurrent dense)", "spikes", "2 x 30 x 5", "uint8", "0..1", share] and float(share) > 0
    empty = simulate(network, spikes[:0])
    assert repr(empty).splitlines()[0] == "Recording of 0 samples, 30 steps" and "none" in repr(empty)


def test_a_recording_is_drawn_with_all_its_values(network, tmp_path):
    spikes = np.random.default_rng(0).integers(0, 8, (2, 30, 1, 4, 4))
    recording = simulate(network, spikes, record={0: ("spikes",), 1: ("v",)})
    figure = recording.plot(1, step_ms=2.0, path=tmp_path / "recording.png")
    assert (tmp_path / "recording.png").read_bytes() == figure._repr_png_()
    dots, voltages, output = figure.axes
    assert len(dots.collections[0].get_offsets()) == recording.layers[0]["spikes"][1].sum() > 0
    for neuron in range(5):
        np.testing.assert_array_equal(voltages.get_lines()[neuron].get_ydata(), recording.layers[1]["v"][1, :, neuron])
    np.testing.assert_array_equal(output.get_lines()[3].get_ydata(), recording.output[1, :, 3])
    assert output.get_title(loc="left") == "output: v" and output.get_xlabel() == "time (ms)"
    assert dots.get_title(loc="left").startswith("layer 0 (conv): ")
    with pytest.raises(DataError, match=r"^sample 2 does not exist; this recording has samples 0\.\.1$"):
        recording.plot(2)


def test_of_many_neurons_those_that_change_most_are_drawn_and_negative_messages_have_their_colour():
    network, sample = sigma_delta_networks.random_case(4)
    recording = simulate(network, sample[None])
    (axis,) = recording.plot().axes
    values = recording.output[0].reshape(len(sample), -1)
    colours = {tuple(colour[:3]) for colour in axis.collections[0].get_facecolors()}
    assert (values < 0).any() and (values > 0).any() and len(colours) == 2
    many = np.arange(20) * np.arange(3)[:, None]
    (axis,) = Recording(many[None].astype(np.int32), np.zeros((1, 20), np.int64), output_name="v").plot().axes
    assert axis.get_title(loc="left") == "output: v, the 10 of 20 neurons that change most"
    assert [line.get_label() for line in axis.get_lines()] == [str(neuron) for neuron in range(10, 20)]


def test_delays_of_every_kind_are_drawn(network, tmp_path):
    figure = network.plot_delays(limit_steps=62, path=tmp_path / "delays.png")
    titles = [axis.get_title(loc="left") for axis in figure.axes]
    assert [title.split(":")[0] for title in titles] == [
        "layer 0 (conv), feed-forward",
        "layer 1 (dense, recurrent dense), feed-forward",
        "layer 1 (dense, recurrent dense), recurrent",
        "layer 1 (dense, recurrent dense), recurrent synapses",
    ]
    assert titles[3].endswith(": 25 synaptic delays, median 0, longest 1 steps")
    heights = [bar.get_height() for bar in figure.axes[2].patches]
    assert [heights[k] for k in (0, 1, 3, 7)] == [1, 1, 2, 1]
    assert (tmp_path / "delays.png").exists()


def test_a_table_escapes_what_it_is_given():
    html = html_table("<i>", ("a & b",), [("<script>",)])
    assert "<script>" not in html and cells(html) == [["a & b"], ["<script>"]]


def test_a_data_set_is_shown_in_one_line():
    x = np.ones((4, 5, 6), int)
    shown = "SpikeDataset(dense data: 4 samples, 120 events, 6 units, {}, 5 steps of 1 ms)"
    assert repr(SpikeDataset.from_dense(x, [0, 1, 2, 1], time_axis=1)) == shown.format("3 classes")
    steps = SpikeDataset.from_dense(x, np.ones((4, 5), int), time_axis=1)
    assert repr(steps) == shown.format("2 classes, one for each step")
    trace = SpikeDataset.from_dense(x, np.ones((4, 5, 3), np.float32), time_axis=1)
    assert repr(trace) == shown.format("3 outputs to follow")


def test_what_is_no_path_and_no_target_is_refused_by_its_type():
    with pytest.raises(NetworkError, match=r"^a NoneType is no path; a netx file \(\*\.net\), "):
        read(None)
    with pytest.raises(TargetError, match=r"^target is a int; one of alia_point, .*, or the path of a \.toml file is allowed$"):
        load_target(3)
