"""``myelin map``: the screen and the JSON say the same, exit codes, and what the picture shows."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from myelin.cli import build_parser
from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, write_netx
from myelin.convert.artifact.artifact import write_artifact
from myelin.convert.mapping import plot as plots_mapping
from myelin.convert.mapping.mapping import map_network
from myelin.convert.mapping.plot import core_map
from myelin.convert.mapping.report import lines
from myelin.hw_configs.errors import DataError, NetworkError, TargetError
from myelin.hw_configs.target_files import load_target

ONE = load_target("loihi1")


def run(*arguments):
    parsed = build_parser().parse_args([str(argument) for argument in arguments])
    return parsed.run(parsed)


@pytest.fixture
def network():
    """Three hundred neurons with delays and a recurrent convolution, and a readout."""
    cuba = Cuba(64, 2048, 1024)
    recurrent = DelayedRecurrent(Conv(np.full((1, 1, 1, 3), 2), padding=(0, 1)), 62)
    first = Layer((300,), Dense(2 * np.arange(600).reshape(300, 2) % 100), cuba, recurrent=recurrent)
    return Network(Input((2,)), [first, Layer((4,), Dense(np.full((4, 300), 2)), Cuba((1 << 17) - 1, 4096, 0), output="state")])


def test_the_command(network, tmp_path, capsys):
    write_netx(network, tmp_path / "a.net")
    out, plot = tmp_path / "out.json", tmp_path / "out.png"
    arguments = ("map", tmp_path / "a.net", "--target", "loihi1", "--samples", 2, "--steps", 10, "--json", out, "--plot", plot)
    assert run(*arguments) == 0
    shown, found = capsys.readouterr().out, json.loads(out.read_text())["result"]
    assert shown.splitlines() == lines(found)
    assert "random spikes, density 0.1" in shown and f"loihi1 holds {tmp_path / 'a.net'}" in shown
    # 64 delay slots a neuron: 128 neurons a core
    assert (found["cores"], found["lower_bound_cores"], found["available_cores"]) == (4, 4, 128)
    assert [core["parts"] for core in found["core_list"]] == [
        [{"where": "layer 0 (dense, recurrent conv)", "neurons": 128}],
        [{"where": "layer 0 (dense, recurrent conv)", "neurons": 128}],
        [{"where": "layer 0 (dense, recurrent conv)", "neurons": 44}],
        [{"where": "layer 1 (dense)", "neurons": 4}],
    ]
    ends = [(entry["binding"], entry["cores_ended_by"]) for entry in found["layers"]]
    assert ends == [("delay_slots", "limit"), ("axons_in", "nothing")]
    assert found["limits_of_a_core"]["delay_slots"] == 8192
    saved = found["layers"][0]["recurrent_convolution"]
    assert (saved["parameters"], saved["dense_parameters"]) == (4, 90001)  # one delay for all
    assert saved["memory_saved_percent"] > 95
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert run(*arguments[:-2], "--strategy", "pack") == 0
    assert json.loads(out.read_text())["result"]["cores"] == 3


def test_loihi2_says_what_it_does_not_know(network, tmp_path, capsys):
    write_artifact(tmp_path / "art", network, ONE, inputs=np.ones((1, 5, 2), int), provenance={}, metrics={})
    assert run("map", tmp_path / "art", "--target", "loihi2") == 0
    shown = capsys.readouterr().out
    assert "golden inputs of" in shown
    for text in (
        "memory: estimate, loihi1 packing",
        "not checked   input axons: axons_in_per_core of loihi2 not public, not checked",
        "not checked   memory of neuron states: what it takes of the core memory is not public, not checked",
        "relative comparison only: figures per event are those of loihi1",
        "unrolled (delays lie in the synapses)",
        "1.54 ms and 0.36 mJ on Loihi 2 (Oheo Gulch)",
    ):
        assert text in shown


def test_what_does_not_fit_ends_with_1(tmp_path, capsys):
    big = Network(Input((5000,)), [Layer((2,), Dense(np.full((2, 5000), 2)), Cuba(64, 4096, 4095))])
    write_netx(big, tmp_path / "a.net")
    out, plot = tmp_path / "out.json", tmp_path / "out.png"
    arguments = ("map", tmp_path / "a.net", "--target", "loihi1", "--samples", 1, "--steps", 2, "--json", out, "--plot", plot)
    assert run(*arguments) == 1
    shown, found = capsys.readouterr().out, json.loads(out.read_text())["result"]
    assert "does not fit  layer 0 (dense): one neuron takes 5000 input axons, a core holds 4096" in shown
    assert f"{plot} is not drawn: a neuron fits no core" in shown and not plot.exists()
    assert re.search(r"feed-forward dense +10,000 +-", shown)  # nothing lies on a core: no memory is taken, none is saved
    assert "broken rule" not in shown  # the same said twice
    assert (found["fits"], found["cores"], found["core_list"]) == (False, 0, [])
    assert found["refusals"][0]["resource"] == "axons_in"


def test_a_broken_rule_ends_with_1(tmp_path, capsys):
    """Graded input fits the cores of Loihi 1, which has no graded spikes."""
    write_artifact(
        tmp_path / "art",
        Network(Input((2,), 4), [Layer((2,), Dense(np.full((2, 2), 2)), Cuba(64, 4096, 4095))]),
        ONE,
        inputs=np.ones((1, 5, 2), int),
        provenance={},
        metrics={},
    )
    assert run("map", tmp_path / "art", "--target", "loihi1") == 1
    assert "broken rule   input: spike payload is 4 bits, loihi1 holds 0" in capsys.readouterr().out


def test_sigma_delta_is_for_loihi2(upstream, capsys):
    file = upstream / "gts" / "pilotnet_sdnn" / "square_network.net"
    assert run("map", file, "--target", "loihi2", "--samples", 1, "--steps", 2) == 0
    assert run("map", file, "--target", "loihi1", "--samples", 1, "--steps", 2) == 1
    shown = capsys.readouterr().out
    assert "does not fit" not in shown and "broken rule" in shown


def test_bad_input(network, tmp_path):
    write_netx(network, tmp_path / "a.net")
    with pytest.raises(NetworkError, match="no such file or folder"):
        run("map", tmp_path / "b.net", "--target", "loihi2")
    with pytest.raises(TargetError, match="did you mean loihi"):
        run("map", tmp_path / "a.net", "--target", "loih2")
    with pytest.raises(TargetError, match="name a chip or a board"):
        run("map", tmp_path / "b.net", "--target", "cpu")
    with pytest.raises(DataError, match="'balance' alone spreads"):
        run("map", tmp_path / "a.net", "--target", "loihi2", "--cores", 3)


def drawn(mapping, tmp_path, monkeypatch):
    """The axes that were drawn, and the texts of the legend."""
    figures = []
    monkeypatch.setattr(plots_mapping, "_save", lambda figure, path: figures.append(figure))
    core_map(tmp_path / "a.png", mapping)
    (figure,) = figures
    return figure.axes[0], [text.get_text() for text in figure.legends[0].get_texts()]


def test_the_picture(network, tmp_path, monkeypatch):
    axis, names = drawn(map_network(network, ONE), tmp_path, monkeypatch)
    assert names == ["layer 0 (dense, recurrent conv) on 3: delay slots", "layer 1 (dense) on 1: input axons"]
    bars, _, cells = axis.collections
    heights = [np.ptp(path.vertices[:, 1]) / 0.88 for path in bars.get_paths()]
    assert heights == pytest.approx([1, 1, 44 * 64 / 8192])
    assert len(cells.get_paths()) == 4
    said = [text.get_text() for text in axis.texts]
    assert said[:2] == ["100 %\ndelay slots"] * 2 and said[3].endswith("\ninput axons")
    assert axis.get_title(loc="left") == "4 cores of Intel Loihi (first generation), one chip, strategy layer"


def test_the_picture_of_a_board_and_of_shared_cores(tmp_path, monkeypatch):
    cuba = Cuba(64, 4096, 4096)
    wide = Layer((130 * 128,), Dense(np.full((130 * 128, 1), 2), delay_steps=np.full((130 * 128, 1), 62)), cuba)
    board = map_network(Network(Input((1,)), [wide]), load_target("kapoho_bay"))
    axis, _ = drawn(board, tmp_path, monkeypatch)
    said = [text.get_text() for text in axis.texts]
    assert [text for text in said if text.startswith("chip")] == ["chip 0", "chip 1"]
    assert [text for text in said if not text.startswith("chip")] == ["100 %\ndelay\nslots"] * board.cores
    layers = [Layer((100,), Dense(np.full((100, 100), 2)), cuba) for _ in range(3)]
    axis, _ = drawn(map_network(Network(Input((100,)), layers), ONE, "pack"), tmp_path, monkeypatch)
    assert len(axis.collections[-1].get_paths()) == 1
    tops = [collection.get_paths()[0].vertices[:, 1].min() for collection in axis.collections[:3]]
    assert tops == sorted(tops, reverse=True)  # the bars of a cell stand on each other
