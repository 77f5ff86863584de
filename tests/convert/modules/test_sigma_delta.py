"""Sigma-delta blocks as networks and back: every value of every layer, in each engine and step by step."""

from __future__ import annotations

import numpy as np
import pytest
import sigma_delta_blocks
import torch

import myelin
from myelin import nn
from myelin.convert import Delta, Dense, Input, Layer, Network, Sigma, SigmaDelta, simulate
from myelin.convert.compare.constants import constant_differences
from myelin.hw_configs.errors import NetworkError

#: 200 of them differ in none of 6,852,192 values, of which 209,877 are messages.
SEEDS = range(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_blocks_equal_their_integers_in_every_engine(seed):
    module, shape, x = sigma_delta_blocks.random_module(seed)
    network = myelin.from_torch(module, shape)
    found = myelin.compare(module, network, x)
    assert found.equal, str(found)
    frames = np.rint(np.moveaxis(x.numpy(), -1, 1) * 64).astype(int)
    runs = [simulate(network, frames, engine=engine).output for engine in ("auto", "events", "dense")]
    np.testing.assert_array_equal(runs[0], runs[1])
    np.testing.assert_array_equal(runs[0], runs[2])
    stepper = myelin.Simulator(network)
    np.testing.assert_array_equal(np.stack([stepper.step(frame) for frame in frames[0]]).reshape(runs[0][0].shape), runs[0][0])
    assert any(runs[0].flat)
    back = myelin.to_torch(network)
    assert not constant_differences(myelin.from_torch(back, shape), network)
    assert myelin.compare(back, network, x).equal


def sums(**options):
    return Layer((2,), Dense([[2, 4], [6, 8]]), SigmaDelta(1, **options))


@pytest.mark.parametrize(
    ("network", "text"),
    [
        (
            Network(Input((2,), 4, Delta(1, 5, 6)), (sums(),)),
            r"its delta encoders have spike_exp and state_exp \(5, 6\); blocks have \(6, 6\), as SLAYER",
        ),
        (
            Network(Input((2,), 4, Delta(1)), (sums(state_exp=3),)),
            r"layer 0 \(dense\): its sigma-delta neurons have spike_exp and state_exp \(6, 3\)",
        ),
    ],
)
def test_what_blocks_lack_is_refused(network, text):
    with pytest.raises(NetworkError, match=text):
        myelin.to_torch(network)


def test_what_cannot_be_read_is_refused():
    block = nn.Dense(2, 3, neuron=nn.SigmaDelta(3))
    with pytest.raises(
        NetworkError, match=r"module\.2 \(myelin\.nn\.Delta\): it stands behind other blocks; delta encoders must"
    ):
        myelin.from_torch(torch.nn.Sequential(nn.Delta(2), block, nn.Delta(2)), 2)
    with pytest.raises(
        NetworkError, match=r"it encodes an input of shape \(3,\), input_shape is \(2,\); give input_shape=\(3,\)"
    ):
        myelin.from_torch(torch.nn.Sequential(nn.Delta(3), nn.Dense(3, 3, neuron=nn.SigmaDelta(3))), 2)
    floats = torch.nn.Sequential(nn.Delta(2), nn.Dense(2, 3, neuron=nn.SigmaDelta(3), quantise=False))
    with pytest.raises(NetworkError, match="weights are no multiples of 1/64"):
        myelin.from_torch(floats, 2)
    with pytest.raises(NetworkError, match="calibration takes spikes at the input, and the module begins with neurons there"):
        myelin.from_torch(floats, 2, calibrate=torch.rand(2, 2, 9))
    with pytest.raises(
        NetworkError, match=r"its neurons sum graded messages, of which 4096 are 1, and spikes reach them; begin"
    ):
        myelin.from_torch(torch.nn.Sequential(block), 2)
    with pytest.raises(NetworkError, match="its neurons take spikes, and graded messages reach them, of which 4096 are 1"):
        myelin.from_torch(torch.nn.Sequential(nn.Delta(2), block, nn.Readout(3, 2)), 2)
    soft = torch.nn.Sequential(nn.Delta(2), nn.Dense(2, 3, neuron=nn.SigmaDelta(3), delay=True))
    with pytest.raises(NetworkError, match="its delay is still not rounded"):
        myelin.from_torch(soft, 2)


def test_the_unit_of_a_readout_is_that_of_weights_and_messages():
    encoders = Input((2,), 4, Delta(1))
    assert Network(encoders, (Layer((2,), Dense([[2, 4], [6, 8]]), Sigma(), output="state"),)).output_scale == 1 << 18
    assert Network(Input((2,)), (Layer((2,), Dense([[2, 4], [6, 8]]), Sigma(), output="state"),)).output_scale == 64
    assert Network(encoders, (sums(spike_exp=3),)).output_scale == 64 << 3
