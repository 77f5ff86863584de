"""ALIF beside CUBA on ECG: the committed table is that of the committed figures."""

from __future__ import annotations

import json

import pytest

from benchmarks import ecg_neurons
from benchmarks.measure import RESULTS


def test_the_table_is_that_of_the_figures():
    results = json.loads((RESULTS / "ecg_neurons.json").read_text(encoding="utf-8"))
    assert (RESULTS / "ecg_neurons.md").read_text(encoding="utf-8") == ecg_neurons.table(results)
    assert [row["seed"] for row in results["seeds"]] == [0, 1, 2]
    for row in results["seeds"]:
        accuracy, change = row["accuracy_percent"], row["alif_minus_cuba_points"]
        assert change["difference"] == pytest.approx(accuracy["ALIF"] - accuracy["CUBA"], abs=0.02)
        assert change["low"] <= change["difference"] <= change["high"]
