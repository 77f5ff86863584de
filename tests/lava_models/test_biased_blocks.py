"""Blocks with trained biases, norms and thresholds: Lava's own models and ours compute what they evaluate, in every value."""

from __future__ import annotations

import lava_reference
import numpy as np
import pytest
from biased_modules import random_network

from myelin.convert.modules.compare import compare
from myelin.convert.modules.from_torch import from_torch

pytestmark = pytest.mark.lava


@pytest.mark.parametrize("seed", [8])
def test_lava_equals_the_evaluation(lava, seed):
    net, shape, x = random_network(seed)
    network = from_torch(net, shape)
    assert compare(net, network, x).equal and any(layer.neuron.has_bias for layer in network.layers)
    frames = np.moveaxis(x.numpy(), -1, 1).astype(np.int32)
    layers, output = lava_reference.run(network, frames[0])
    record = dict.fromkeys(layers, ("spikes", "u", "v"))
    for stock in (True, False):
        found = lava.run(network, frames[:1] if stock else frames[:2], record=record, stock=stock)
        np.testing.assert_array_equal(found.output[0], output)
        for index, names in layers.items():
            for name, values in names.items():
                np.testing.assert_array_equal(found.layers[index][name][0], values, err_msg=f"layer {index} {name}")
    last = net(x)[1].movedim(-1, 0).detach().numpy() * (4096 if network.layers[-1].output == "state" else 1)
    np.testing.assert_array_equal(found.output[1], last.reshape(found.output[1].shape))  # a second sample starts from rest
