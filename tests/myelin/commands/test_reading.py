"""Options that say how a file is read: every command that takes a network has them, and Python has the same."""

from __future__ import annotations

import argparse
import shlex

import h5py
import numpy as np
import pytest

import myelin
from myelin.cli import build_parser
from myelin.convert import Cuba, Dense, Input, Layer, Network
from myelin.convert.delays import clip_delays
from myelin.convert.floats.network import dequantised
from myelin.convert.layers import DelayedRecurrent
from myelin.hw_configs.errors import NetworkError
from myelin.train.datasets import SpikeDataset
from myelin.training.initial_network import initial_network

nir = pytest.importorskip("nir", reason="the package nir (extra 'nir') is not installed")

READING = {"--dt-ms", "--input-shape", "--clip-delays"}
#: Commands that take no network, or only an artifact.
WITHOUT = {"sweep", "board", "demo", "doctor", "encode", "nir", "experiments", "targets", "config", "completion"}
UNSAID = "the file does not say the length of a step, and its nodes show none"


def options_of(parser):
    return {option for action in parser._actions for option in action.option_strings}


def test_every_command_that_takes_a_network_has_the_options():
    (commands,) = (action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction))
    lacking = {name: READING - options_of(parser) for name, parser in commands.choices.items() if name not in WITHOUT}
    assert len(lacking) > 10 and not any(lacking.values()), lacking
    (actions,) = (action for action in commands.choices["nir"]._actions if isinstance(action, argparse._SubParsersAction))
    assert all(options_of(parser) >= READING for parser in actions.choices.values())


def lif(size):
    constants = {"r": np.ones(size), "v_leak": np.zeros(size), "v_reset": np.zeros(size)}
    return nir.LIF(tau=np.full(size, 0.02), v_threshold=np.full(size, 0.05), **constants)


@pytest.fixture(scope="module")
def stepless(tmp_path_factory):
    """A NIR file of floats that does not show its step, and data for it."""
    folder, rng = tmp_path_factory.mktemp("stepless"), np.random.default_rng(0)
    nodes = {
        "input": nir.Input(np.array([6])),
        "a": nir.Linear(rng.normal(size=(8, 6))),
        "b": lif(8),
        "c": nir.Linear(rng.normal(size=(3, 8))),
        "d": lif(3),
        "output": nir.Output(np.array([3])),
    }
    graph = nir.NIRGraph(nodes=nodes, edges=list(zip(list(nodes), list(nodes)[1:], strict=False)))
    nir.write(str(folder / "a.nir"), graph)
    frames = (rng.random((20, 20, 6)) < 0.3).astype(np.uint8)
    dataset = SpikeDataset.from_dense(frames, rng.integers(0, 3, 20), step_ms=1.0, time_axis=1)
    dataset.save(folder / "d_train.npz")
    return folder / "a.nir", folder / "d_train.npz"


def test_commands_take_the_length_of_a_step(stepless, tmp_path, small, main, refused):
    path, data = stepless
    given, net, loihi2 = ("--data", data), tmp_path / "a.net", ("--target", "loihi2")
    myelin.write_netx(small, net)
    light = [
        ("check", path, *loihi2),
        ("diff", path, path, "--samples", 1),
        ("convert", path, tmp_path / "c.net"),
        ("validate", tmp_path / "c.net", *given, "--reference", path, "--max-drop", 100, "--lava-samples", 0),
        ("diff", tmp_path / "c.net", path, "--samples", 1),
    ]
    for command in light:
        assert UNSAID in refused(*command)
        assert main(*command, "--dt-ms", 1) == 0, command
    others = [
        ("profile", path),
        ("map", path, *loihi2),
        ("simulate", path, *given),
        ("simulate", path, "--live"),
        ("export", path, *loihi2, "--out", tmp_path / "art"),
        ("quantise", path, *given, *loihi2, "--out", tmp_path / "out.net"),
        ("explore", path, *given, *loihi2),
        ("validate", path, *given),
        ("report", path, "--out", tmp_path / "a.html"),
        ("nir", "import", path, "--out", tmp_path / "out.net"),
        ("train", "--init-from", path, *given, "--out", tmp_path / "run"),
    ]
    for command in others:
        assert UNSAID in refused(*command)
        assert "dt_ms is 0.0; a length of a step above 0" in refused(*command, "--dt-ms", 0), command
    assert "is for NIR files" in refused("report", net, "--out", tmp_path / "a.html", "--dt-ms", 1)
    assert "is for NIR files" in refused("validate", net, *given, "--reference", net, "--dt-ms", 1)
    said = refused("train", "demo", *given, "--out", tmp_path / "run", "--dt-ms", 1)
    assert "--dt-ms says how the file of --init-from is read: add it, or leave it out" in said
    assert not (tmp_path / "run").exists()


