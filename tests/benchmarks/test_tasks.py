"""The plans of the three tasks, their tables and page; trainings themselves are those of `myelin sweep`."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.tasks import page
from benchmarks.tasks.collect import table_of
from benchmarks.tasks.plan import NAMES, nearest_size, quick, read_plan, write_sweep
from benchmarks.tasks.reference import Plan, Recurrent, parameters_of, train_reference
from myelin.hw_configs.errors import ConfigError
from myelin.sweep.evaluations import unpacked
from myelin.sweep.file import read_sweep, slug
from myelin.sweep.table import paired
from myelin.train.config.config import Config
from myelin.train.config.files import config_from_dict
from myelin.train.datasets import SpikeDataset

#: What the issue asks of every task, as words in the names of cases or tables.
ASKED = ("learned", "fixed random", "no delays", "no recurrence", "convolution", "as many parameters", "up to 7", "up to 15",
         "up to 31", "50 %", "20 %", "10 %", "ALIF", "4 channels", "GRU", "LSTM")  # fmt: skip
CLASSES = {"ecg": 6, "psmnist": 10, "arabic": 40}


@pytest.mark.parametrize("task", NAMES)
def test_every_control_is_in_a_table(task):
    plan = read_plan(task)
    listed = [name for table in plan.tables.values() for name in (*table.cases, *table.references)]
    assert len(plan.seeds) >= 3
    assert set(listed) == set(plan.cases) | set(plan.references)  # nothing is planned that no table shows
    for word in ASKED:
        assert any(word in name for name in listed), word


@pytest.mark.parametrize("task", NAMES)
def test_each_table_is_a_sweep(task, tmp_path):
    plan = read_plan(task)
    for table in plan.tables.values():
        write_sweep(plan, table, tmp_path / "s.toml", CLASSES[task])
        sweep = read_sweep(tmp_path / "s.toml")
        assert [point.case for point in sweep.points] == list(table.cases)
        assert sweep.references == (None, *[0] * (len(table.cases) - 1))
        for point in sweep.points:
            plan.config(point.case, **dict(point.changes))  # every case is a valid configuration


@pytest.mark.parametrize("task", NAMES)
def test_cases_of_equal_parameters_are_computed(task):
    plan = read_plan(task)
    for name, case in plan.cases.items():
        if case.size_as is not None:
            wanted, got = plan.parameters(case.size_as, CLASSES[task]), plan.parameters(name, CLASSES[task])
            assert abs(got - wanted) <= 0.02 * wanted, (name, got, wanted)


def test_a_quick_plan_is_short():
    plan = quick(read_plan("psmnist"))
    assert plan.seeds == (0,)
    assert {plan.config(name).train.epochs for name in plan.cases} == {3}


def test_no_such_task():
    with pytest.raises(ConfigError, match="no task 'shd'; there are arabic, ecg, psmnist"):
        read_plan("shd")


@pytest.mark.parametrize("kind", ["gru", "lstm"])
def test_references_have_the_size_they_are_to_have(kind):
    for size, layers in ((5, 1), (7, 2)):
        model = Recurrent(kind, 3, size, layers, 4, 0.1)
        assert sum(p.numel() for p in model.parameters()) == parameters_of(kind, 3, size, layers, 4)
        assert model(torch.ones(2, 9, 3)).shape == (2, 4, 9)
    assert nearest_size(lambda n: parameters_of(kind, 3, n, 2, 4), parameters_of(kind, 3, 17, 2, 4)) == 17


def _words(count, seed, steps=12):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, count)
    x = (rng.random((count, steps, 4)) < 0.2 + 0.5 * (np.arange(4) % 2 == y[:, None])[:, None]).astype(np.uint8)
    return SpikeDataset.from_dense(x, y, time_axis=1, keys=("a", "b"), name="made up")


@pytest.mark.training
def test_a_reference_is_judged_by_the_labels_that_there_are(tmp_path):
    """Training takes steps without a label as class 0; they are no right answers."""
    words = _words(12, 0)
    steps = np.repeat(words.labels[:, None], 12, axis=1)
    steps[:, ::3] = -1
    data = replace(words, targets=steps)
    config = config_from_dict(
        {"data": {"steps": 12, "step_ms": 1.0, "channels": 4, "validation": 0.3, "unlabelled": "class 0"},
         "layers": [{"neurons": 4}], "delay": {"harden_at": 0.5}, "train": {"epochs": 2, "batch_size": 4}}
    )  # fmt: skip
    assert isinstance(config, Config)
    found = train_reference("lstm", 120, Plan(), config, data, data, tmp_path / "steps.json")["evaluations"]
    assert np.array_equal(unpacked(found["report"]["labels"]), steps)
    assert np.array_equal(unpacked(found["validation"]["labels"]), steps[found["validation"]["sample_numbers"]])
    answered = unpacked(found["report"]["float_predictions"])
    assert found["report"]["float_accuracy_percent"] == 100 * np.mean((answered == steps)[steps >= 0])
    assert found["report"]["float_published_percent"] is not None


@pytest.mark.training
def test_a_reference_learns_and_goes_on(tmp_path):
    config = config_from_dict(
        {"data": {"steps": 12, "step_ms": 1.0, "channels": 4, "validation": 0.2}, "layers": [{"neurons": 4}],
         "delay": {"harden_at": 0.5}, "train": {"epochs": 6, "batch_size": 16}}
    )  # fmt: skip
    assert isinstance(config, Config)
    how = (config, _words(120, 0), _words(60, 1))
    whole = train_reference("gru", 120, Plan(dropout=0.0, learning_rate=0.02), *how, tmp_path / "whole.json")
    found = whole["evaluations"]["report"]
    assert found["float_accuracy_percent"] > 80
    assert found["float_accuracy_percent"] == pytest.approx(
        100 * np.mean(np.array(found["labels"]) == np.array(found["float_predictions"]))
    )
    # stopped after its third epoch and started again: the same network
    first = Plan(dropout=0.0, learning_rate=0.02, epochs=6)
    state = torch.load(tmp_path / "whole.pt", weights_only=True)
    assert state["epoch"] == 5 and len(state["history"]) == 6
    with pytest.MonkeyPatch.context() as patch:
        saved = torch.save

        def stops(values, file):
            saved(values, file)
            if values["epoch"] == 3:
                raise KeyboardInterrupt

        patch.setattr(torch, "save", stops)
        with pytest.raises(KeyboardInterrupt):
            train_reference("gru", 120, first, *how, tmp_path / "parts.json")
    again = train_reference("gru", 120, first, *how, tmp_path / "parts.json")
    assert again["evaluations"] == whole["evaluations"]


@pytest.mark.training
def test_a_reference_answers_in_the_planes_that_it_learned_from(tmp_path):
    config = config_from_dict(
        {"data": {"steps": 12, "step_ms": 1.0, "channels": 8, "shape": [2, 1, 4], "intervals_ms": [2.5], "validation": 0.2},
         "layers": [{"neurons": 4}], "delay": {"harden_at": 0.5}, "train": {"epochs": 3, "batch_size": 16}}
    )  # fmt: skip
    plan = Plan(dropout=0.0, learning_rate=0.02)
    found = train_reference("gru", 120, plan, config, _words(60, 0), _words(30, 1), tmp_path / "one.json")
    assert len(found["evaluations"]["report"]["float_predictions"]) == 30


def _result(right, labels):
    evaluation = {
        "sample_numbers": list(range(len(labels))),
        "labels": labels,
        "integer_predictions": [label if ok else 1 - label for label, ok in zip(labels, right)],
        "integer_accuracy_percent": 100 * float(np.mean(right)),
    }
    return {
        "parameters": 10,
        "recurrent_parameters": 4,
        "epochs": 3,
        "evaluations": dict.fromkeys(("validation", "test"), evaluation),
    }


def test_a_table_keeps_what_each_sample_was_answered(tmp_path, monkeypatch):
    plan = read_plan("ecg")
    table = plan.tables["adaptive"]
    labels = [0, 1] * 10
    rights = {"learned delays, both, 20 epochs": [True] * 15 + [False] * 5, "ALIF": [True] * 18 + [False] * 2}
    for name, right in rights.items():
        place = tmp_path / "runs" / slug(name) / "seed1" / "result.json"
        place.parent.mkdir(parents=True)
        place.write_text(json.dumps(_result(right, labels)))
    monkeypatch.setattr(
        "benchmarks.tasks.collect.costs_of",
        lambda *_: {"synapse_memory_kib": 3.5, "synaptic_operations_per_sample": 1e4, "fits": False},
    )
    monkeypatch.setattr("benchmarks.tasks.collect.delays_of", lambda _: {"layer 0, recurrent": [1, 2]})
    values = table_of(plan, table, tmp_path, "unused", {"samples": 5, "classes": 6})
    first, second = values["rows"]
    found = second["evaluations"]["report"]
    bits = np.unpackbits(np.frombuffer(bytes.fromhex(found["right"]["1"]), np.uint8))
    assert bits[:20].astype(bool).tolist() == rights["ALIF"]
    expected = paired(
        {1: _result(rights["ALIF"], labels)["evaluations"]["test"]},
        {1: _result(rights["learned delays, both, 20 epochs"], labels)["evaluations"]["test"]},
        "integer_predictions",
    )
    assert found["to_reference"] == expected and expected["difference_points"] == pytest.approx(15)
    assert first["evaluations"]["report"]["to_reference"] is None
    assert "learned delays, both, 20 epochs, seed 0" in values["missing"] and "ALIF, seed 1" not in values["missing"]
    # the page has the table between its marks, once, however often it is made
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "ecg_adaptive.json").write_text(json.dumps(values))
    for _ in range(2):
        page.write_page(tmp_path / "results", tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text()
    assert text.count("<!-- table ecg adaptive -->") == text.count("<!-- end of table ecg adaptive -->") == 1
    assert "| ALIF | 1 | 90.00 | 90.00 | +15.00 (" in text and "10,000 (not held)" in text
    assert (tmp_path / "pictures" / "results_ecg_parameters.png").is_file()
