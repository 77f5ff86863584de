"""Artifacts of networks that come from no run: what is stored, what is refused, and one consistent reading of a run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

import myelin
from myelin.convert import write_netx
from myelin.convert.artifact.artifact import read_artifact, write_artifact
from myelin.convert.artifact.examine import examine
from myelin.convert.artifact.provenance import Origin
from myelin.convert.samples import Binning
from myelin.hw_configs.target_files import load_target


@pytest.fixture
def frames():
    return (np.random.default_rng(3).random((5, 20, 2)) < 0.5).astype(np.uint8)


def golden(folder):
    return json.loads((folder / "manifest.json").read_text())["provenance"]["golden"]


def test_a_network_with_arrays(small, frames, tmp_path):
    user = {"paper": "doi:1", "seeds": [1, 2], "loss": {"name": "mse", "weight": 0.5}}
    exported = myelin.export(
        small, tmp_path / "art", target="loihi2", inputs=frames, classes=["yes", "no"], provenance=user, step_ms=2
    )
    artifact = myelin.read(exported).artifact
    origin = Origin.of(artifact)
    assert (origin.name, origin.target, origin.classes, origin.keys) == ("network", "loihi2", 2, ("yes", "no"))
    assert (origin.checkpoint, origin.floats, origin.run, origin.task) == (None, None, None, "classes")
    assert origin.user == user and origin.binning == Binning(20, 2.0, 2, 0)
    np.testing.assert_array_equal(artifact.golden.spikes, frames)
    np.testing.assert_array_equal(artifact.golden.output, myelin.simulate(small, frames).output)
    found = examine(exported)
    assert found.failures == [] and not found.has_checkpoint and found.reference == "lava_network.npz"
    assert golden(exported.folder) == {"kind": "inputs", "samples": [0, 1, 2, 3, 4], "chosen": "given at export"}


def test_time_may_be_last(small, frames, tmp_path):
    torch = pytest.importorskip("torch")
    exported = myelin.export(small, tmp_path / "art", target="cpu", inputs=torch.tensor(frames).movedim(1, -1).float())
    np.testing.assert_array_equal(myelin.read(exported).artifact.golden.spikes, frames)
    square = frames[:, :2]
    with pytest.raises(myelin.DataError, match="say which with time_axis=1 or time_axis=-1"):
        myelin.export(small, tmp_path / "other", target="cpu", inputs=square)
    last = myelin.export(small, tmp_path / "other", target="cpu", inputs=square, time_axis=-1)
    np.testing.assert_array_equal(myelin.read(last).artifact.golden.spikes, square.swapaxes(1, 2))


def test_without_inputs_the_manifest_says_that_they_are_random(small, tmp_path):
    exported = myelin.export(small, tmp_path / "art", target="cpu")
    assert golden(exported.folder)["kind"] == "random" and golden(exported.folder)["seed"] == 0
    assert any(line.startswith("golden        random spikes, density 0.1, seed 0: 4 samples") for line in exported.lines)
    assert Origin.of(myelin.read(exported).artifact).binning is None


def test_golden_values_that_prove_nothing_are_said(small, tmp_path):
    silent = np.zeros((2, 9, 2), int)
    assert "note          the golden inputs are all zero, so equal outputs prove little; give other inputs" in (
        myelin.export(small, tmp_path / "a", target="cpu", inputs=silent).lines
    )
    deaf = replace(
        small, layers=(small.layers[0], replace(small.layers[1], neuron=replace(small.layers[1].neuron, threshold=9999)))
    )
    assert "note          the golden outputs are all zero, so equal outputs prove little; give other inputs" in (
        myelin.export(deaf, tmp_path / "b", target="cpu", inputs=silent + 1).lines
    )


def test_everything_that_read_and_export_return_is_a_source(small, frames, tmp_path):
    write_netx(small, tmp_path / "small.net")
    first = myelin.export(tmp_path / "small.net", tmp_path / "art", target="cpu", inputs=frames[:2], classes=["a", "b"])
    facts = json.loads((first.folder / "manifest.json").read_text())["provenance"]
    assert facts["source"] == "netx" and facts["name"] == "small" and facts["file"]["name"] == "small.net"
    artifact = read_artifact(first.folder)
    for source in (first, artifact, myelin.read(first), str(first.folder)):
        again = myelin.export(source, tmp_path / "again", target="loihi2")
        found = myelin.read(again).artifact
        assert (Origin.of(found).keys, Origin.of(found).target, Origin.of(found).name) == (("a", "b"), "loihi2", "small")
        np.testing.assert_array_equal(found.golden.spikes, frames[:2])
        assert found.manifest["provenance"]["exported_before"] == {"name": "art", "target": "cpu"}
        assert myelin.check(source, "cpu")["holds"] and myelin.simulate(source, frames).output.any()
    onto_itself = myelin.export(first, first, target="loihi2")
    assert myelin.read(onto_itself).exported_for == "loihi2"


def test_a_file_of_floats_keeps_them(small, tmp_path):
    pytest.importorskip("nir")
    from myelin.convert import write_nir
    from myelin.convert.floats.file import read_floats
    from myelin.convert.floats.simulator import simulate_floats
    from myelin.convert.nir.format import read_nir_floats

    write_nir(small, tmp_path / "with.nir")
    assert Origin.of(myelin.read(myelin.export(tmp_path / "with.nir", tmp_path / "a", target="cpu")).artifact).floats is None
    import nir

    graph = nir.read(tmp_path / "with.nir")
    graph.metadata = {}
    nir.write(tmp_path / "plain.nir", graph)
    exported = myelin.export(tmp_path / "plain.nir", tmp_path / "b", target="cpu")
    origin = Origin.of(myelin.read(exported).artifact)
    assert origin.floats == exported.folder / "floats.npz"
    spikes = np.ones((1, 12, 2))
    wanted = simulate_floats(read_nir_floats(tmp_path / "plain.nir"), spikes).output
    np.testing.assert_array_equal(simulate_floats(read_floats(origin.floats), spikes).output, wanted)
    assert wanted.any()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"inputs": np.ones((65, 4, 2))}, r"inputs hold 65 samples; 1\.\.64 are stored, such as inputs=x\[:4\]"),
        ({"inputs": np.ones((0, 4, 2))}, r"inputs hold 0 samples; 1\.\.64 are stored"),
        ({"inputs": np.ones((4, 2))}, r"inputs have shape \(4, 2\); \(batch, steps, 2\) or \(batch, 2, steps\) is allowed"),
        ({"inputs": np.full((1, 4, 2), 3)}, r"spikes lie in 3\.\.3, the network's input takes 0\.\.1"),
        ({"inputs": np.full((1, 4, 2), 0.5)}, "inputs hold 0.5 and 7 other values that are not integers"),
        ({"inputs": np.ones((1, 4, 2)), "data": "builtin"}, "inputs and data are two sources of golden inputs; leave one out"),
        ({"classes": ["a", "b", "c"]}, "classes names 3 classes; network has 2 outputs: name each one"),
        ({"classes": "ab"}, r"classes is 'ab'; the names of the classes in their order are allowed"),
        ({"provenance": {"net": object()}}, "provenance.net is <object"),
        ({"provenance": ["x"]}, r"provenance is \['x'\]; a table of numbers, texts, lists and tables is allowed"),
        ({"input_shape": (2,)}, "input_shape is for torch modules; a network knows the shape of its input"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_is_written(small, tmp_path, change, told):
    with pytest.raises(myelin.DataError, match=told.replace("leave one out", "leave one of them out")):
        myelin.export(small, tmp_path / "art", target="cpu", **change)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (3, "a int is no network; a Network, a path, or what myelin.read or myelin.export returned is allowed"),
        (None, "a NoneType is no network"),
    ],
)
def test_what_is_no_network_is_said(source, told, tmp_path):
    with pytest.raises(myelin.NetworkError, match=told):
        myelin.export(source, tmp_path / "art", target="cpu")


def test_a_float_network_is_told_to_be_quantised(small):
    from myelin.convert.floats.network import dequantised

    with pytest.raises(
        myelin.NetworkError, match=r"a FloatNetwork is no network; .* make integers of floats with myelin.quantise"
    ):
        myelin.check(dequantised(small), "cpu")


def test_an_artifact_without_any_provenance_reads(small, frames, tmp_path):
    """As ``write_artifact`` alone makes it."""
    folder = write_artifact(tmp_path / "plain", small, load_target("cpu"), inputs=frames, provenance={}, metrics={})
    origin = Origin.of(read_artifact(folder))
    assert (origin.name, origin.classes, origin.keys, origin.binning) == ("plain", 2, (), None)


def test_a_wrong_task_in_a_manifest_is_said(small, frames, tmp_path):
    folder = write_artifact(tmp_path / "art", small, load_target("cpu"), inputs=frames, provenance={"task": "sing"}, metrics={})
    with pytest.raises(myelin.NetworkError, match=r"does not say where the network comes from .*task is 'sing'"):
        Origin.of(read_artifact(folder))


@pytest.mark.training
def test_an_artifact_of_a_run_reads_as_before(artifacts):
    """The entries that 0.1.0 wrote are enough."""
    folder = artifacts["dense"]
    artifact = read_artifact(folder)
    facts = dict(artifact.manifest["provenance"])
    for name in ("name", "source", "task"):
        del facts[name]
    old = replace(artifact, manifest={**artifact.manifest, "provenance": facts})
    origin = Origin.of(old)
    assert origin.name == origin.run["name"] and origin.keys == ("up", "down", "twice", "still")
    assert origin.checkpoint == folder / "checkpoint" and origin.binning.steps == 30 and origin.task == "classes"
    assert myelin.read(origin.checkpoint).network.num_classes == 4


@pytest.mark.training
def test_a_run_that_is_written_meanwhile_is_read_once(runs, tiny, tmp_path, monkeypatch):
    """Every file of the artifact is of one epoch, though the run goes on between any two steps of the export."""
    from myelin.convert import rules

    run = shutil.copytree(runs["dense"], tmp_path / "run")
    before = {name: (run / name).read_bytes() for name in ("run.json", "model.safetensors")}
    real = rules.check

    def check(*arguments):
        (run / "model.safetensors").write_bytes(b"of a later epoch")
        (run / "run.json").write_text("{}")
        return real(*arguments)

    monkeypatch.setattr(rules, "check", check)
    exported = myelin.export(run, tmp_path / "art", target="loihi2", data=str(tiny.data))
    for name, content in before.items():
        assert (exported.folder / "checkpoint" / name).read_bytes() == content
    found = examine(exported)
    assert found.failures == [] and found.has_checkpoint and found.reference == "checkpoint/"


@pytest.mark.training
def test_files_of_two_epochs_are_read_again_until_they_fit(runs, tmp_path, monkeypatch):
    from myelin.convert import checkpoint

    run = shutil.copytree(runs["dense"], tmp_path / "run")
    record = json.loads((run / "run.json").read_text())
    later = {**record, "best": {**record["best"], "epoch": 7}}
    (run / "run.json").write_text(json.dumps(later))
    pauses = []

    def pause(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:  # the run has written its other file
            (run / "run.json").write_text(json.dumps(record))

    monkeypatch.setattr(checkpoint.time, "sleep", pause)
    assert checkpoint.read_checkpoint(run).record.best_epoch == record["best"]["epoch"] and len(pauses) == 3
    (run / "run.json").write_text(json.dumps(later))
    with pytest.raises(myelin.NetworkError, match=r"run.json says 7: the run is being written or was stopped in between"):
        checkpoint.read_checkpoint(run)
