"""Changes planted into ``network.net`` are located to layer, field and neuron: by the other copy of the integers, and by the
golden values alone; the trained network as the reference is in tests/myelin/commands/test_validate.py."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from myelin.convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network, simulate, write_netx
from myelin.convert.artifact.artifact import read_artifact, write_artifact
from myelin.convert.artifact.examine import examine
from myelin.convert.artifact.files import sha256
from myelin.hw_configs.errors import NetworkError
from myelin.hw_configs.target_files import load_target
from myelin.validation.equalities import network_divergence

INPUTS = (np.random.default_rng(2).random((3, 40, 1, 1, 6)) < 0.35).astype(np.uint8)


@pytest.fixture(scope="module")
def network():
    """A convolution with delays, then a recurrent layer with delays and a bias, then a readout of states."""
    rng = np.random.default_rng(8)
    recurrent = DelayedRecurrent(Dense(2 * rng.integers(-9, 9, (5, 5))), rng.integers(0, 6, 5))
    conv = Conv(2 * rng.integers(-4, 9, (2, 1, 1, 3)), padding=(0, 1))
    return Network(
        Input((1, 1, 6)),
        [
            Layer((2, 1, 6), conv, Cuba(12, 900, 300), rng.integers(1, 4, (2, 1, 6))),
            Layer((5,), Dense(2 * rng.integers(-6, 12, (5, 12))), Cuba(30, 700, 200, [3, 0, -2, 0, 1]), recurrent=recurrent),
            Layer((3,), Dense(2 * rng.integers(-6, 12, (3, 5))), Cuba(131071, 100, 300), output="state"),
        ],
    )


@pytest.fixture
def artifact(network, tmp_path):
    return write_artifact(tmp_path / "art", network, load_target("cpu"), inputs=INPUTS, provenance={}, metrics={})


def changed(array, place, by):
    result = np.array(array)
    result[place] += by
    return result


def weight(network):
    layer = network.layers[1]
    return 1, replace(layer, synapse=replace(layer.synapse, weight=changed(layer.synapse.weight, (3, 7), 40)))


def kernel(network):
    layer = network.layers[0]
    return 0, replace(layer, synapse=replace(layer.synapse, weight=changed(layer.synapse.weight, (1, 0, 0, 2), 2)))


def axonal_delay(network):
    layer = network.layers[0]
    return 0, replace(layer, delay_steps=changed(layer.delays, (1, 0, 2), 1))


def recurrent_delay(network):
    layer = network.layers[1]
    return 1, replace(layer, recurrent=replace(layer.recurrent, delay_steps=changed(layer.recurrent.delay_steps, 4, 1)))


def threshold(network):
    layer = network.layers[1]
    return 1, replace(layer, neuron=replace(layer.neuron, threshold=33))


def bias(network):
    layer = network.layers[1]
    return 1, replace(layer, neuron=replace(layer.neuron, bias_mant=changed(layer.neuron.bias_mant, 2, 5)))


#: Change; then layer, field, index and neuron that must be named.
PLANTED = [
    (weight, 1, "synapse.weight", (3, 7), 3),
    (kernel, 0, "synapse.weight", (1, 0, 0, 2), None),
    (axonal_delay, 0, "delay_steps", (1, 0, 2), 8),
    (recurrent_delay, 1, "recurrent.delay_steps", (4,), 4),
    (threshold, 1, "neuron.threshold", (), None),
    (bias, 1, "neuron.bias_mant", (2,), 2),
]


def plant(folder, network, change):
    index, layer = change(network)
    layers = (*network.layers[:index], layer, *network.layers[index + 1 :])
    write_netx(replace(network, layers=layers), folder / "network.net")
    return replace(network, layers=layers)


def resign(folder, without=()):
    """Hashes as of the files that are there, as someone who wants to deceive would make them."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"] = {name: {"sha256": sha256(folder / name)} for name in manifest["files"] if name not in without}
    path.write_text(json.dumps(manifest))


