"""``myelin quantise``: a run or a file of floats becomes a netx file; what the screen says is what the file does."""

from __future__ import annotations

import json

import h5py
import numpy as np
import pytest

from myelin.convert import read_netx, simulate, write_netx
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.floats.sources import open_floats
from myelin.convert.quantise.calibrate import mismatch
from myelin.convert.samples import open_samples


@pytest.mark.parametrize("name", ["dense", "conv"])
def test_a_runs_floats_are_what_was_trained(runs, tiny, name):
    """Beside the training code's own evaluation with float weights and rounded delays, which cuts states to 1/4096."""
    from myelin.train.run.batches import Batches
    from myelin.train.run.evaluate import evaluate
    from myelin.validation.trained import load_model

    opened = open_floats(runs[name])
    samples = open_samples(tiny.data, opened.binning)
    config, model = load_model(runs[name])
    model.quantise(False)
    model.set_delays(hard=True)
    want = evaluate(model, Batches(samples.dataset, config.data, 64), keep_outputs=True).outputs
    got = simulate_floats(opened.network.map_delays(np.rint), samples.frames(np.arange(len(samples)))).output
    if name == "conv":  # spikes
        assert np.count_nonzero(want) and mismatch(got, want) < 0.02
    else:  # voltages in 1/4096
        assert np.abs(got * 4096 - want).mean() < 0.02 * np.abs(want).mean()


def test_a_run_becomes_a_file(runs, tiny, main, tmp_path, capsys):
    out, told = tmp_path / "q.net", tmp_path / "q.json"
    target = tmp_path / "four.toml"
    target.write_text(
        'name = "four"\ntitle = "four bits"\nsimulator = true\n[limits]\nweight_bits = { value = 4, source = "test" }\n'
    )
    arguments = ("quantise", runs["dense"], "--data", tiny.data, "--target", target, "--out", out, "--json", told)
    assert main(*arguments, "--calibration-samples", 8, "--samples", 12) == 0
    shown = capsys.readouterr().out
    assert "plain, 4 bits" in shown and "calibrated, 4 bits" in shown
    result = json.loads(told.read_text())["result"]
    assert result["calibration"] == {"split": "train", "samples": 8}
    assert (result["report"]["split"], result["report"]["samples"]) == ("test", 12)
    plain, calibrated = result["report"]["networks"]
    assert calibrated["spike_mismatch_percent"][0] <= plain["spike_mismatch_percent"][0]
    assert f"{calibrated['accuracy_percent']:.2f} %" in shown
    network = read_netx(out)
    assert max(int(np.abs(layer.synapse.weight).max()) for layer in network.layers) <= 8


def test_a_file_of_floats_needs_to_know_its_steps(runs, artifacts, tiny, main, refused, tmp_path):
    path, out = tmp_path / "floats.net", tmp_path / "q.net"
    write_netx(read_netx(artifacts["dense"] / "network.net"), path)
    with h5py.File(path, "a") as file:
        weight = file["layer/1/weight"][()]
        del file["layer/1/weight"]
        file["layer/1/weight"] = weight + 0.25
    common = ("quantise", path, "--data", tiny.data, "--target", "loihi2", "--out", out)
    assert "give --steps and --step-ms" in refused(*common)
    assert "no such file or folder" in refused("quantise", tmp_path / "none.nir", *common[2:])
    assert "says how it is binned" in refused("quantise", runs["dense"], *common[2:], "--steps", 30)
    assert not out.exists()
    assert main(*common, "--steps", 30, "--step-ms", 5, "--method", "plain", "--samples", 4) == 0
    samples = open_samples(tiny.data, open_floats(runs["dense"]).binning)
    assert simulate(read_netx(out), samples.frames([0])).output.shape == (1, 30, 4)


def test_nothing_is_written_where_the_target_holds_nothing(runs, tiny, main, tmp_path, capsys):
    target = tmp_path / "short.toml"
    target.write_text('name = "short"\ntitle = "short"\n[limits]\ndelay_steps_max = { value = 0, source = "test" }\n')
    out = tmp_path / "q.net"
    arguments = ("quantise", runs["dense"], "--data", tiny.data, "--target", target, "--out", out, "--method", "plain")
    assert main(*arguments) == 1
    assert "nothing was written: (1) layer" in capsys.readouterr().err
    assert not out.exists()
