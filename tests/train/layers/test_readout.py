"""Average pooling before the readout: one weight for the positions of a channel, equal to a dense readout that repeats it."""

from __future__ import annotations

import pytest
import torch

from myelin.train.layers import Readout
from myelin.train.layers.readout import PooledSynapse

NEURON = {"current_decay": 1.0, "voltage_decay": 0.1, "spiking": False}


def test_by_hand():
    synapse = PooledSynapse(2, 3, 2)
    with torch.no_grad():
        synapse.weight.copy_(torch.tensor([[1.0, -0.5], [0.25, 2.0]]))
    spikes = torch.tensor([1.0, 0, 1, 0, 0, 3]).reshape(1, 2, 1, 3, 1)  # 2 in channel 0, 3 in channel 1
    assert synapse(spikes).flatten().tolist() == [2 - 1.5, 0.5 + 6]


def test_equal_to_a_dense_readout_with_repeated_weights():
    torch.manual_seed(0)
    pooled, dense = Readout(24, 5, neuron=NEURON, positions=8), Readout(24, 5, neuron=NEURON)
    with torch.no_grad():
        dense.synapse.weight.copy_(pooled.synapse.weight.repeat_interleave(8, dim=1))
    x = torch.poisson(torch.full((2, 3, 2, 4, 20), 0.3))
    out, expected = pooled(x), dense(x)
    assert pooled.synapse.weight.shape == (5, 3)
    assert torch.equal(out, expected) and out.unique().numel() > 10
    slope = torch.randn_like(out)
    out.backward(slope), expected.backward(slope)
    summed = dense.synapse.weight.grad.unflatten(1, (3, 8)).sum(dim=2)
    torch.testing.assert_close(pooled.synapse.weight.grad, summed)


@pytest.mark.parametrize("positions", [4, 64])
def test_weights_start_by_the_fan_in(positions):
    """Independent inputs of variance 1 drive the neurons with a variance of gain squared, however many positions there are."""
    torch.manual_seed(0)
    synapse = PooledSynapse(16, positions, 200, gain=3.0)
    drive = synapse.steps(torch.randn(1, 300, 16 * positions))
    assert float(drive.detach().std()) == pytest.approx(3.0, rel=0.05)
