"""A network as blocks: the same integers back, the same outputs, and a grid that training keeps."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from random_modules import random_module, within_range

from myelin.convert.compare.constants import constant_differences
from myelin.convert.floats.network import dequantised
from myelin.convert.layers import ComplexDense, Conv, DelayedRecurrent, Dense
from myelin.convert.modules.compare import compare
from myelin.convert.modules.from_torch import from_torch
from myelin.convert.modules.to_torch import to_torch
from myelin.convert.network import Input, Layer, Network
from myelin.convert.neurons import Cuba, Rf
from myelin.convert.quantise.calibrate import quantise
from myelin.convert.quantise.layer import Grid
from myelin.hw_configs.errors import NetworkError


def spikes(*shape, batch=3, steps=40):
    return (np.random.default_rng(0).random((batch, steps, *shape)) < 0.3).astype(np.uint8)


def cuba(threshold=64, current=2048, voltage=1024, **options):
    return Cuba(threshold, np.array(current, np.int32), np.array(voltage, np.int32), **options)


def layer(weight, neuron=None, **options):
    return Layer((np.shape(weight)[0],), Dense(weight), neuron or cuba(), **options)


def effective(layer):
    """Weights with their exponent."""
    return layer.synapse.weight << layer.synapse.weight_exp


@pytest.mark.parametrize("seed", range(200, 215))
def test_a_network_comes_back_in_every_integer(seed):
    module, shape, x = random_module(None, seed)
    network = from_torch(module, shape)
    made = to_torch(network)
    again = from_torch(made, shape)
    assert constant_differences(network, again) == []
    if within_range(network, x):
        assert compare(made, network, x, time_axis=1).equal
    copied = copy.deepcopy(made)
    assert constant_differences(network, from_torch(copied, shape)) == []


def test_a_calibrated_network_keeps_its_four_bits_through_training():
    torch.manual_seed(0)
    module, shape, _ = random_module(None, 203)
    x = spikes(*shape)
    network = quantise(dequantised(from_torch(module, shape)), x, Grid(weight_bits=4)).network
    made = to_torch(network)
    assert compare(made, network, x, time_axis=1).equal
    again = from_torch(made, shape)
    for one, two in zip(network.layers, again.layers, strict=True):
        np.testing.assert_array_equal(effective(one), effective(two))
        np.testing.assert_array_equal(one.neuron.threshold, two.neuron.threshold)
    optimiser = torch.optim.Adam(made.parameters(), 1.0)
    for _ in range(5):
        out = made(torch.tensor(np.moveaxis(x, 1, -1), dtype=torch.float32))
        (out - 1).square().mean().backward()
        optimiser.step()
        optimiser.zero_grad()
    trained = from_torch(made, shape)
    assert any(not np.array_equal(effective(a), effective(b)) for a, b in zip(network.layers, trained.layers, strict=True))
    for one in trained.layers:
        assert len(np.unique(one.synapse.weight)) <= 16
    assert compare(made, trained, x, time_axis=1).equal


def test_odd_weights_and_more_bits():
    weight = np.array([[1, -127, 3], [64, 0, 5]])
    network = Network(Input((3,)), (layer(weight),))
    made = to_torch(network)
    np.testing.assert_array_equal(from_torch(made, 3).layers[0].synapse.weight, weight)
    coarse = Network(Input((3,)), (layer([[0, -128, 0], [96, 0, 0]]),))
    assert made[0].neuron.weight_bits == 8 and to_torch(coarse)[0].neuron.weight_bits == 3
    assert to_torch(coarse, weight_bits=5)[0].neuron.weight_bits == 5
    with pytest.raises(NetworkError, match=r"weight_bits is 2; 3 \(as the weights need\) to 8 is allowed"):
        to_torch(coarse, weight_bits=2)
    with pytest.raises(NetworkError, match=r"weight_bits is 9; 8 \(as the weights need\) to 8 is allowed"):
        to_torch(network, weight_bits=9)


def test_a_readout_of_lava_dl_never_spikes():
    network = Network(Input((2,)), (layer([[2, 4]], cuba((1 << 18) - 1), output="state"),))
    made = to_torch(network)
    assert not made[0].neuron.spiking and compare(made, network, spikes(2)).equal


WEIGHT = [[2, 4], [6, 8]]
WIDE = DelayedRecurrent(Conv(np.ones((1, 1, 1, 3)) * 2, padding=(0, 2), dilation=(1, 2)))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            Network(Input((2,)), (Layer((1, 1, 2), Dense(WEIGHT), cuba(current=[[[1, 2]]])),)),
            r"its decays differ within a channel of \(1, 1, 2\); blocks have one for all, or one per channel",
        ),
        (Network(Input((2,), neuron=cuba()), (layer(WEIGHT),)), "the network's input drives neurons of its own"),
        (Network(Input((2,)), (layer(WEIGHT),), average_groups=1), "ends in an average over 1 groups, which blocks lack"),
        (Network(Input((2,)), (layer(WEIGHT, cuba(bias_mant=-4096)),)), "its bias mantissas lie in -4096..-4096; -4095..4095"),
        (Network(Input((2,)), (layer(WEIGHT, cuba(0)),)), r"its threshold is 0; a mantissa of 1\.\.131071 can be trained"),
        (Network(Input((2,)), (layer(WEIGHT, cuba(50), output="state"),)), "its readout resets above its threshold of 50"),
        (
            Network(Input((2,)), (Layer((2,), ComplexDense([WEIGHT, WEIGHT]), Rf(50, 4, 3)),)),
            "it has a complex dense connection; blocks have dense ones and convolutions",
        ),
        (
            Network(Input((2,)), (Layer((2,), Dense(WEIGHT, delay_steps=[[0, 1], [2, 3]]), cuba()),)),
            "it has a delay on every synapse; blocks have axonal delays, one per neuron",
        ),
        (Network(Input((2,)), (Layer((2,), Dense([[1, 2], [3, 4]], -1), cuba()),)), "its weight_exp of -1 makes fractions"),
        (Network(Input((2,)), (Layer((2,), Dense([[-255, -2], [-3, -4]]), cuba()),)), r"lie in -255\.\.-2; a trained block"),
        (
            Network(Input((2,)), (layer(WEIGHT, recurrent=WIDE),)),
            r"its recurrent convolution has a kernel of \(1, 3\), stride \(1, 1\), padding \(0, 2\), dilation \(1, 2\) "
            "and 1 groups",
        ),
    ],
)  # fmt: skip
def test_what_blocks_lack_is_named(network, message):
    with pytest.raises(NetworkError, match=message):
        to_torch(network)
