"""The benchmarks' networks are as active as they say, and the loops they are compared with give what ``simulate`` gives."""

import numpy as np
import pytest

from benchmarks import networks
from benchmarks.numpy_loop import NumpyLoop
from myelin.convert import Conv, Dense, simulate
from myelin.lava_models import compat

SMALL = {"neurons": (40, 30), "classes": 5, "densities": (0.2, 0.1), "delay_steps": 12}


@pytest.fixture(scope="module", params=["dense", "conv"])
def case(request):
    spikes = networks.samples(8, steps=60, inputs=20)
    return networks.network(spikes, recurrence=request.param, **SMALL), spikes


def test_samples_have_the_activity_that_was_asked_for():
    counts = networks.samples(50)
    assert counts.shape == (50, networks.STEPS, networks.INPUTS)
    assert abs((counts > 0).mean() - networks.INPUT_DENSITY) < 0.005
    assert abs(counts.mean() - networks.INPUT_MEAN) < 0.01
    assert counts.max() == 15
    assert set(np.unique(networks.samples(2, mean=None))) == {0, 1}


def test_layers_have_the_activity_that_was_asked_for(case):
    network, spikes = case
    found = networks.densities(network, spikes)
    assert found["layers"] == pytest.approx(SMALL["densities"], rel=0.3)
    assert found["input"] == pytest.approx(networks.INPUT_DENSITY, abs=0.02)


def test_networks_are_those_that_were_asked_for(case):
    network, _ = case
    assert [layer.neurons for layer in network.layers] == [40, 30, 5]
    assert network.input.message_bits == 4
    for layer in network.layers[:-1]:
        assert isinstance(layer.synapse, Dense) and not (layer.synapse.weight % 2).any()
        assert isinstance(layer.recurrent.synapse, Dense) or layer.recurrent.synapse.weight.shape == (1, 1, 1, 3)
        assert layer.delay_steps.max() == layer.recurrent.delay_steps.max() == 12
    kinds = {type(layer.recurrent.synapse) for layer in network.layers[:-1]}
    assert kinds in ({Dense}, {Conv})
    twin = networks.without_recurrent_delays(network)
    assert not any(layer.recurrent.delay_steps.any() for layer in twin.layers[:-1])
    assert twin.max_delay_steps == 12


def test_numpy_loop_equals_simulate(case):
    network, spikes = case
    expected, loop = simulate(network, spikes).output, NumpyLoop(network)
    assert len(np.unique(expected)) > 100
    for sample, output in zip(spikes, expected):
        np.testing.assert_array_equal(loop.run(sample), output)
    together = loop.run(np.moveaxis(spikes, 0, -1))
    np.testing.assert_array_equal(np.moveaxis(together, -1, 0), expected)


@pytest.mark.lava
def test_slayer_blocks_equal_simulate(case):
    if compat.missing(slayer=True):
        pytest.skip("lava-dl is not installed")
    from benchmarks.training.slayer_blocks import SlayerBlocks

    network, spikes = networks.without_recurrent_delays(case[0]), case[1]
    blocks = SlayerBlocks(network)
    x, expected = blocks.tensor(spikes), simulate(network, spikes).output
    for _ in range(2):  # no state is carried over
        np.testing.assert_array_equal(blocks.run(x), expected)
