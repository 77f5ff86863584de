"""``myelin validate``: exit codes, and changes planted into ``network.net`` found and located through the command line."""

from __future__ import annotations

import json
import shutil

import h5py
import numpy as np
import pytest

from myelin.convert.artifact.files import sha256


@pytest.fixture
def copy(artifacts, tmp_path):
    """A copy of the dense artifact, to be changed: 14 inputs, a recurrent layer of 16 neurons with delays, a readout of 4."""
    return shutil.copytree(artifacts["dense"], tmp_path / "art")


def group(file, kind):
    """The layer group of that type; the last of them."""
    return [entry for entry in file["layer"].values() if entry["type"][0] == kind][-1]


def plant_weight(file):
    """The readout's synapse from neuron 9 to class 2 gets the largest weight."""
    weight = group(file, b"dense")["weight"]
    weight[2, 9] = 254 if weight[2, 9] < 100 else -256
    return "layer 1 (dense)", 2, "synapse.weight[2, 9]", "layer 1 (dense), neuron 2:"


def plant_delay(file):
    """Recurrent spikes of neuron 5 arrive five steps later."""
    delay = group(file, b"dense_rec")["delay_rec"]
    delay[5] += 5
    return "layer 0 (dense, recurrent dense)", None, "recurrent.delay_steps[5]", "layer 0 (dense, recurrent dense)"


def plant_threshold(file):
    threshold = group(file, b"dense_rec")["neuron"]["vThMant"]
    threshold[...] = threshold[...] // 2
    return "layer 0 (dense, recurrent dense)", None, "neuron.threshold", "layer 0 (dense, recurrent dense)"


PLANTED = [plant_weight, plant_delay, plant_threshold]


