"""The published order as an integer network gives what ``simulate`` gives."""

import numpy as np
import pytest

from benchmarks import inference, networks
from benchmarks.training.published_network import PublishedNetwork
from myelin.convert import simulate


@pytest.mark.parametrize("recurrence", ["dense", "conv"])
def test_outputs_are_those_of_the_simulator(recurrence):
    spikes = networks.samples(8, steps=50)
    network = inference.network_of(recurrence, 24, 9, 50)
    assert max(int(layer.recurrent.delay_steps.max()) for layer in network.layers[:-1]) == 8
    expected = simulate(network, spikes).output
    model = PublishedNetwork(network, 9)
    np.testing.assert_array_equal(model.run(spikes), expected)
    np.testing.assert_array_equal(model.run(spikes[:1]), expected[:1])
    assert len(np.unique(expected)) > 100
    assert not np.array_equal(simulate(networks.without_recurrent_delays(network), spikes).output, expected)


def test_delays_beyond_the_buffer_are_refused():
    with pytest.raises(AssertionError, match="reach 8 steps, of 7"):
        PublishedNetwork(inference.network_of("dense", 16, 9, 20), 8)
