"""What a run shows while it trains."""

from __future__ import annotations

import os

import numpy as np
import pytest
import torch

from myelin.train.config.config import Config, LayerConfig
from myelin.train.model import build_model
from myelin.train.run import logger as module
from myelin.train.run.files.metrics import EpochMetrics
from myelin.train.run.logger import RunLogger, delays_by_layer


def metrics(epoch):
    return EpochMetrics(epoch, 1.0, 0.5, 0.4, False, False, 3.0, 9, rates_per_step=(0.1, 0.0), seconds=1.0)


@pytest.fixture
def model():
    torch.manual_seed(0)
    layers = (LayerConfig(neurons=6, delay_per="neuron"), LayerConfig(neurons=4, recurrent="none", delay_per="neuron"))
    return build_model(Config(layers=layers), 3)


@pytest.fixture
def drawn(monkeypatch):
    """Arguments of every drawing."""
    calls = []
    monkeypatch.setattr(module, "learning_curve", lambda *_: None)
    monkeypatch.setattr(module, "delay_histograms", lambda path, before, now: calls.append((before, now)))
    return calls


def test_delays_have_the_names_of_their_layers(model):
    found = delays_by_layer(model)
    assert {name: values.size for name, values in found.items()} == {
        "layer 0, recurrent delays": 6, "layer 0, axonal delays": 6, "layer 1, axonal delays": 4,
    }  # fmt: skip


@pytest.fixture
def clock(monkeypatch):
    """``clock[0]``: the time in seconds that the logger sees."""
    now = [100.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    return now


def test_four_drawings_of_what_was_and_is(model, drawn, clock, tmp_path):
    logger = RunLogger(model, tmp_path, 8)
    with torch.no_grad():
        for delay in model.delays():
            delay.delay.add_(2.0)
    for epoch in range(8):
        clock[0] += 3.0
        logger.epoch(metrics(epoch))
    assert len(drawn) == 4
    before, now = drawn[-1]
    assert all(np.allclose(now[name] - before[name], 2.0) for name in now)


def test_a_run_of_seconds_is_drawn_at_its_end(model, drawn, clock, tmp_path):
    logger = RunLogger(model, tmp_path, 8)
    for epoch in range(8):
        clock[0] += 1.0  # due after every second epoch, allowed after the sixth
        logger.epoch(metrics(epoch))
    assert len(drawn) == 1 and not logger.drawn
    logger.draw()
    assert len(drawn) == 2 and logger.drawn


def test_an_interrupted_run_is_drawn_once_more(model, drawn, tmp_path):
    logger = RunLogger(model, tmp_path, 100)
    logger.draw()
    assert not drawn  # nothing has been trained
    logger.epoch(metrics(0))
    logger.draw()
    logger.draw()
    assert len(drawn) == 1


def test_a_resumed_run_is_drawn_again_unless_its_plots_are_newer_than_its_metrics(model, drawn, tmp_path):
    (tmp_path / "metrics.jsonl").touch()
    logger = RunLogger(model, tmp_path, 8)
    for names, due in ((), True), (("learning.png",), True), (("learning.png", "delays.png"), False):
        for name in names:
            (tmp_path / name).touch()
        logger.resumed(3)
        assert logger.drawn != due
    os.utime(tmp_path / "delays.png", (0, 0))
    logger.resumed(3)
    assert not logger.drawn
    logger.resumed(0)  # nothing to draw
    assert logger.drawn
