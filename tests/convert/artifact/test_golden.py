"""Golden values: written, read back, and what does not come out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from myelin.convert.artifact.golden import GOLDEN, Golden, golden_parity
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.errors import NetworkError

SPIKES = np.random.default_rng(0).integers(0, 2, (3, 20, 2))


def test_they_hold_every_spike_and_come_back(small, tmp_path):
    golden = Golden.of(small, SPIKES)
    golden.write(tmp_path / GOLDEN)
    found = Golden.read(tmp_path, small)
    recording = simulate(small, SPIKES, record={0: ("spikes",), 1: ("spikes",)})
    assert found.spikes.dtype == np.uint8 and np.array_equal(found.spikes, SPIKES)
    assert np.array_equal(found.output, recording.output) and np.array_equal(found.scores, recording.readout)
    assert sorted(found.layers) == [0, 1]
    for index, spikes in found.layers.items():
        assert spikes.any() and np.array_equal(spikes, recording.layers[index]["spikes"])
    parity = golden_parity(tmp_path, small, found)
    assert parity.equal and parity.values == 3 * 20 * (3 + 2 + 2)


def test_what_does_not_come_out_is_located(small, tmp_path):
    golden = Golden.of(small, SPIKES)
    spikes = golden.layers[0].copy()
    spikes[1, 7, 2] ^= 1
    parity = golden_parity(tmp_path, small, replace(golden, layers={**golden.layers, 0: spikes}))
    assert parity.different_values == 1
    first = parity.first
    assert (first.where, first.sample, first.step, first.neuron) == ("the spikes of layer 0", 1, 7, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"layers": {7: np.zeros((3, 20, 3), int)}}, "the spikes of layer 7 of golden.npz .*, the simulator gives none"),
        ({"layers": {0: np.zeros((3, 20, 4), np.uint8)}}, r"the spikes of layer 0 of golden.npz has shape \(3, 20, 4\)"),
        ({"scores": np.zeros((3, 2), int)}, "golden class scores are not the sums of the golden output: .* sample 0, class"),
        ({"spikes": np.full((3, 20, 2), 9)}, "the golden inputs do not fit the network"),
    ],
)
def test_values_that_make_no_sense(small, tmp_path, change, said):
    with pytest.raises(NetworkError, match=said):
        golden_parity(tmp_path, small, replace(Golden.of(small, SPIKES), **change))
