"""Latency of single steps: the loop beside it makes the same integers, and the table of known results."""

from __future__ import annotations

import json

import numpy as np

from benchmarks import networks, step
from benchmarks.numpy_loop import NumpyStepper
from benchmarks.tables.table_step import step_table
from myelin.convert import simulate


def test_the_numpy_loop_steps_as_the_simulator_does():
    spikes = networks.samples(networks.CALIBRATION_SAMPLES, steps=60)
    for recurrence in ("dense", "conv"):
        network = networks.network(spikes, recurrence=recurrence, neurons=(24, 16))
        stepper = NumpyStepper(network)
        expected = simulate(network, spikes[:1]).output[0]
        np.testing.assert_array_equal([stepper.step(frame) for frame in spikes[0]], expected)
        assert expected.any()


def test_it_measures_every_implementation(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(step, "NETWORKS", {"tiny": ("conv", (24, 16))})
    step.main(["--quick", "--json", str(tmp_path / "step.json")])
    results = json.loads((tmp_path / "step.json").read_text())
    (network,) = results["networks"]
    assert network["network"].startswith("140 -> 24 -> 16 -> 20") and results["quick"]
    assert [*network["microseconds_a_step"]] == ["step", "numpy loop", "run of one step", "simulate of one step"]
    assert all(values["low"] > 0 for values in network["microseconds_a_step"].values())
    assert step_table(results).count("\n|") == 6 and "tiny" in capsys.readouterr().out


def test_the_table_of_known_results():
    ratio = {"median": 16.7, "low": 16.0, "high": 17.2}
    network = {
        "network": "140 -> 20",
        "densities": {"layers": [0.1, 0.05]},
        "microseconds_of_the_slowest_percent": {"median": 6.9},
        "microseconds_a_step": {"step": {"median": 4.5, "low": 4.4, "high": 5.0}, "numpy loop": ratio},
        "step_is_faster": {"numpy loop": ratio},
    }
    facts = {
        "cpu": "Some CPU",
        "cores": 2,
        "python": "3.11.7",
        "versions": {},
        "blas": "",
        "environment": {},
        "date": "2026-01-02",
    }
    lines = step_table({"quick": False, "machine": facts, "networks": [network]}).splitlines()
    assert lines[-1].startswith("Some CPU, 2 cores")
    assert lines[:6] == [
        "140 -> 20; 10.0% and 5.0% of the hidden neurons spike in a step; the slowest percent of the steps takes 6.9 "
        "\N{MICRO SIGN}s or more.",
        "",
        "| one stream, one step | \N{MICRO SIGN}s, median (range) | `step` is faster by, median (range) |",
        "|---|---|---|",
        "| step | 4.5 (4.4 to 5) |  |",
        "| numpy loop | 16.7 (16 to 17.2) | 16.7 (16 to 17.2) |",
    ]