def test_nothing_is_found_where_nothing_was_changed(artifact, network):
    found = examine(artifact)
    assert found.failures == [] and found.deviations == () and found.reference == "lava_network.npz"
    assert found.golden.equal and found.golden.values == 3 * 40 * (12 + 5 + 3)
    assert network_divergence(found) is None
    (artifact / "lava_network.npz").unlink()
    assert examine(artifact).reference is None and examine(artifact).failures == []


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(("change", "layer", "field", "index", "neuron"), PLANTED)
def test_a_change_is_located_by_the_other_copy(artifact, network, change, layer, field, index, neuron, signed):
    now = plant(artifact, network, change)
    if signed:
        resign(artifact)
    found = examine(artifact)
    (deviation,) = found.deviations
    assert (deviation.layer, deviation.field, deviation.index, deviation.neuron) == (layer, field, index, neuron)

    def value(of):
        part = of.layers[layer]
        for name in field.split("."):
            part = getattr(part, name)
        return int(np.asarray(part)[index])

    assert (deviation.expected, deviation.got) == (value(network), value(now))
    said = f"is {deviation.got}, expected {deviation.expected}"
    assert f"layer {layer} (" in found.failures[0] and said in found.failures[0]
    assert ("network.net" in found.damaged) is not signed
    with pytest.raises(NetworkError):
        read_artifact(artifact)


def first_spikes(a, b):
    """(sample, step, layer, neuron) of the first spike that differs, by a plain search."""
    record = {0: ("spikes",), 1: ("spikes",)}
    one, two = (simulate(network, INPUTS, record=record).layers for network in (a, b))
    for sample in range(3):
        for step in range(40):
            for layer in range(2):
                places = np.flatnonzero(one[layer]["spikes"][sample, step] != two[layer]["spikes"][sample, step])
                if places.size:
                    return sample, step, layer, int(places[0])
    return None


@pytest.mark.parametrize(("change", "neuron"), [(weight, 3), (axonal_delay, None), (recurrent_delay, None), (threshold, None)])
def test_a_change_is_located_by_the_golden_spikes_alone(artifact, network, change, neuron):
    now = plant(artifact, network, change)
    resign(artifact, without=("lava_network.npz", "lava_network.py"))
    found = examine(artifact)
    assert found.reference is None and found.deviations == () and network_divergence(found) is None
    first = found.golden.first
    sample, step, layer, at = first_spikes(network, now)
    assert (first.sample, first.step, first.where, first.neuron) == (sample, step, f"the spikes of layer {layer}", at)
    assert layer == 1 and neuron in (None, at)
    assert f"first in the spikes of layer 1: sample {sample}, step {step}, neuron {at}" in found.failures[0]


def test_the_dynamics_of_a_change(artifact, network):
    plant(artifact, network, weight)
    first = network_divergence(examine(artifact))["first"]
    assert (first["where"], first["neuron"], first["differs"][0]) == ("layer 1 (dense, recurrent dense)", 3, "a")
    before = int(network.layers[1].synapse.weight[3, 7])
    assert first["synapses"] == [
        f"weight of synapse 7 -> 3 is {before} in A and {before + 40} in B; a spike arrives through it in this step"
    ]
    assert first["by_the_equations"]["A"]["wrong_in_the_run"] == first["by_the_equations"]["B"]["wrong_in_the_run"] == []


def test_a_file_with_the_same_integers_and_other_bytes(artifact, network):
    (artifact / "network.net").write_bytes((artifact / "network.net").read_bytes() + b"\0")
    found = examine(artifact)
    assert found.deviations == () and found.golden.equal
    assert len(found.failures) == 1 and "network.net was changed or damaged: its SHA-256" in found.failures[0]


def test_golden_values_of_older_artifacts(artifact, network):
    """Without the spikes of layers, the output is what is compared."""
    with np.load(artifact / "golden.npz") as stored:
        kept = {name: stored[name] for name in ("spikes", "output", "scores")}
    np.savez(artifact / "golden.npz", **kept)
    plant(artifact, network, threshold)
    resign(artifact, without=("lava_network.npz", "lava_network.py"))
    assert examine(artifact).golden.first.where == "the output"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "golden.npz").write_bytes(b""), "golden.npz was changed or damaged"),
        (lambda f: (f / "lava_network.npz").write_bytes(b""), "lava_network.npz was changed or damaged"),
        (lambda f: (f / "network.net").unlink(), "network.net is missing"),
        (lambda f: (f / "network.net").write_bytes(b"x"), "cannot be read as a netx file"),
        (lambda f: (f / "manifest.json").unlink(), r"has no manifest\.json"),
    ],
)
def test_other_damage_is_refused(artifact, damage, said):
    damage(artifact)
    with pytest.raises(NetworkError, match=said):
        examine(artifact)


def test_another_structure_is_refused_by_name(artifact, network):
    layers = (network.layers[0], replace(network.layers[1], recurrent=None), network.layers[2])
    write_netx(replace(network, layers=layers), artifact / "network.net")
    with pytest.raises(NetworkError, match=r"lava_network\.npz does not fit network\.net: only one of them has 1\.recurrent\."):
        examine(artifact)
