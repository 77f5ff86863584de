"""Few samples and single steps of two versions, in turns, and 8-bit products: the same integers everywhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
from places import ROOT

from benchmarks import few, int8, networks
from myelin.convert import simulate


@pytest.mark.subprocess
def test_it_measures_both_versions(tmp_path, capsys):
    few.main(["--quick", "--before", str(ROOT), "--json", str(tmp_path / "few.json")])
    results = json.loads((tmp_path / "few.json").read_text())
    assert [(row["recurrence"], row["call"], row["samples"]) for row in results["rows"][:3]] == [
        ("dense", "simulate", 1),
        ("dense", "simulate", 2),
        ("dense", "step", 1),
    ]
    assert all(row["a_second"]["now"]["low"] > 0 and row["is_faster"]["before"]["low"] > 0 for row in results["rows"])
    assert [row["busy_processes"] for row in results["beside_other_work"]] == [2, 4]
    assert "steps a second" in capsys.readouterr().out


def test_versions_with_other_outputs_are_refused():
    versions = {name: lambda *call, name=name: {"seconds": 1.0, "digest": name} for name in ("now", "before")}
    with pytest.raises(AssertionError, match=r"the outputs of .* differ"):
        few.measured(versions, ("simulate", "dense", 1, 1), 1, 1)


@pytest.mark.parametrize("way", list(int8.WAYS))
def test_every_way_through_a_network_gives_its_integers(way):
    pytest.importorskip("torch")
    spikes = networks.samples(networks.CALIBRATION_SAMPLES, steps=30)
    network = networks.network(spikes, neurons=(24, 16))
    runner = int8.runner(network, way)
    np.testing.assert_array_equal(runner.run(spikes).output, simulate(network, spikes).output)
    products = [part.forward.__dict__.get("products") for part in runner.prepared]
    assert all(isinstance(one, int8.EightBit) for one in products) == int8.WAYS[way][2]
