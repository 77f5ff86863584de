"""Layers that are nearly silent or saturated are said once, and stored."""

from __future__ import annotations

import json

import pytest
from tiny_runs import sweeps, tiny_config

from myelin.train.run.activity import changes, layers_outside
from myelin.train.run.files.metrics import EpochMetrics
from myelin.train.run.logger import RunLogger
from myelin.train.run.loop import train


def epoch(number, *rates):
    outside = layers_outside(list(rates), [True] * (len(rates) - 1) + [False])
    return EpochMetrics(number, 1.0, 0.5, 0.5, True, True, rates_per_step=rates, **outside)


def test_one_line_for_each_change():
    rows = [epoch(0, 0.1, 0.1, 0.0), epoch(1, 0.0004, 0.6, 0.0), epoch(2, 0.0001, 0.7, 0.0), epoch(3, 0.1, 0.7, 0.0)]
    said = [changes(before, now) for before, now in zip([None, *rows], rows)]
    assert [len(lines) for lines in said] == [0, 2, 0, 1]
    assert said[1] == [
        "activity      epoch 1: layer 0 is nearly silent, 0.0004 spikes per neuron and step (below 0.0005); lower its "
        "threshold or raise its gain",
        "activity      epoch 1: layer 1 is saturated, 0.6 spikes per neuron and step (above 0.5); raise its threshold, lower "
        "its gain, or set train.rate_penalty",
    ]
    assert said[3] == ["activity      epoch 3: layer 0 is no longer silent, 0.1 spikes per neuron and step"]


@pytest.mark.training
def test_a_silent_layer_is_said_and_stored(tmp_path, monkeypatch):
    """The first layer's threshold is out of reach, the second layer's input is silence."""
    monkeypatch.setattr(RunLogger, "draw", lambda self: None)
    said = []
    config = tiny_config(layers=[{"neurons": 8, "threshold": 60.0, "gain": 0.01}, {"neurons": 8, "recurrent": "none"}])
    train(config, sweeps(), tmp_path / "run", progress=False, say=said.append)
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert all(row["silent_layers"] == [0, 1] and "saturated_layers" not in row for row in rows)
    assert len([line for line in said if "nearly silent" in line]) == 2
