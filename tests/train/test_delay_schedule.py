"""The schedule of delays in any loop: its phases, what it leaves alone, resuming, lava-dl's delays, and refusals."""

from __future__ import annotations

import re

import pytest
import torch

from myelin.hw_configs.errors import ConfigError
from myelin.train.config.config import Config, DelayConfig, LayerConfig, TrainConfig
from myelin.train.delay import AxonalDelay
from myelin.train.delay_schedule import DelaySchedule, set_delays_at
from myelin.train.layers import DelayedRecurrent, Dense, Readout
from myelin.train.model import build_model


class Branches(torch.nn.Module):
    """Blocks in a module that is no Sequential, nested."""

    def __init__(self):
        super().__init__()
        self.left = torch.nn.Sequential(torch.nn.Sequential(Dense(4, 3, delay=True, max_delay=30)))
        self.right = torch.nn.ModuleDict({"a": DelayedRecurrent(4, 3, max_delay=12)})
        self.readout = Readout(3, 2)

    def forward(self, x):
        return self.readout(self.left(x) + self.right["a"](x))


def state(delay):
    return round(float(delay.sigma), 3), bool(delay.hard), delay.delay.requires_grad


def test_phases_of_all_delays_of_any_module():
    net = Branches()
    schedule = DelaySchedule(net, epochs=10, spread=4.0, harden_at=0.5, freeze_at=0.8)
    delays = list(schedule.delays())
    assert len(delays) == 2
    phases = []
    for epoch in range(12):
        schedule.step(epoch)
        phases.append(schedule.phase)
        assert len({state(delay) for delay in delays}) == 1
        net((torch.rand(2, 4, 20) < 0.5).float()).sum().backward()
    assert phases == ["spread"] * 5 + ["rounded"] * 3 + ["frozen"] * 4
    schedule.step(0)
    assert state(delays[0]) == (4.0, False, True)
    schedule.step(2.5)
    assert state(delays[0]) == (round(4 * 0.95**50, 3), False, True)
    schedule.step(5)
    assert state(delays[0]) == (0.0, True, True)
    schedule.step(8)
    assert state(delays[0]) == (0.0, True, False)


def test_it_is_the_schedule_of_a_configuration():
    config = Config(layers=(LayerConfig(neurons=4, delay_per="neuron"),), train=TrainConfig(epochs=20), delay=DelayConfig())
    ours, theirs = build_model(config, 2), build_model(config, 2)
    schedule = DelaySchedule(theirs, epochs=20)
    for epoch in range(20):
        ours.schedule_delays(config, epoch / 20)
        schedule.step(epoch)
        assert [state(delay) for delay in ours.delays()] == [state(delay) for delay in theirs.delays()]


def test_the_default_spread_fits_short_delays():
    assert float(next(DelaySchedule(Dense(4, 3, delay=True, max_delay=4), 10).delays()).sigma) == 2.0
    assert float(next(DelaySchedule(Dense(4, 3, delay=True), 10).delays()).sigma) == 10.0


def test_frozen_delays_do_not_move_whatever_the_optimiser_holds():
    net = Dense(4, 3, delay=True, max_delay=9, threshold=0.5)
    schedule = DelaySchedule(net, epochs=4, harden_at=0.25, freeze_at=0.5)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
    moved = []
    for epoch in range(4):
        schedule.step(epoch)
        net.clamp()  # the last step may have left the range
        before = net.delay.delay.detach().clone()
        for _ in range(3):
            optimizer.zero_grad(set_to_none=False)
            (net((torch.rand(2, 4, 20) < 0.5).float()) * torch.arange(20.0)).sum().backward()
            optimizer.step()
        moved.append(not torch.equal(before, net.delay.delay))
    assert moved == [True, True, False, False]


def test_controls_and_what_the_user_froze_stay_as_they_are():
    net = torch.nn.Sequential(
        Dense(4, 3, delay=AxonalDelay(3, max_delay=9, low=1.2, high=8, learn=False)), Dense(3, 3, delay=True, max_delay=9)
    )
    net[1].delay.requires_grad_(False)
    schedule = DelaySchedule(net, epochs=10, harden_at=0.5)
    for epoch in (0, 5, 9, 0):
        schedule.step(epoch)
        for delay in schedule.delays():
            assert state(delay) == (0.0, True, False)


def test_a_resumed_run_goes_on():
    first, second = Branches(), Branches()
    schedule = DelaySchedule(first, epochs=10)
    for _ in range(7):
        schedule.step()
    saved = schedule.state_dict()
    assert saved == {"epoch": 7}
    second.load_state_dict(first.state_dict())
    resumed = DelaySchedule(second, epochs=10)
    resumed.load_state_dict(saved)
    assert [state(d) for d in schedule.delays()] == [state(d) for d in resumed.delays()] and resumed.phase == "rounded"
    resumed.step()
    assert resumed.epoch == 8 and resumed.phase == "frozen"
    assert repr(resumed) == "DelaySchedule(2 sets of delays, epoch 8 of 10, frozen)"