def test_python_takes_the_length_of_a_step(stepless):
    path, data = stepless
    opened = myelin.read(path, dt_ms=1.0)
    assert opened.dt_ms == 1.0
    with pytest.raises(NetworkError, match=UNSAID):
        initial_network(path)
    floats = initial_network(opened).floats
    assert floats.layers[0].neuron.voltage_decay == pytest.approx(0.05)
    np.testing.assert_array_equal(floats.layers[0].synapse.weight, opened.floats.layers[0].synapse.weight)
    assert myelin.check(path, "loihi2", dt_ms=1.0)["holds"] and myelin.diff(opened, path, dt_ms=1.0)["equal"]
    found = myelin.validate(opened.network, data, reference=path, dt_ms=1.0, max_drop=100, lava_samples=0)
    assert not found.failures
    with pytest.raises(NetworkError, match="dt_ms says how a file is read, and the network is no path"):
        myelin.check(opened, "loihi2", dt_ms=1.0)


@pytest.fixture
def late(tmp_path):
    """A netx file without an input layer, one of whose delays is 70 steps."""
    constants = {"type": "CUBA", "iDecay": 1024, "vDecay": 512, "vThMant": 80, "refDelay": 1, "gradedSpike": False}
    fields = {"shape": [4, 6, 6], "weight": np.full((4, 2, 3, 3), 2.0), "delay": [70, 1, 2, 3]}
    fields |= {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    with h5py.File(tmp_path / "late.net", "w") as file:
        file["layer/0/type"] = b"conv"
        for name, value in (fields | {f"neuron/{name}": value for name, value in constants.items()}).items():
            file[f"layer/0/{name}"] = value
    return tmp_path / "late.net"


def test_the_next_command_repeats_the_options(late, main, capsys):
    options = ("--input-shape", 2, 8, 8, "--clip-delays", 50)
    assert main("check", late, "--target", "loihi2", *options) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert words[2:] == ["map", str(late), "--target", "loihi2", *map(str, options)]
    assert main(*words[2:], "--samples", 1) == 0
    assert "layer 0 (conv): 1 of 4 delays shortened to 50 steps, the longest was 70" in capsys.readouterr().out


def test_references_and_exports_without_an_input_layer(late, tmp_path):
    x = (np.random.default_rng(0).random((6, 10, 2, 8, 8)) < 0.2).astype(np.uint8)
    network = myelin.read(late, input_shape=(2, 8, 8)).network
    found = myelin.validate(network, (x, np.arange(6)), reference=late, max_drop=100, lava_samples=0)
    assert not found.failures
    exported = myelin.export(late, tmp_path / "art", target="loihi2", input_shape=(2, 8, 8), clip_delays=True)
    assert exported.network.max_delay_steps == 62
    with pytest.raises(NetworkError, match=r"which says the shape of its input; input_shape= \(--input-shape\)"):
        myelin.export(tmp_path / "art", tmp_path / "b", target="loihi2", input_shape=(2, 8, 8))


def test_synaptic_and_axonal_delays_are_clipped_together():
    cuba = Cuba(50, 1000, 500)
    back = DelayedRecurrent(Dense([[2, 4], [6, 8]], 0, [[0, 40], [9, 20]]), [30, 45])
    layers = [
        Layer((2,), Dense([[2, 4], [6, 8]], 0, [[70, 0], [62, 1]]), cuba, [40, 100], back),
        Layer((2,), Dense([[2, 4], [6, 8]], 0, [[22, 1], [30, 0]]), cuba),
    ]
    network = Network(Input((2,)), layers)
    assert not myelin.check(network, "loihi2")["holds"]
    got, found = clip_delays(network, 62)
    first, second = got.layers
    np.testing.assert_array_equal(first.synapse.delay_steps, [[62, 0], [62, 1]])
    np.testing.assert_array_equal(first.delay_steps, [40, 62])
    np.testing.assert_array_equal(first.recurrent.synapse.delay_steps, [[0, 17], [9, 17]])
    np.testing.assert_array_equal(second.synapse.delay_steps, [[22, 0], [22, 0]])
    assert [str(entry) for entry in found] == [
        "layer 0 (dense, recurrent dense), recurrent synapses with their axonal delays: 2 of 4 delays shortened to 62 steps, "
        "the longest was 85",
        "layer 0 (dense, recurrent dense), synapses: 1 of 4 delays shortened to 62 steps, the longest was 70",
        "layer 0 (dense, recurrent dense): 1 of 2 delays shortened to 62 steps, the longest was 100",
        "layer 1 (dense), synapses with their axonal delays: 2 of 4 delays shortened to 62 steps, the longest was 70",
    ]
    assert myelin.check(got, "loihi2")["holds"]
    floats, same = clip_delays(dequantised(network), 62)
    np.testing.assert_array_equal(floats.layers[1].synapse.delay_steps, second.synapse.delay_steps)
    assert list(map(str, same)) == list(map(str, found))
