"""netx <-> NIR as one call and one command: the integers survive, and what a file cannot hold is refused, unwritten."""

from __future__ import annotations

import dataclasses
import json

import h5py
import numpy as np
import pytest

import myelin
from myelin.convert import Conv, Cuba, Delta, Dense, Input, Layer, Network, Sigma, SigmaDelta
from myelin.convert.neurons import Alif
from myelin.hw_configs.errors import NetworkError

nir = pytest.importorskip("nir", reason="the package nir (extra 'nir') is not installed")

CUBA = Cuba(threshold=10, current_decay=1000, voltage_decay=500)
#: Seeds of random networks, which have every feature together.
SEEDS = range(10)
READOUT = "is a readout of states whose neurons spike"


def integers(network):
    """Every integer, shape and kind of a network by name; constants of neurons and delays in the shape of the population."""
    found = {}

    def add(value, name, shape):
        if dataclasses.is_dataclass(value):
            found[name] = type(value).__name__
            for entry in dataclasses.fields(value):
                unused = isinstance(value, Input) and value.neuron is None and entry.name in ("weight", "bias")
                if not unused:
                    add(getattr(value, entry.name), f"{name}.{entry.name}", getattr(value, "shape", shape))
        elif isinstance(value, tuple) and value and dataclasses.is_dataclass(value[0]):
            for index, entry in enumerate(value):
                add(entry, f"{name}.{index}", None)
        elif isinstance(value, np.ndarray):
            full = value if "synapse" in name else np.broadcast_to(value, shape)
            found[name] = (full.shape, full.tolist())
        else:
            found[name] = value

    add(network, "network", None)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_the_integers_survive_every_conversion(tmp_path, random_network, seed):
    network, _ = random_network(seed)
    want = integers(network)
    first, second, third, fourth = (tmp_path / name for name in ("a.net", "b.nir", "c.h5", "d.nir"))
    myelin.write_netx(network, first)
    assert integers(myelin.read(first).network) == want
    if network.layers[-1].output == "state" and network.layers[-1].neuron.threshold < 1 << 16:
        with pytest.raises(NetworkError, match=READOUT):
            myelin.convert_file(first, second)
        assert not second.exists()
        return
    for source, out in ((first, second), (second, third), (third, fourth)):
        written = myelin.convert_file(source, out, dt_ms=0.7 if out == second else None)
        assert integers(written.network) == want == integers(myelin.read(out).network)
        assert (written.path, written.dt_ms) == (out, {second: 0.7, fourth: 1.0}.get(out))
        assert written.note is None or written.note.startswith("stock netx (lava-dl) lacks or ignores: ")


def test_the_random_networks_have_every_feature(random_network):
    networks = [random_network(seed)[0] for seed in SEEDS]
    layers = [layer for network in networks for layer in network.layers]
    assert {(type(layer.synapse), layer.recurrent and type(layer.recurrent.synapse)) for layer in layers} >= {
        (Dense, None),
        (Conv, None),
        (Dense, Dense),
    }
    assert any(network.input.neuron is not None for network in networks)
    assert any(network.input.message_bits for network in networks)
    assert any(network.average_groups for network in networks)
    assert any(layer.neuron.has_bias for layer in layers) and any(layer.delay_steps.any() for layer in layers)
    assert any(isinstance(layer.synapse, Dense) and layer.synapse.delay_steps is not None for layer in layers)


def test_neurons_at_the_input_are_a_scale_and_a_population(tmp_path):
    source = Input((3,), 4, Cuba(20, 4096, [0, 100, 2000], [1, 2, -3]), weight=5, bias=7)
    network = Network(source, [Layer((2,), Dense([[9, -4, 6], [2, 8, 4]]), CUBA)])
    myelin.write_nir(network, tmp_path / "a.nir", dt_ms=2.0)
    graph = nir.read(str(tmp_path / "a.nir"))
    assert ("input", "input_scale") in graph.edges and ("input_scale", "input_neurons") in graph.edges
    scale, neurons = graph.nodes["input_scale"].scale, graph.nodes["input_neurons"]
    x, v, spikes = np.array([3, 0, 11]), np.zeros(3), []
    for _ in range(40):  # the equations of NIR, by forward Euler
        v = v + 2e-3 / neurons.tau * (neurons.v_leak - v + neurons.r * scale * x)
        spikes.append(v > neurons.v_threshold)
        v = np.where(spikes[-1], neurons.v_reset, v)
    got = myelin.simulate(network, np.broadcast_to(x, (1, 40, 3)), record={-1: ("spikes",)}).layers[-1]["spikes"][0]
    assert got.any() and not got.all()
    np.testing.assert_array_equal(spikes, got)
    assert integers(myelin.read(tmp_path / "a.nir").network) == integers(network)


def sigma_delta():
    hidden = Layer((2,), Dense([[4, 2], [2, 4]]), SigmaDelta(3))
    return Network(Input((2,), 6, Delta(2)), [hidden, Layer((1,), Dense([[2, 2]]), Sigma(), output="state")])


