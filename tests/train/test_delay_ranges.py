"""Delays and decays stay in their ranges in a loop that never calls ``clamp``, and none is stuck at a whole number."""

from __future__ import annotations

import pytest
import torch

from myelin.train.delay import AxonalDelay
from myelin.train.layers import DelayedRecurrent, Dense


def impulse(steps, neurons):
    spikes = torch.zeros(steps, 1, neurons)
    spikes[0] = 1
    return spikes


@pytest.mark.parametrize("start", [0.0, 5.0, 20.0, 5.01])
@pytest.mark.parametrize("hard", [False, True])
def test_no_delay_is_stuck(start, hard):
    """Each delay learns the arrival that a loss asks for, from a kink as from beside it."""
    delay = AxonalDelay(4, max_delay=20, low=start, high=start)
    delay.set(hard=hard)
    optimizer = torch.optim.Adam(delay.parameters(), lr=0.3)
    wanted = torch.arange(40.0)[:, None, None] - 12.0  # a spike at step 12 costs least
    for _ in range(60):
        optimizer.zero_grad()
        (delay(impulse(40, 4)) * wanted.square()).sum().backward()
        optimizer.step()
    assert delay.delay.detach().sub(11).abs().max() < 1.5, delay.delay


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("slope", [1.0, -1.0])
def test_delays_stay_in_range_without_clamp(hard, slope):
    torch.manual_seed(0)
    block = Dense(6, 4, delay=True, max_delay=7, threshold=0.5, current_decay=1.0, voltage_decay=1.0)
    with torch.no_grad():
        block.synapse.weight.abs_()  # all neurons spike
    block.delay.set(hard=hard)
    optimizer = torch.optim.Adam([block.delay.delay], lr=0.3)
    x = (torch.rand(2, 6, 40) < 0.5).float()
    x[..., 15:] = 0  # all spikes arrive before the end, whatever their delay
    late = slope * torch.arange(40.0)
    for _ in range(40):
        optimizer.zero_grad()
        out = block(x)
        (out * late).sum().backward()
        assert block.delay.delay.min() >= 0 and block.delay.delay.max() <= 7 and out.sum() > 0
        optimizer.step()
    edge = 0 if slope > 0 else 7
    assert block.delay.rounded_steps().tolist() == [edge] * 4  # whatever the last step has done to the parameter
    with torch.no_grad():
        block(x)
    assert block.delay.delay.tolist() == [edge] * 4


@pytest.mark.parametrize("hard", [False, True])
def test_training_without_clamp_is_training_with_it(hard):
    found = []
    for clamps in (True, False):
        torch.manual_seed(0)
        block = DelayedRecurrent(6, 8, delay=True, max_delay=3, learn_decays=True, current_decay_max=2100)
        for delay in (block.delay, block.recurrence.delay):
            delay.set(hard=hard)
        rates = [{"params": [p for n, p in block.named_parameters() if n.endswith("delay.delay")], "lr": 0.7}]
        rates += [{"params": [p for n, p in block.named_parameters() if n.endswith("_decay")], "lr": 60.0}]
        optimizer = torch.optim.Adam(rates)
        x = (torch.rand(3, 6, 30) < 0.5).float()
        outputs = []
        for _ in range(25):
            optimizer.zero_grad()
            outputs.append(block(x))
            (outputs[-1] * torch.arange(30.0)).sum().backward()
            optimizer.step()
            if clamps:
                block.clamp()
        found.append(torch.stack(outputs).detach())
    with torch.no_grad():
        block(x)
    assert block.neuron.current_decay.item() <= 2100.0 and block.delay.delay.max() <= 3  # after the last step too
    assert torch.equal(*found) and not torch.equal(found[0][0], found[0][-1])


def test_a_loss_may_hold_the_parameter_before_the_forward_pass():
    """The forward pass brings delays back into their range in place; torch must not see that as a change of what it holds."""
    block = Dense(6, 4, delay=True, max_delay=7)
    with torch.no_grad():
        block.delay.delay.copy_(torch.tensor([-1.0, 3.0, 9.0, 7.0]))
    penalty = block.delay.delay.square().sum()
    (block((torch.rand(2, 6, 20) < 0.5).float()).sum() + penalty).backward()
    assert block.delay.delay.tolist() == [0.0, 3.0, 7.0, 7.0] and torch.isfinite(block.delay.delay.grad).all()