def resign(folder):
    """Make the hash right again, so that nothing but the integers tells."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"]["network.net"]["sha256"] = sha256(folder / "network.net")
    path.write_text(json.dumps(manifest))


@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_change_is_found_and_located(copy, tiny, main, plant, tmp_path, capsys):
    with h5py.File(copy / "network.net", "r+") as file:
        where, neuron, field, named = plant(file)
    out = tmp_path / "out.json"
    assert main("validate", copy, "--data", tiny.data, "--lava-samples", 0, "--max-drop", 100, "--json", out) == 1
    shown, found = capsys.readouterr(), json.loads(out.read_text())["result"]
    assert f"network.net is not what checkpoint/ holds: {where}" in shown.err and f"{field} is " in shown.err
    deviation = found["network"]["deviations"][0]
    assert deviation["where"] == where and neuron in (None, deviation["neuron"])
    assert f"is {deviation['got']}, expected {deviation['expected']}" in shown.out
    divergence = found["parities"][0]["divergence"]
    assert divergence["first"]["where"] == where and neuron in (None, divergence["first"]["neuron"])
    assert f"step {divergence['first']['step']}, {where}, neuron {divergence['first']['neuron']}" in shown.out
    assert divergence["first"]["constants"] or divergence["first"]["synapses"]
    assert "equations A" in shown.out and found["gate"]["passed"] is False and found["gate"]["outcome"] == "passes"
    assert "must equal" not in shown.err and named in shown.out


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("plant", PLANTED)
def test_a_planted_change_is_located_without_the_trained_network(copy, tiny, main, plant, signed, capsys, tmp_path):
    with h5py.File(copy / "network.net", "r+") as file:
        where, _, field, _ = plant(file)
    shutil.rmtree(copy / "checkpoint")
    if signed:
        resign(copy)
    out = tmp_path / "out.json"
    assert main("validate", copy, "--data", tiny.data, "--json", out) == 1
    shown = capsys.readouterr()
    assert f"network.net is not what lava_network.npz holds: {where}" in shown.err and f"{field} is " in shown.err
    assert f"{where}, neuron " in shown.out and "equations A" in shown.out
    assert json.loads(out.read_text())["result"]["network"]["as_expected"] is False


def test_without_the_trained_network_there_is_nothing_to_compare_with(copy, tiny, refused):
    shutil.rmtree(copy / "checkpoint")
    said = refused("validate", copy, "--data", tiny.data)
    assert "checkpoint/model.safetensors is missing; export the artifact again" in said


def test_few_samples_decide_nothing(artifacts, tiny, main, tmp_path, capsys):
    """24 samples that both networks classify alike cannot rule out a loss of a point: exit code 1, and how many could."""
    out = tmp_path / "out.json"
    assert main("validate", artifacts["dense"], "--data", tiny.data, "--lava-samples", 0, "--json", out) == 1
    shown, gate = capsys.readouterr(), json.loads(out.read_text())["result"]["gate"]
    assert gate["outcome"] == "undecided" and gate["more_samples_needed"] > 0
    assert "validation is undecided" in shown.err and f"({gate['more_samples_needed']} more)" in shown.err
    assert "UNDECIDED: " in shown.out


def test_a_loss_fails(artifacts, tiny, main, tmp_path, capsys, monkeypatch):
    """A float network that is always right against this one, which 2 epochs taught little."""
    import myelin.validation.validate as module
    from myelin.validation.stages import Outcome

    real = module.run_stages

    def with_a_perfect_float(network, reference, samples, task, **options):
        outcomes, *rest = real(network, reference, samples, task, **options)
        return {**outcomes, "float": Outcome(samples.labels, outcomes["float"].rates)}, *rest

    monkeypatch.setattr(module, "run_stages", with_a_perfect_float)
    out = tmp_path / "gate.json"
    assert main("validate", artifacts["conv"], "--data", tiny.data, "--lava-samples", 0, "--json", out) == 1
    shown = capsys.readouterr()
    assert "FAIL: the integer network loses" in shown.out and "validation failed" in shown.err
    assert json.loads(out.read_text())["result"]["gate"]["outcome"] == "fails"  # the evidence is written although it failed


def test_training_code_that_computes_otherwise_is_located(artifacts, tiny, main, tmp_path, capsys, monkeypatch):
    """The same integers, but the training code's neurons of the hidden layer fire from a lower threshold."""
    import myelin.validation.trained as module

    real = module.load_model

    def other(checkpoint):
        config, model = real(checkpoint)
        model.blocks[0].neuron.threshold /= 2
        return config, model

    monkeypatch.setattr(module, "load_model", other)
    out, plot = tmp_path / "out.json", tmp_path / "out.png"
    options = ("--lava-samples", 0, "--max-drop", 100, "--json", out, "--plot", plot)
    assert main("validate", artifacts["dense"], "--data", tiny.data, *options) == 1
    found = json.loads(out.read_text())["result"]
    assert found["network"]["as_expected"]
    divergence = found["parities"][0]["divergence"]
    assert (divergence["a"]["backend"], divergence["b"]["backend"]) == ("training code", "simulator")
    assert divergence["first"]["where"] == "layer 0 (dense, recurrent dense)"
    assert divergence["first"]["this_step"] == {"A": {"spikes": 1}, "B": {"spikes": 0}}
    assert "the backends compute differently" in capsys.readouterr().out
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_backend_that_computes_otherwise_is_located(artifacts, tiny):
    """A backend that drops a spike: validate says which layer, neuron and step began it."""
    from myelin.convert.artifact.examine import examine
    from myelin.convert.artifact.provenance import Origin
    from myelin.convert.opened import Opened
    from myelin.convert.samples import open_samples
    from myelin.convert.simulator.simulator import simulate
    from myelin.validation.equalities import IntegerBackend
    from myelin.validation.trained import Trained
    from myelin.validation.validate import validated

    examination = examine(artifacts["conv"])
    origin = Origin.of(examination.artifact)
    samples = open_samples(tiny.data, origin.binning, split="test", classes=origin.classes, keys=origin.keys)

    def lossy(network, frames, record):
        recording = simulate(network, frames, record=record)
        spikes = recording.layers[1]["spikes"].reshape(*frames.shape[:2], -1)
        spikes[:, np.flatnonzero(spikes[0].any(axis=1))[0]] = 0
        return recording

    backend = IntegerBackend("lossy", lossy, frozenset({"a"}), 3)
    opened = Opened(artifacts["conv"], "artifact", examination.artifact.network, examination.artifact)
    trained = Trained.load(origin.checkpoint)
    found = validated(opened, samples, trained, classes=origin.keys, examination=examination, backends=[backend])
    (_, equality) = found.equalities
    assert not equality.holds and equality.parity.first.where == "the spikes of layer 1"
    first = equality.divergence["first"]
    assert (first["where"], first["differs"]) == ("layer 1 (dense, recurrent conv)", ["spikes"])
    assert first["by_the_equations"]["B"]["wrong_in_the_run"] == ["spikes"]


@pytest.mark.parametrize("options", [["--max-drop", "-1"], ["--max-drop", "x"], ["--lava-samples", "-3"]])
def test_wrong_usage(options, main, capsys):
    with pytest.raises(SystemExit) as left:
        main("validate", "art", "--data", "builtin", *options)
    assert left.value.code == 2


@pytest.mark.lava
def test_a_board_that_is_not_there(artifacts, tiny, refused):
    from myelin.lava_models import compat

    if compat.missing():
        pytest.skip(f"Lava is not installed: {', '.join(compat.missing())}")
    assert "lava-loihi is not installed" in refused("validate", artifacts["dense"], "--data", tiny.data, "--board")