def test_what_nir_cannot_hold_is_refused_before_anything_is_written(tmp_path, refused):
    myelin.write_netx(sigma_delta(), tmp_path / "a.net")
    out = tmp_path / "a.nir"
    assert "the input drives Delta neurons; NIR has no node for them" in refused("convert", tmp_path / "a.net", out)
    spiking = dataclasses.replace(sigma_delta(), input=Input((2,)))
    with pytest.raises(NetworkError, match=r"layer 0 \(dense\): has SigmaDelta neurons; NIR has no node for them"):
        myelin.convert_file(spiking, out)
    adaptive = Alif(9, 2, 1000, 500, 300, 400)
    alif = Network(Input((1,)), [Layer((1,), Dense([[2]]), adaptive)])
    with pytest.raises(NetworkError, match=r"layer 0 \(dense\): has Alif neurons; NIR has no node for them, only for CUBA"):
        myelin.convert_file(alif, out)
    biased = Network(Input((1,)), [Layer((1,), Dense([[2]]), Cuba(10, 1000, 500, 3))])
    with pytest.raises(NetworkError, match="has a bias, which acts from the first step on"):
        myelin.convert_file(biased, out, step_latency=False)
    late = Network(Input((1,)), [Layer((1,), Dense([[2]]), CUBA, 63)])
    with pytest.raises(
        NetworkError, match=r"is 63 steps, a netx file holds 62; .* --clip-delays \(clip_delays= of myelin.read\)"
    ):
        myelin.convert_file(late, tmp_path / "b.net")
    assert not out.exists() and not (tmp_path / "b.net").exists()


def test_wrong_suffixes_and_options_that_are_for_neither_file(tmp_path, small, refused):
    net, file = tmp_path / "a.net", tmp_path / "a.nir"
    myelin.write_netx(small, net)
    myelin.write_nir(small, file)
    assert "b.txt: its suffix does not say what to write: .nir, which is a NIR file" in refused("convert", net, "b.txt")
    said = refused("convert", net, file, "--latency", "added")
    assert "latency= (--latency) says how a NIR file is read, and none is; leave it out" in said
    assert "message_bits= (--message-bits) says how" in refused("convert", net, file, "--message-bits", 0)
    said = refused("convert", file, tmp_path / "b.net", "--no-latency")
    assert "step_latency=False (--no-latency) is for NIR files, and a netx file is written" in said
    assert "dt_ms= (--dt-ms) is for NIR files" in refused("convert", net, tmp_path / "b.net", "--dt-ms", 2)
    assert "which says the shape of its input" in refused("convert", file, tmp_path / "b.net", "--input-shape", 2)
    assert "dt_ms is 0.0; a length of a step above 0" in refused("convert", net, file, "--dt-ms", 0)
    with pytest.raises(NetworkError, match="dt_ms says how a file is read, and the network is no path; give it"):
        myelin.convert_file(small, tmp_path / "b.net", dt_ms=2.0)
    with pytest.raises(NetworkError, match="clip_delays says how a file is read"):
        myelin.convert_file(small, tmp_path / "b.net", clip_delays=2)


def test_the_command_says_what_it_read_and_wrote(tmp_path, small, main, capsys):
    net, file, back, values = (tmp_path / name for name in ("a.net", "a.nir", "b.h5", "a.json"))
    myelin.write_netx(small, net)
    assert main("convert", net, file, "--dt-ms", 5, "--clip-delays", 1, "--json", values) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("note          layer 0 (dense, recurrent dense), recurrent: 1 of 3 delays shortened to 1 steps")
    assert out[1] == f"{file}: 2 layers, 2 -> 3 -> 2 neurons, a step is 5 ms"
    result = json.loads(values.read_text())["result"]
    assert (result["kind"], result["step_ms"], result["layer_shapes"]) == ("nir", 5.0, [[3], [2]])
    assert result["rounding_errors"] is None and "shortened to 1 steps" in result["note"]
    assert main("convert", file, back) == 0
    note = "note          stock netx (lava-dl) lacks or ignores: layer 0 (dense, recurrent dense): delay, delay_rec"
    assert capsys.readouterr().out == f"{note}\n{back}: 2 layers, 2 -> 3 -> 2 neurons\n"
    assert myelin.read(back).network.max_delay_steps == 1
    graph = nir.read(str(file))
    graph.metadata.clear()
    nir.write(str(file), graph)
    assert main("convert", file, back, "--latency", "included") == 0
    assert "note          integers are rounded from the floats" in (out := capsys.readouterr().out) and "layer 0 (dense" in out
    assert main("convert", file, tmp_path / "c.nir") == 0  # the step of the file that was read
    assert "a step is 5 ms" in capsys.readouterr().out.splitlines()[1]


def test_a_file_that_does_not_state_its_input(tmp_path, main):
    geometry = {"stride": 1, "padding": 0, "dilation": 1, "groups": 1}
    constants = {"type": "CUBA", "iDecay": 1024, "vDecay": 512, "vThMant": 80, "refDelay": 1, "gradedSpike": False}
    with h5py.File(tmp_path / "a.net", "w") as file:
        file["layer/0/type"] = b"conv"
        fields = {"shape": [4, 6, 6], "weight": np.full((4, 2, 3, 3), 2.0), "delay": [70, 1, 2, 3]} | geometry
        for name, value in (fields | {f"neuron/{name}": value for name, value in constants.items()}).items():
            file[f"layer/0/{name}"] = value
    assert main("convert", tmp_path / "a.net", tmp_path / "a.nir", "--input-shape", 2, 8, 8, "--clip-delays") == 0
    network = myelin.read(tmp_path / "a.nir").network
    assert network.input.shape == (2, 8, 8) and network.max_delay_steps == 62
