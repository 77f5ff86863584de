"""The page on neurons: what stands there is what the registries say, and the speeds are those of neurons that were checked."""

from __future__ import annotations

import json

import numpy as np

from benchmarks import neurons
from benchmarks.measure import RESULTS
from myelin.convert import simulate
from myelin.convert.neurons import NEURONS
from myelin.convert.simulator.streams import Simulator


def test_the_page_is_what_the_code_says():
    there = json.loads((RESULTS / "neurons.json").read_text(encoding="utf-8"))
    assert neurons.PAGE.read_text(encoding="utf-8") == neurons.page(there)


def test_every_neuron_has_a_row():
    rows = {row.split("`")[1]: row for row in neurons.stages().splitlines()[2:]}
    assert list(rows) == [kind.__name__ for kind in NEURONS.values() if kind.__module__.startswith("myelin.")]
    assert "loihi2" in rows["Cuba"] and "c99" in rows["Cuba"] and "loihi" not in rows["Alif"]
    assert [row.split("|")[6].strip() for row in rows.values()].count("yes") == 1, "NIR has a node for CUBA alone"


def test_it_measures_every_neuron_beside_cuba(monkeypatch, capsys):
    monkeypatch.setattr(neurons, "SIZE", 24)
    neurons.main(["--quick"])
    page = capsys.readouterr().out
    assert [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")][1:] == [
        *("CUBA", "CUBA, recurrent", "ALIF", "ALIF, recurrent"),
        *("sigma-delta", "sums of sigma-delta", "RF", "RF_IZ"),
    ]
    rng = np.random.default_rng(0)
    spikes = (rng.random((2, 50, 24)) < 0.2).astype(np.uint8) * 40  # messages that reach a threshold of sigma-delta
    for name, make in neurons._networks(rng).items():
        network = make(5)
        output = simulate(network, spikes).output
        simulator = Simulator(network)
        expected = [simulator.step(frame) for frame in spikes[0]]  # loops of their own
        np.testing.assert_array_equal(output[0], expected, err_msg=name)
        assert output.any(), name
