"""Rows of metrics.jsonl: written and read in one place, older files included."""

from __future__ import annotations

import json

import pytest

from myelin.hw_configs.errors import DataError
from myelin.train.run.files.metrics import (
    METRICS,
    BestEpoch,
    EpochMetrics,
    append_metrics,
    count_epochs,
    keep_epochs,
    read_metrics,
)  # fmt: skip

ROW = EpochMetrics(3, 0.5, 0.75, 0.5, True, True, 4.5, 9, rates_per_step=(0.1, 0.0), seconds=2.0)


def test_what_is_written_is_read(tmp_path):
    other = EpochMetrics(4, 0.25, 1.0, 0.5, True, True, rates_per_step=(0.2, 0.0))
    assert count_epochs(tmp_path) == 0
    append_metrics(tmp_path, ROW)
    append_metrics(tmp_path, other)
    assert read_metrics(tmp_path / METRICS) == [ROW, other] and count_epochs(tmp_path) == 2
    keep_epochs(tmp_path, 1)
    assert read_metrics(tmp_path / METRICS) == [ROW]
    keep_epochs(tmp_path, 0)
    assert count_epochs(tmp_path) == 0


def test_lines_of_other_versions_are_read(tmp_path):
    old = {name: value for name, value in ROW.as_dict().items() if name not in ("seconds", "delay_mean_steps")}
    (tmp_path / METRICS).write_text(json.dumps(old | {"of a later version": 1}) + "\n\n")
    (row,) = read_metrics(tmp_path / METRICS)
    assert (row.seconds, row.delay_mean_steps, row.loss, row.rates_per_step) == (None, None, 0.5, (0.1, 0.0))


@pytest.mark.parametrize("name", ["epoch", "loss", "delays_rounded", "exportable", "rates_per_step"])
def test_a_line_without_a_figure_is_refused(name, tmp_path):
    values = ROW.as_dict()
    del values[name]
    (tmp_path / METRICS).write_text(json.dumps(values) + "\n")
    with pytest.raises(DataError, match=r"is not a run's metrics\.jsonl \(no epoch in it, or one without its figures"):
        read_metrics(tmp_path / METRICS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("epoch", "0"), ("loss", None), ("loss", True), ("delays_rounded", 1), ("validation_accuracy", "0.5"), ("seconds", [])]
    + [("rates_per_step", value) for value in (0.1, {"0": 0.1}, ["0.1"], [[0.1]], "ab")],
)
def test_a_figure_of_another_kind_is_refused(name, value, tmp_path):
    (tmp_path / METRICS).write_text(json.dumps(ROW.as_dict() | {name: value}) + "\n")
    with pytest.raises(DataError, match=r"is not a run's metrics\.jsonl \(no epoch in it, or one without its figures"):
        read_metrics(tmp_path / METRICS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rates_per_step": [0.1]}, "its epochs have different numbers of layers"),
        ({"validation_error": 0.1}, "some of its epochs have accuracies, others errors"),
    ],
)
def test_epochs_that_do_not_belong_together_are_refused(change, said, tmp_path):
    lines = [json.dumps(ROW.as_dict() | one) for one in ({}, change)]
    (tmp_path / METRICS).write_text("\n".join(lines))
    with pytest.raises(DataError, match=said):
        read_metrics(tmp_path / METRICS)


def test_a_record_keeps_the_figures_of_the_exported_epoch():
    assert ROW.best() == BestEpoch(3, 0.75, 0.5, 4.5, 9, (0.1, 0.0)) == BestEpoch.from_dict(ROW.best().as_dict())
    assert list(ROW.best().as_dict()) == [
        "epoch", "train_accuracy", "validation_accuracy", "delay_mean_steps", "delay_longest_steps", "rates_per_step",
    ]  # fmt: skip


def test_traces_have_errors_in_place_of_accuracies(tmp_path):
    row = EpochMetrics(0, 0.5, None, None, True, True, rates_per_step=(0.1,), train_error=0.25, validation_error=0.5)
    append_metrics(tmp_path, row)
    assert read_metrics(tmp_path / METRICS) == [row]
    values = json.loads((tmp_path / METRICS).read_text())
    assert "train_accuracy" not in values and "silent_layers" not in values and values["validation_error"] == 0.5
    assert BestEpoch.from_dict(row.best().as_dict()) == row.best() and row.validation == "mean squared error 0.5"
    assert row.at_least_as_good_as(EpochMetrics(1, 0.5, None, None, True, True, validation_error=0.6))
    assert not row.at_least_as_good_as(EpochMetrics(1, 0.5, None, None, True, True, validation_error=0.4))
    assert ROW.at_least_as_good_as(ROW.best()) and ROW.validation == "50.00 %"


def test_layers_outside_their_range_are_kept(tmp_path):
    row = EpochMetrics(0, 0.5, 0.5, 0.5, True, True, rates_per_step=(0.0, 0.9), silent_layers=(0,), saturated_layers=(1,))
    append_metrics(tmp_path, row)
    assert read_metrics(tmp_path / METRICS) == [row]
