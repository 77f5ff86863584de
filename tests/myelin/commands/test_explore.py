"""`myelin explore` as a user sees it: the part that was held out, the file, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest


@pytest.mark.parametrize("name", ["dense", "conv"])
def test_the_whole_way(name, tiny, artifacts, main, tmp_path, capsys):
    file, picture = tmp_path / "explore.json", tmp_path / "explore.png"
    drawn = ["--plot", picture] if name == "dense" else []  # once: it takes seconds
    assert main("explore", artifacts[name], "--data", tiny.data, "--json", file, *drawn) == 0
    shown = capsys.readouterr().out
    result = json.loads(file.read_text())["result"]
    assert not drawn or picture.read_bytes().startswith(b"\x89PNG")

    # what was held out, and what the exported network makes of it
    from myelin.convert import simulate
    from myelin.convert.opened import read
    from myelin.train.datasets import load, split

    dataset = load(tiny.data, "train")
    _, held_out = split(dataset, 0.25, 0, "stratified")
    assert result["input"]["sample_numbers"] == held_out.tolist()
    binned = dataset.bin(held_out, 30, 5.0, 14, *(("binary", 1) if name == "dense" else ("count", 7)))
    right = simulate(read(artifacts[name]).network, binned.frames).prediction == dataset.labels[held_out]
    assert result["exported"]["accuracy_percent"] == pytest.approx(100 * right.mean())
    assert f"exported      {100 * right.mean():.2f} %" in shown

    knobs = {knob["name"]: knob for knob in result["knobs"]}
    assert list(knobs) == [
        "weight_bits", "weight_exponent", "delay_bits", "delay_grid_steps", "longest_delay_steps", "delay_rounding",
        "decay_bits", "threshold_factor",
    ]  # fmt: skip
    assert all(knob["points"] and any(point["unchanged"] for point in knob["points"]) for knob in knobs.values())
    values = {point["value"]: point for point in knobs["delay_rounding"]["points"]}
    assert list(values) == ["nearest", "floor", "ceil"]
    assert values["nearest"]["unchanged"]
    assert values["ceil"]["spike_mismatch_percent"] > 0
    assert len(result["pareto"]) == 28
    for title in knobs:
        assert f"\n{title}: " in shown


def test_some_samples_are_of_all_classes(tiny, artifacts, main, tmp_path):
    file = tmp_path / "explore.json"
    assert main("explore", artifacts["dense"], "--data", tiny.data, "--samples", 4, "--target", "cpu", "--json", file) == 0
    from myelin.train.datasets import load

    result = json.loads(file.read_text())["result"]
    numbers = result["input"]["sample_numbers"]
    assert np.unique(load(tiny.data, "train").labels[numbers]).tolist() == [0, 1, 2, 3]
    assert (result["samples"], result["target"], result["exported"]["core_memory_bytes"]) == (4, "cpu", None)
    assert not any(one["best"] for one in result["pareto"])


def test_data_that_the_run_was_not_trained_on_is_refused(tiny, artifacts, refused, tmp_path):
    from myelin.train.datasets import write_shd

    write_shd(tiny.dataset(11, 1), tmp_path / "tiny_train.h5")
    message = refused("explore", artifacts["dense"], "--data", tmp_path)
    assert "32 samples to train on and 12 to hold out, the run had 36 and 12 of tiny_train.h5" in message
    assert "name the data it was trained on" in message


def test_what_a_file_does_not_say_is_asked_for(tiny, artifacts, refused):
    said = refused("explore", artifacts["dense"] / "network.net", "--data", tiny.data)
    assert said.endswith(
        "network.net: the network names no target; give one, such as --target loihi2 (target='loihi2' in Python)"
    )
    said = refused("explore", artifacts["dense"] / "network.net", "--data", tiny.data, "--target", "loihi2")
    assert "neither the events nor the network say how spikes become frames; give --steps and --step-ms" in said
