"""Quantisation ends in an artifact that holds its floats, and every later step takes it; calibration needs no answers."""

from __future__ import annotations

import numpy as np
import pytest

import myelin
from myelin.convert import Cuba, Dense, Input, Layer, Network, write_netx
from myelin.convert.artifact.provenance import Origin
from myelin.convert.floats.file import read_floats
from myelin.convert.floats.network import FloatNetwork, dequantised
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.quantise.report import table

RNG = np.random.default_rng(11)
Y = np.arange(36) % 3
X = (RNG.random((36, 15, 6)) < 0.1 + 0.5 * (np.arange(6) // 2 == Y[:, None, None])).astype(np.uint8)


@pytest.fixture(scope="module")
def floats():
    """A network that tells the three classes apart, its weights off any grid and its delays with fractions."""
    cuba = Cuba(60, 1024, 512)
    hidden = np.kron(np.eye(3), np.full((2, 2), 30)) + RNG.integers(-9, 9, (6, 6))
    readout = np.kron(np.eye(3), np.full((1, 2), 60))
    layers = [Layer((6,), Dense(hidden), cuba, np.arange(6)), Layer((3,), Dense(readout), cuba)]
    exact = dequantised(Network(Input((6,)), layers))
    moved = exact.map_delays(lambda delay: delay + 0.3 * (delay > 0))
    from dataclasses import replace

    first = moved.layers[0]
    weight = first.synapse.weight + RNG.normal(0, 0.01, first.synapse.weight.shape)
    return replace(moved, layers=(replace(first, synapse=replace(first.synapse, weight=weight)), *moved.layers[1:]))


def test_the_artifact_holds_the_floats_and_validates(floats, tmp_path):
    found = myelin.quantise(
        floats, (X, Y), target="loihi2", calibration_samples=12, artifact=tmp_path / "art", classes=["a", "b", "c"],
        provenance={"note": "mine"},
    )  # fmt: skip
    artifact = myelin.read(found.artifact).artifact
    origin = Origin.of(artifact)
    assert (origin.classes, origin.keys, origin.checkpoint, origin.run) == (3, ("a", "b", "c"), None, None)
    assert origin.user == {"note": "mine"} and found.values["artifact"] == str(tmp_path / "art")
    facts = artifact.manifest["provenance"]
    assert facts["source"] == "quantisation" and facts["quantisation"]["written"] == "calibrated, 8 bits"
    stored = read_floats(origin.floats)
    np.testing.assert_array_equal(
        simulate_floats(stored, X, interpolate=True).output, simulate_floats(floats, X, interpolate=True).output
    )
    np.testing.assert_array_equal(artifact.golden.spikes, X[facts["golden"]["samples"]])
    np.testing.assert_array_equal(myelin.simulate(artifact, X).output, myelin.simulate(found.network, X).output)
    validation = myelin.validate(found.artifact, (X, Y), max_drop=50, lava_samples=0)
    assert validation.failures == [] and validation.examination.failures == []


def test_it_is_a_source_of_floats_again(floats, tmp_path):
    first = myelin.quantise(floats, (X, Y), target="loihi2", method="plain", calibration_samples=12, artifact=tmp_path / "art")
    again = myelin.quantise(first.artifact, (X, Y), target="loihi2", method="plain", calibration_samples=12)
    np.testing.assert_array_equal(again.network.layers[0].synapse.weight, first.network.layers[0].synapse.weight)
    found = myelin.explore(first.artifact, (X, Y), samples=9)
    rounding = next(knob for knob in found["knobs"] if knob["name"] == "delay_rounding")
    assert [point["value"] for point in rounding["points"] if point["unchanged"]] == ["nearest", "floor"]
    alone = myelin.export(first.network, tmp_path / "alone", target="loihi2", inputs=X[:2])
    with pytest.raises(myelin.NetworkError, match="is an artifact folder of integers alone; `myelin quantise` takes floats"):
        myelin.quantise(alone, (X, Y), target="loihi2")


def test_calibration_needs_no_answers(floats):
    found = myelin.quantise(floats, X, target="loihi2", method="plain", calibration_samples=12)
    report = found.values["report"]
    assert report["float_accuracy_percent"] is None and report["samples"] == 24
    assert 0 <= report["networks"][0]["spike_mismatch_percent"][0] < 20
    shown = table(report)
    assert "accuracy" not in "\n".join(shown) and shown[-1].lstrip().startswith("plain, 8 bits")


def test_answers_for_each_step_are_kept_in_mind(floats, tmp_path):
    trace = RNG.random((36, 15, 3))
    found = myelin.quantise(floats, (X, trace), target="cpu", method="plain", calibration_samples=12, artifact=tmp_path / "art")
    assert Origin.of(myelin.read(found.artifact).artifact).task == "trace"
    assert found.values["report"]["float_accuracy_percent"] is None
    with pytest.raises(myelin.DataError, match="has an answer for each step; `myelin explore` compares one class"):
        myelin.explore(found.artifact, (X, trace))


def test_the_command_names_what_comes_next(floats, main, refused, tmp_path, capsys):
    from myelin.train.datasets import SpikeDataset, write_shd

    events = SpikeDataset.from_dense(X, Y, step_ms=4.0)
    write_shd(SpikeDataset(events.times_s, events.units, events.offsets, events.labels, channels=6), tmp_path / "x.h5")
    write_netx(quantised_exactly(floats), tmp_path / "floats.net")
    common = ("quantise", tmp_path / "floats.net", "--data", tmp_path / "x.h5", "--target", "loihi2", "--steps", 15)
    common += ("--step-ms", 4, "--calibration-samples", 12, "--method", "plain")
    assert "nothing to write: give --artifact ART" in refused(*common)
    assert main(*common, "--artifact", tmp_path / "art") == 0
    following = capsys.readouterr().out.splitlines()[-1].split()
    assert following == ["next", "myelin", "validate", str(tmp_path / "art"), "--data", str(tmp_path / "x.h5")]
    assert main(*following[2:], "--max-drop", 60, "--lava-samples", 0) == 0
    assert main(*common, "--out", tmp_path / "q.net") == 0
    following = capsys.readouterr().out.splitlines()[-1].split()
    assert following[2:4] == ["export", str(tmp_path / "q.net")] and following[-1] == "ART"
    assert main(*following[2:-1], tmp_path / "exported") == 0
    last = capsys.readouterr().out.splitlines()[-1].split()
    assert last == ["next", "myelin", "map", str(tmp_path / "exported"), "--target", "loihi2"]
    assert main(*last[2:]) == 0


def quantised_exactly(floats: FloatNetwork) -> Network:
    from myelin.convert.quantise.rounding import round_network

    return round_network(floats)
