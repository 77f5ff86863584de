"""Pictures show what they are given: looked up in the figure that is drawn, not only that a file appears."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.convert import plots
from myelin.convert.layers import DelayedRecurrent, Dense
from myelin.convert.network import Input, Layer, Network
from myelin.convert.neurons import Cuba
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.errors import DataError

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def figures(monkeypatch):
    """The figures that were saved, in order."""
    saved = []
    real = plots._save
    monkeypatch.setattr(plots, "_save", lambda figure, path: (saved.append(figure), real(figure, path)))
    return saved


@pytest.fixture
def network():
    def neuron(threshold):
        return Cuba(threshold, np.array(2048), np.array(400))

    recurrent = DelayedRecurrent(Dense(np.eye(4, dtype=int) * 64), np.array([0, 3, 3, 62]))
    hidden = Layer((4,), Dense(np.full((4, 3), 100)), neuron(90), np.array([5, 5, 5, 0]), recurrent)
    return Network(Input((3,)), (hidden, Layer((2,), Dense(np.arange(8).reshape(2, 4)), neuron(131071), output="state")))


def test_raster(network, figures, tmp_path):
    frames = (np.random.default_rng(1).random((2, 30, 3)) < 0.3).astype(np.uint8)
    recording = simulate(network, frames, record={0: ("spikes",)})
    path = tmp_path / "raster.png"
    plots.raster(path, network, frames, recording, sample=1, step_ms=5.0, keys=("left", "right"), label=0)
    assert path.read_bytes().startswith(PNG)
    source, hidden, voltages = figures[0].axes
    assert len(source.collections[0].get_offsets()) == frames[1].sum()
    assert len(hidden.collections[0].get_offsets()) == recording.layers[0]["spikes"][1].sum()
    step, channel = np.argwhere(frames[1])[0]
    assert source.collections[0].get_offsets()[0].tolist() == [(step + 0.5) * 5.0, channel]
    assert voltages.get_xlabel() == "time (ms)"
    drawn = voltages.get_lines()[-2].get_ydata()  # the predicted class; the last line is the zero
    assert np.array_equal(drawn, recording.output[1, :, recording.prediction[1]] / 4096)
    assert figures[0]._suptitle.get_text() == "true: left, predicted: right (wrong)"


def test_raster_needs_recorded_spikes(network, tmp_path):
    frames = np.zeros((1, 5, 3), np.uint8)
    with pytest.raises(DataError, match="no spikes of layer 0"):
        plots.raster(tmp_path / "raster.png", network, frames, simulate(network, frames))
    assert list(tmp_path.iterdir()) == []


def test_delay_histogram(network, figures, tmp_path):
    plots.delay_histogram(tmp_path / "delays.png", network, limit_steps=62, step_ms=10.0)
    forward, recurrent = figures[0].axes
    heights = [
        [(round(bar.get_x() + bar.get_width() / 2), bar.get_height()) for bar in axis.patches] for axis in (forward, recurrent)
    ]
    assert [pair for pair in heights[0] if pair[1]] == [(0, 1), (5, 3)]
    assert [pair for pair in heights[1] if pair[1]] == [(0, 1), (3, 2), (62, 1)]
    assert "median 3, longest 62 steps" in recurrent.get_title(loc="left")
    assert recurrent.get_xlabel() == "delay (steps of 10 ms)"
    assert [text.get_text() for text in forward.texts] == ["limit 62"]


def test_delay_histogram_of_a_network_without_delays(figures, tmp_path):
    plain = Network(Input((2,)), (Layer((2,), Dense(np.eye(2, dtype=int)), Cuba(1, np.array(1), np.array(1))),))
    plots.delay_histogram(tmp_path / "delays.png", plain)
    assert figures[0].axes[0].texts[0].get_text() == "no delays in this network"
