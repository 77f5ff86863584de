"""ALIF neurons in Lava: stock ATRLIF and our connections equal the simulator in every value; so does the standalone script."""

from __future__ import annotations

import alif_networks
import numpy as np
import pytest

from myelin.convert import Alif, Dense, Input, Layer, Network, simulate
from myelin.convert.artifact.lava_export import network_arrays
from myelin.hw_configs.errors import BackendError
from myelin.lava_models import loihi2
from myelin.lava_models.build import plan
from myelin.lava_models.neurons.processes import PROCESSES


@pytest.mark.lava
@pytest.mark.parametrize(("seed", "models"), [(1, (True,)), (4, (False, True))])
def test_random_networks_equal_lava_in_every_value(lava, seed, models):
    network, sample = alif_networks.random_network(seed)
    record = {
        index: alif_networks.RECORDED if isinstance(layer.neuron, Alif) else ("spikes", "u", "v")
        for index, layer in enumerate(network.layers)
    }
    wanted = simulate(network, sample, record=record)
    assert sum(int(names["spikes"].sum()) for names in wanted.layers.values()) > 50
    for stock in models:
        found = lava.run(network, sample, record=record, stock=stock)
        np.testing.assert_array_equal(found.output, wanted.output)
        for index, names in record.items():
            for name in names:
                np.testing.assert_array_equal(
                    found.layers[index][name], wanted.layers[index][name], err_msg=f"stock {stock}, layer {index}, {name}"
                )


@pytest.mark.lava
def test_sums_beyond_16_bit_arrive_whole(lava):
    """ATRLIF declares an input port of 16 bit."""
    network = Network(
        Input((40,), message_bits=8), [Layer((2,), Dense(np.full((2, 40), 254)), Alif(90000, 0, 4096, 4096, 0, [4096, 2000]))]
    )
    sample = np.full((1, 6, 40), 250)
    record = {0: alif_networks.RECORDED}
    wanted = simulate(network, sample, record=record)
    assert wanted.layers[0]["i"].max() == 250 * 254 * 40 * 64 - (1 << 24)  # one wrap
    found = lava.run(network, sample, record=record, stock=True)
    for name in alif_networks.RECORDED:
        np.testing.assert_array_equal(found.layers[0][name], wanted.layers[0][name], err_msg=name)


def test_the_arguments_are_the_same_in_the_standalone_script():
    neuron = Alif(300, 75, [1, 700, 4096], 0, 4096, 2, 5, 3)
    network = Network(Input((2,)), [Layer((3,), Dense(np.ones((3, 2))), neuron)])
    arrays, made = network_arrays(network), plan(network).layers[0].arguments
    assert str(arrays["0.neuron.process"]) == "lava.proc.atrlif.process.ATRLIF"
    for name, value in made.items():
        if name != "shape":
            np.testing.assert_array_equal(arrays[f"0.neuron.argument.{name}"], value, err_msg=name)
    assert made["delta_i"].tolist() == [0, 699 / 4096, 4095 / 4096] and made["delta_theta"] == 1


def test_no_board_is_offered():
    assert PROCESSES.of(Alif(1, 1, 1, 1, 1, 1)).check_chip is None
    network = Network(Input((2,)), [Layer((3,), Dense(np.ones((3, 2))), Alif(1, 1, 1, 1, 1, 1))])
    with pytest.raises(BackendError, match=r"backend loihi2: layer 0 \(dense\) has ALIF neurons; "):
        loihi2.check(network, np.zeros((1, 3, 2), int), {})
