"""Random networks: Lava's own models, our models, both engines and the reference agree in every spike, u and v."""

import os

import lava_random_networks
import lava_reference
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from myelin.convert import Conv, Cuba, Input, Layer, Network
from myelin.convert.simulator.simulator import simulate

#: A network costs about a second, most of it Lava starting its processes; with this variable set, they are others each time.
VARIABLE = "MYELIN_LAVA_EXAMPLES"
EXAMPLES = int(os.environ.get(VARIABLE, 12))
seen = {"networks": 0, "spikes": 0, "active": 0}


def compare(network, sample, recording, layers, output, who):
    np.testing.assert_array_equal(recording.output[0], output, err_msg=f"{who}: output")
    for index, names in layers.items():
        for name, expected in names.items():
            np.testing.assert_array_equal(recording.layers[index][name][0], expected, err_msg=f"{who}: layer {index} {name}")


@settings(max_examples=EXAMPLES, deadline=None, derandomize=VARIABLE not in os.environ, suppress_health_check=list(HealthCheck))
@given(lava_random_networks.networks())
def test_random_networks_agree_everywhere(lava, case):
    network, sample = case
    layers, output = lava_reference.run(network, sample)
    record = dict.fromkeys(layers, ("spikes", "u", "v"))
    for engine in ("events", "dense"):
        compare(network, sample, simulate(network, sample[None], record=record, engine=engine), layers, output, engine)
    compare(network, sample, lava.run(network, sample[None], record=record), layers, output, "our models")
    compare(network, sample, lava.run(network, sample[None], record=record, stock=True), layers, output, "Lava's models")
    spikes = sum(int(names["spikes"].sum()) for names in layers.values())
    seen["networks"] += 1
    seen["spikes"] += spikes
    seen["active"] += spikes > 0


def test_a_kernel_too_wide_for_lavas_conv(lava):
    """Lava keeps sizes in 8 bit: a kernel of 130 is unrolled, also without any delay."""
    rng = np.random.default_rng(2)
    layer = Layer((2, 1, 31), Conv(rng.integers(-40, 60, (2, 1, 1, 130))), Cuba(300, 700, 200))
    network = Network(Input((160,)), (layer,))
    spikes = (rng.random((1, 30, 160)) < 0.1).astype(np.uint8)
    expected = simulate(network, spikes).output
    assert expected.sum() > 20
    np.testing.assert_array_equal(lava.run(network, spikes).output, expected)
    np.testing.assert_array_equal(lava.run(network, spikes, stock=True).output, expected)


@pytest.mark.lava
def test_random_networks_were_active():
    """Equality of silent networks would show little."""
    assert seen["networks"] >= EXAMPLES
    assert seen["active"] > 0.8 * seen["networks"]
    print(seen)
