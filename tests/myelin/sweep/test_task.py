"""Sweeps on other tasks than one class per sample: labels per step are compared step by step, traces are refused by name."""

from __future__ import annotations

import json

import numpy as np
import pytest

from myelin.convert.published_steps import published_percent
from myelin.convert.statistics import compare_steps
from myelin.hw_configs.errors import ConfigError, DataError
from myelin.sweep.evaluations import packed, unpacked
from myelin.sweep.run import train_sweep
from myelin.train.datasets import SpikeDataset

SWEEP = """
base = "ecg"
seeds = [0]
[set]
"data.steps" = 30
"data.channels" = 4
"data.validation" = 0.25
"layers.*.neurons" = 6
"delay.max_delay_steps" = 7
"delay.high" = 5.0
"train.epochs" = 3
[[case]]
name = "as class 0"
set = { "data.unlabelled" = "class 0" }
[[case]]
name = "ignored"
set = { "data.unlabelled" = "ignore" }
[compare]
reference = "as class 0"
"""


def test_traces_are_refused(tmp_path):
    data = tmp_path / "train.npz"
    SpikeDataset.from_dense(np.ones((6, 20, 4), np.uint8), np.zeros((6, 20, 1), np.float32), time_axis=1).save(data)
    (tmp_path / "s.toml").write_text('base = "demo"\n')
    with pytest.raises(DataError, match="has a trace; a sweep compares networks by their classes"):
        train_sweep(tmp_path / "s.toml", str(data), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_no_matter_of_the_configurations(tmp_path):
    (tmp_path / "s.toml").write_text('base = "demo"\n')
    with pytest.raises(DataError, match="no such file or folder"):
        train_sweep(tmp_path / "s.toml", str(tmp_path / "absent"), tmp_path / "out")


def test_too_many_samples_are_refused_with_the_case(tmp_path):
    data = tmp_path / "train.npz"
    SpikeDataset.from_dense(np.ones((6, 20, 4), np.uint8), np.zeros(6, np.int64), time_axis=1).save(data)
    (tmp_path / "s.toml").write_text('base = "demo"\nset.data.samples = 7\n')
    with pytest.raises(ConfigError, match=r"case 'demo': .*has 6 samples, data.samples asks for 7"):
        train_sweep(tmp_path / "s.toml", str(data), tmp_path / "out")


def test_answers_of_steps_are_kept_as_texts():
    classes = np.array([[0, 35, -1], [9, 10, 3]])
    assert packed(classes) == ["0z-", "9a3"]
    np.testing.assert_array_equal(unpacked(packed(classes)), classes)
    np.testing.assert_array_equal(unpacked(packed(np.array([7, 100]))), [7, 100])
    with pytest.raises(DataError, match="steps have classes up to 36; a sweep keeps the answers of up to 36 classes"):
        packed(np.array([[36]]))


def test_the_published_count_takes_steps_without_a_label_as_class_0():
    targets, answers = np.full((2, 20), 1), np.ones((2, 20), np.int64)
    assert published_percent(answers, targets) is None
    targets[0, 15:] = -1
    answers[0, 15] = 0  # right by that count; the other four are not
    answers[:, :10] = 2  # left out
    assert published_percent(answers, targets) == 100 * 16 / 20


@pytest.mark.training
@pytest.mark.subprocess
def test_labels_of_steps_are_compared_step_by_step(tmp_path):
    rng = np.random.default_rng(0)
    for split in ("train", "test"):
        x = (rng.random((16, 30, 4)) < 0.3).astype(np.uint8)
        y = np.where(x.sum(axis=2) > 1, 2, 1)
        y[:, 25:] = -1
        SpikeDataset.from_dense(x, y, time_axis=1, keys=("a", "b", "c")).save(tmp_path / f"x_{split}.npz")
    (tmp_path / "s.toml").write_text(SWEEP)
    swept = train_sweep(tmp_path / "s.toml", str(tmp_path), tmp_path / "out", report="test", jobs=2)
    assert swept.values is not None and not swept.failures
    rows = {row["case"]: row for row in swept.values["table"]["rows"]}
    assert swept.values["table"]["notes"] == []  # training and the integers agree on what they count
    results = {
        name: json.loads((tmp_path / "out" / "runs" / row["name"] / "seed0" / "result.json").read_text())["evaluations"]["test"]
        for name, row in rows.items()
    }
    truth = unpacked(results["ignored"]["labels"])
    answers = {name: unpacked(found["integer_predictions"]) for name, found in results.items()}
    labelled = truth >= 0
    for name, row in rows.items():
        figures = row["evaluations"]["test"]
        right = 100 * (answers[name] == truth)[labelled].mean()
        assert figures["integer_accuracy_mean_percent"] == pytest.approx(right)
        assert figures["integer_published_mean_percent"] == published_percent(answers[name], truth)
    paired = compare_steps(answers["as class 0"], answers["ignored"], truth)
    found = rows["ignored"]["evaluations"]["test"]["to_reference"]
    assert found["difference_points"] == pytest.approx(100 * paired.difference)
    assert (found["pairs"], found["samples"]) == (labelled.sum(), 16)
    assert (found["only_other_right_pairs"], found["only_this_right_pairs"]) == (paired.only_reference, paired.only_candidate)
    assert any("published %" in line for line in swept.lines)
    # what training counts differs: with labels ignored, the last five steps are not in it
    assert "integer_as_trained_percent" in results["as class 0"] and "integer_as_trained_percent" not in results["ignored"]
