"""ALIF blocks, ours and SLAYER's, as integers: every value equals the module's own evaluation; networks become blocks again."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import myelin
from myelin.convert import simulate
from myelin.convert.modules.to_torch import to_torch
from myelin.hw_configs.errors import NetworkError
from myelin.train.neurons import Alif

nn = myelin.nn
CONSTANTS = {"threshold": 1.25, "threshold_step": 0.75, "threshold_decay": 0.05, "refractory_decay": 0.3}


def population(shape, **more):
    return Alif(shape, **CONSTANTS, **more)


def network(seed):
    """Delays, both recurrences, a convolution, biases, a norm, decays of each neuron, and a readout of voltages."""
    torch.manual_seed(seed)
    each = {"per_neuron": True, "spread": 0.5}
    if seed % 2:
        blocks = [
            nn.Conv(2, 3, 3, input_shape=(2, 5, 5), neuron=population((3, 3, 3), bias="channel", **each), delay=True),
            nn.Dense(27, 16, neuron=population((16,), **each), norm="batch"),
        ]
    else:
        kind = ("dense", "conv")[seed // 2 % 2]
        own = population((20,), bias=True, **each)
        blocks = [
            nn.Dense(50, 24, neuron=population((24,)), delay=True),
            nn.DelayedRecurrent(24, 20, recurrent=kind, neuron=own, max_delay=10, delay=True),
        ]
    module = torch.nn.Sequential(*blocks, nn.Readout(blocks[-1].neuron.neurons, 4))
    for block in module:
        block.synapse.weight.data.mul_(2)
        if block.neuron.bias is not None:
            block.neuron.bias.data.normal_(0, 0.03)
    for part in module.modules():
        if isinstance(part, nn.AxonalDelay):
            part.set(hard=True)
    return module


@pytest.mark.training
@pytest.mark.parametrize("seed", range(4))
def test_our_blocks_become_integers_and_back(seed):
    module = network(seed)
    shape = (2, 5, 5) if seed % 2 else (50,)
    x = (np.random.default_rng(seed).random((2, *shape, 41)) < 0.3).astype(np.float32)
    module(torch.from_numpy(x))  # statistics of the norm
    module.eval()
    integers = myelin.from_torch(module, input_shape=shape)
    assert myelin.compare(module, integers, x).equal
    frames = np.moveaxis(x, -1, 1).astype(np.uint8)
    found = simulate(integers, frames, record={1: ("spikes",)})
    assert found.layers[1]["spikes"].any()
    if not seed % 2:  # blocks have one decay for all, or one per channel
        again = myelin.from_torch(to_torch(integers), input_shape=shape)
        np.testing.assert_array_equal(simulate(again, frames).output, found.output)


@pytest.mark.training
@pytest.mark.lava
def test_slayer_blocks_are_exact():
    block, own = myelin.slayer.block.alif, {**CONSTANTS, "current_decay": 0.3, "voltage_decay": 0.1, "threshold": 0.5}
    more = {"weight_scale": 6, "delay_shift": True}
    torch.manual_seed(0)
    modules = {
        (20,): [block.Dense(dict(own), 20, 24, delay=True, **more), block.Recurrent(dict(own), 24, 16, **more)],
        (2, 6, 6): [
            block.Pool(dict(own), 2, weight_scale=4, delay_shift=True),
            block.Conv(dict(own), 2, 3, 3, **more),
            block.Flatten(),
            block.Dense(dict(own), 3, 10, **more),
        ],
    }
    for shape, blocks in modules.items():
        module = torch.nn.Sequential(*blocks).eval()
        for layer in blocks:
            if hasattr(layer, "synapse"):  # excitatory, so that the last layer spikes too
                layer.synapse.weight.data.abs_()
        x = (np.random.default_rng(1).random((2, *shape, 60)) < 0.3).astype(np.float32)
        integers = myelin.from_torch(module, input_shape=shape)
        assert myelin.compare(module, integers, x).equal
        assert simulate(integers, np.moveaxis(x, -1, 1).astype(np.uint8)).output.any()


@pytest.mark.training
@pytest.mark.lava
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"refractory_decay": 1.2}, r"its refractory_decay lies in 4915\.2\.\.4915\.2; 0\.\.4096 is allowed"),
        ({"graded_spike": True}, "its neuron has graded_spike=True, and sends its voltage as the spike"),
        ({"threshold_step": -0.5}, r"threshold_step lies in -0\.5\.\.-0\.5, allowed is 0\.\."),
    ],
)
def test_slayer_neurons_beyond_the_chip_are_refused(change, told):
    own = {"current_decay": 0.3, "voltage_decay": 0.1, **CONSTANTS, **change}
    module = torch.nn.Sequential(myelin.slayer.block.alif.Dense(own, 6, 5)).eval()
    with pytest.raises(NetworkError, match=told):
        myelin.from_torch(module, input_shape=(6,))