def test_a_new_schedule_lets_frozen_delays_learn_again():
    net = Dense(4, 3, delay=True)
    DelaySchedule(net, epochs=10).step(9)
    assert not net.delay.delay.requires_grad
    DelaySchedule(net, epochs=10)
    assert net.delay.delay.requires_grad and not bool(net.delay.hard)


def test_lava_dls_delays_are_frozen_with_ours(slayer):
    torch.manual_seed(0)
    params = {"threshold": 1.0, "current_decay": 0.4, "voltage_decay": 0.1}
    net = torch.nn.Sequential(
        slayer.block.cuba.Conv(params, 2, 4, 3, padding=1, weight_scale=4, delay=True),
        DelayedRecurrent(4 * 6 * 6, 16, max_delay=8),
        slayer.block.cuba.Dense(params, 16, 3, weight_scale=4),
    )
    schedule = DelaySchedule(net, epochs=10)
    assert "1 sets of delays and 1 of lava-dl" in repr(schedule)
    x = (torch.rand(2, 2, 6, 6, 30) < 0.4).float()
    for epoch, learns in ((0, True), (6, True), (8, False), (2, True)):
        schedule.step(epoch)
        net.zero_grad()
        out = net(x)
        assert out.shape == (2, 3, 30)
        out.sum().backward()
        assert (net[0].delay.delay.grad is not None) == (net[1].recurrence.delay.delay.grad is not None) == learns
    alone = DelaySchedule(slayer.block.cuba.Dense(params, 4, 3, delay=True), epochs=1)
    assert alone.phase == "spread"


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda net: DelaySchedule(Dense(3, 2), 10), "Dense has no delays; give a block delay=True, or leave the schedule out"),
        (lambda net: DelaySchedule(net, 0), "DelaySchedule: epochs is 0; an integer of at least 1 is allowed"),
        (
            lambda net: DelaySchedule(net, 2),
            "epochs is 2 and harden_at 0.6: delays would be spread in every epoch; take more epochs, or harden_at=0.5 or less",
        ),
        (
            lambda net: DelaySchedule(net, 9, harden_at=0.9),
            "DelaySchedule: harden_at and freeze_at is (0.9, 0.8); 0 <= harden_at <= freeze_at <= 1",
        ),
        (lambda net: DelaySchedule(net, 9, spread=-1), "DelaySchedule: spread is -1; 0 or more is allowed"),
        (
            lambda net: DelaySchedule(net, 9, rounding="end"),
            "DelaySchedule: rounding is 'end'; hardening or straight-through is allowed",
        ),
        (lambda net: DelaySchedule([net], 9), "DelaySchedule: module is a list; a torch.nn.Module is allowed"),
        (lambda net: DelaySchedule(net, 9).step("1"), "DelaySchedule: epoch is '1'; 0 or more is allowed"),
        (
            lambda net: DelaySchedule(net, 9).load_state_dict({"step": 1}),
            "DelaySchedule: the state holds step; what state_dict returned is allowed",
        ),
        (lambda net: DelaySchedule(net, 9).step(-1), "DelaySchedule: epoch is -1; 0 or more is allowed"),
    ],
)
def test_what_it_refuses(make, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        make(Branches())


def test_frozen_delays_are_pruned_to_a_share():
    delay = AxonalDelay(5, max_delay=10, low=0.0, high=10.0)
    with torch.no_grad():
        delay.delay.copy_(torch.tensor([4.0, 9.0, 1.0, 7.0, 2.0]))
    plan = DelayConfig(max_delay_steps=10, high=10.0, keep=0.4)
    set_delays_at([delay], plan, 0.7)
    assert delay.rounded_steps().tolist() == [4, 9, 1, 7, 2]  # rounded, not frozen yet
    for _ in range(2):  # a resumed run prunes again
        set_delays_at([delay], plan, 0.8)
        assert delay.rounded_steps().tolist() == [0, 9, 0, 7, 0] and not delay.delay.requires_grad
    fixed = AxonalDelay(5, max_delay=10, low=3.0, high=10.0, learn=False)
    set_delays_at([fixed], plan, 0.9)
    assert fixed.rounded_steps().min() > 0  # a control keeps its delays
    with pytest.raises(ConfigError, match=r"delay.keep is 1.1; a fraction from 0 to 1 is allowed"):
        DelayConfig(keep=1.1)
