"""Samples in the simulator, scored by what the data asks for: one class, a class for each step, or a trace."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import myelin
from myelin.backends.simulate import lines, simulated
from myelin.convert.stimulus import InputChoice
from myelin.hw_configs.fixed_point import STATE_SCALE

RNG = np.random.default_rng(2)
X = (RNG.random((12, 9, 2)) < 0.5).astype(np.uint8)


def found(network, y, **choice):
    return simulated(network, InputChoice(data=(X, y), **choice))


@pytest.fixture
def readout(small):
    last = small.layers[-1]
    return replace(small, layers=(*small.layers[:-1], replace(last, output="state")))


def test_one_class(small):
    labels = np.arange(12) % 2
    result = found(small, labels)
    right = myelin.simulate(small, X).prediction == labels
    assert result["accuracy_percent"] == pytest.approx(100 * right.mean()) and result["task"] == "classes"
    assert (
        lines(result)[1]
        == "data          data (x, y): all samples given, 12 samples, 9 steps of 1 ms, 2 channels, spikes of 0 or 1"
    )
    assert found(small, labels, samples=4)["samples"] == 4


def test_a_class_for_each_step(readout):
    targets = RNG.integers(-1, 2, (12, 9))
    result = found(readout, targets)
    wanted = (myelin.simulate(readout, X).output.argmax(axis=2) == targets)[targets >= 0].mean()
    assert result["accuracy_percent"] == pytest.approx(100 * wanted) and result["output_spikes"] is None
    assert result["accuracy_low_percent"] < result["accuracy_percent"] < result["accuracy_high_percent"]
    assert lines(result)[3].startswith(f"accuracy      {100 * wanted:.2f} % of the labelled steps, 95 % interval ")


def test_a_trace(readout):
    targets = RNG.random((12, 9, 2)).astype(np.float32)
    result = found(readout, targets, samples=5)
    errors = myelin.simulate(readout, X[:5]).output / STATE_SCALE - targets[:5]
    assert result["rmse"] == pytest.approx(np.sqrt((errors**2).mean())) and result["accuracy_percent"] is None
    assert lines(result)[3].startswith(f"error         RMSE {result['rmse']:.4g} of the traces, 95 % interval ")
