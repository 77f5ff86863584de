"""The convolutional block against lava-dl's, with a delay for each channel."""

from __future__ import annotations

import pytest
import torch

from myelin.hw_configs.errors import ConfigError
from myelin.train.delay import AxonalDelay
from myelin.train.layers import Conv


@pytest.mark.parametrize(("height", "kernel"), [(1, (1, 5)), (4, (3, 3))])
def test_conv_block_equals_slayers(slayer, height, kernel):
    torch.manual_seed(0)
    params = {"threshold": 1.25, "current_decay": 0.3, "voltage_decay": 0.05}
    padding = (kernel[0] // 2, kernel[1] // 2)
    theirs = slayer.block.cuba.Conv(params, 2, 3, kernel, stride=(1, 2), padding=padding, weight_scale=2, delay=True)
    own = Conv(2, 3, kernel, input_shape=(2, height, 9), neuron=params, stride=(1, 2), padding=padding, delay=True)
    x = torch.poisson(torch.full((3, 2, height, 9, 40), 0.6))
    theirs(x)  # draws the delays at the first call
    delays = torch.tensor([0.0, 3, 11])
    theirs.delay.delay.data = delays.clone()
    with torch.no_grad():
        own.delay.delay.copy_(delays)
        own.delay.hard.fill_(True)
        own.synapse.weight.copy_(theirs.synapse.weight.squeeze(-1))
    assert own.shape == (3, height, 5)
    assert 0.02 < own(x).mean() < 0.8
    assert torch.equal(own(x), theirs(x))


def test_gradients_reach_weights_and_channel_delays():
    torch.manual_seed(0)
    delay = AxonalDelay(2, max_delay=9, low=1, high=8)
    block = Conv(1, 2, 3, input_shape=(8,), current_decay=0.5, padding=1, gain=3.0, delay=delay)
    block(torch.poisson(torch.full((2, 1, 1, 8, 30), 0.8))).square().sum().backward()
    assert block.synapse.weight.grad.abs().sum() > 0
    assert delay.delay.grad.shape == (2,) and delay.delay.grad.abs().sum() > 0


def test_a_kernel_larger_than_the_input_is_refused():
    with pytest.raises(ConfigError, match="does not fit"):
        Conv(1, 2, 7, input_shape=(4,))
