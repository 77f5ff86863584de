"""Blocks with trained biases and thresholds: the integers compute what the blocks do, from the very first step on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from biased_modules import random_network

import myelin
from myelin.convert.compare.constants import constant_differences
from myelin.convert.modules.compare import compare
from myelin.convert.modules.from_torch import from_torch
from myelin.convert.modules.to_torch import to_torch
from myelin.convert.netx.format import read_netx, write_netx
from myelin.hw_configs.errors import NetworkError


@pytest.mark.parametrize("seed", range(12))
def test_integers_equal_the_blocks_in_every_value(seed, tmp_path):
    net, shape, x = random_network(seed)
    network = from_torch(net, shape)
    assert compare(net, network, x).equal
    assert constant_differences(network, from_torch(to_torch(network), shape)) == []
    write_netx(network, tmp_path / "network.net")
    assert constant_differences(network, read_netx(tmp_path / "network.net")) == []


def test_a_bias_alone_makes_the_first_spike_at_index_0():
    net = torch.nn.Sequential(myelin.nn.Dense(2, 3, bias=True), myelin.nn.Readout(3, 2, bias=True))
    with torch.no_grad():
        net[0].neuron.bias.fill_(1.5)
        net[1].neuron.bias.fill_(0.25)
    network = from_torch(net, (2,))
    x = torch.zeros(1, 2, 4)
    out = net(x)
    assert net[0](x)[0, 0].tolist() == [1, 1, 1, 1] and out[0, 0, 0] == 0.25
    assert compare(net, network, x).equal
    assert network.layers[0].neuron.bias_mant.tolist() == 96 and network.layers[0].neuron.bias_exp == 6


def test_biases_keep_their_exponent_and_those_that_fit_none_are_refused():
    block = myelin.nn.Dense(2, 2, bias=True, bias_exp=1)
    with torch.no_grad():
        block.neuron.bias.copy_(torch.tensor([3 / 4096, -2 / 4096]))
    neuron = from_torch(torch.nn.Sequential(block), (2,)).layers[0].neuron
    assert (neuron.bias_mant.tolist(), neuron.bias_exp) == ([2, -1], 1)  # on the grid of 2^1 / 4096, ties to even
    block.quantise(False)
    with torch.no_grad():
        block.synapse.weight.zero_()
        block.neuron.bias.copy_(torch.tensor([1 / 4096, 1.5]))
    with pytest.raises(NetworkError, match=r"its biases lie in 1..6144 units of the states and are no mantissas of 13 bits"):
        from_torch(torch.nn.Sequential(block), (2,))
    with torch.no_grad():
        block.neuron.bias.fill_(200.0)
    with pytest.raises(NetworkError, match=r"its biases lie in 819200..819200 units of the states; up to 524160 is allowed"):
        from_torch(torch.nn.Sequential(block), (2,))


def test_float_biases_are_calibrated():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        myelin.nn.Dense(6, 12, bias=True, quantise=False), myelin.nn.Readout(12, 3, bias=True, quantise=False)
    )
    with torch.no_grad():
        net[0].neuron.bias.uniform_(0.1, 0.3)
        net[1].neuron.bias.uniform_(-0.5, 0.5)
    x = (torch.rand(4, 6, 30) < 0.4).float()
    network = from_torch(net, (6,), calibrate=x)
    assert all(np.any(layer.neuron.bias_mant) for layer in network.layers)
    spikes = compare(net, network, x).layers[0]
    assert spikes.different_values < 0.1 * spikes.values
