"""Networks of lava-dl's own SLAYER blocks, evaluated by SLAYER, give the spikes that Lava gives from their integers."""

import itertools

import numpy as np
import pytest

from convert import Conv, Cuba, DelayedRecurrent, Dense, Input, Layer, Network
from convert.simulator import simulate
from lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402

BATCH, STEPS = 2, 60


@pytest.fixture
def rng():
    torch.manual_seed(5)
    return np.random.default_rng(5)


def neuron_params(rng):
    return {
        "threshold": float(rng.uniform(0.3, 1.2)),
        "current_decay": float(rng.uniform(0.1, 0.9)),
        "voltage_decay": float(rng.uniform(0.02, 0.3)),
    }


def cuba(block):
    device = block.neuron.device_params
    return Cuba(int(device["vThMant"]), int(device["iDecay"]), int(device["vDecay"]))


def integers(synapse):
    weight = synapse.pre_hook_fx(synapse.weight, descale=True)
    return np.round(weight.detach().numpy()).astype(int)[..., 0]


def set_delays(block, rng, longest):
    """Fractional delays, which SLAYER floors."""
    block.delay.delay.data = torch.tensor(rng.uniform(0, longest, tuple(block.delay.delay.shape)), dtype=torch.float32)
    return np.floor(block.delay.delay.detach().numpy()).astype(int)


def compare(lava, blocks, network, spikes):
    """``spikes`` (batch, steps, *shape); SLAYER's tensors have the steps last."""
    with torch.no_grad():
        x = torch.tensor(np.moveaxis(spikes, 1, -1), dtype=torch.float32)
        for block in blocks:
            x = block(x)
    expected = np.moveaxis(x.numpy(), -1, 1)
    assert 0.01 < expected.mean() < 0.9
    np.testing.assert_array_equal(simulate(network, spikes).output, expected)
    np.testing.assert_array_equal(lava.run(network, spikes).output, expected)
    np.testing.assert_array_equal(lava.run(network, spikes[:1], stock=True).output, expected[:1])


def test_dense_with_axonal_delays(lava, rng):
    sizes = (10, 16, 12, 8)
    blocks, layers = [], []
    for ins, outs in itertools.pairwise(sizes):
        block = slayer.block.cuba.Dense(neuron_params(rng), ins, outs, weight_scale=3, delay=True)
        block(torch.zeros(1, ins, 3))  # fixes the shape of the delays
        steps = set_delays(block, rng, 20).reshape(-1)
        blocks.append(block)
        layers.append(Layer((outs,), Dense(integers(block.synapse).reshape(outs, ins)), cuba(block), delay_steps=steps))
    spikes = (rng.random((BATCH, STEPS, 10)) < 0.3).astype(np.uint8)
    compare(lava, blocks, Network(Input((10,)), tuple(layers)), spikes)


def test_convolutions_with_delays_of_each_channel(lava, rng):
    first = slayer.block.cuba.Conv(neuron_params(rng), 2, 4, (3, 2), stride=(1, 2), padding=(1, 0), weight_scale=4, delay=True)
    second = slayer.block.cuba.Conv(neuron_params(rng), 4, 3, (2, 2), groups=1, weight_scale=4)
    last = slayer.block.cuba.Dense(neuron_params(rng), 3 * 4 * 2, 6, weight_scale=3)
    first(torch.zeros(1, 2, 5, 6, 3))
    steps = set_delays(first, rng, 12)
    layers = (
        Layer(
            (4, 5, 3),
            Conv(integers(first.synapse), stride=(1, 2), padding=(1, 0)),
            cuba(first),
            delay_steps=steps.reshape(4, 1, 1) if steps.size == 4 else steps.reshape(4, 5, 3),
        ),
        Layer((3, 4, 2), Conv(integers(second.synapse)), cuba(second)),
        Layer((6,), Dense(integers(last.synapse).reshape(6, 24)), cuba(last)),
    )
    spikes = (rng.random((BATCH, STEPS, 2, 5, 6)) < 0.3).astype(np.uint8)
    blocks = [first, second, slayer.block.cuba.Flatten(), last]
    compare(lava, blocks, Network(Input((2, 5, 6)), layers), spikes)


def test_recurrence(lava, rng):
    block = slayer.block.cuba.Recurrent(neuron_params(rng), 10, 12, weight_scale=3)
    block(torch.zeros(BATCH, 10, 3))
    layer = Layer(
        (12,),
        Dense(integers(block.input_synapse).reshape(12, 10)),
        cuba(block),
        recurrent=DelayedRecurrent(Dense(integers(block.recurrent_synapse).reshape(12, 12))),
    )
    spikes = (rng.random((BATCH, STEPS, 10)) < 0.3).astype(np.uint8)
    compare(lava, [block], Network(Input((10,)), (layer,)), spikes)
