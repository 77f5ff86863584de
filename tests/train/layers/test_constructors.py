"""Blocks from sizes: the 20 lines of the front page, the same network however its neurons are given, and refusals by name."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

import myelin
from myelin.hw_configs.errors import ConfigError
from myelin.hw_configs.target_files import load_target
from myelin.train.delay import AxonalDelay
from myelin.train.layers import Block, Conv, DelayedRecurrent, Dense, DenseSynapse, Flatten, Pool, Readout, Recurrence
from myelin.train.neurons import Cuba

LOIHI2 = load_target("loihi2").delay_steps_max


def front_page():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        myelin.nn.Conv(2, 8, 5, input_shape=(2, 34, 34), stride=4, delay=True),
        myelin.nn.DelayedRecurrent(8 * 8 * 8, 64, recurrent="conv", max_delay=20),
        myelin.nn.Readout(64, 4),
    )


@pytest.mark.parametrize("density", [0.005, 0.03, 0.3])
def test_a_fresh_network_spikes_and_every_parameter_gets_a_gradient(density):
    net = front_page()
    myelin.nn.DelaySchedule(net, epochs=20)
    out = net((torch.rand(4, 2, 34, 34, 50) < density).float())
    assert out.shape == (4, 4, 50)
    for block in net[:2]:
        assert 0.001 < float(block.spike_rate.detach()) < 0.4
    out.square().mean().backward()
    for name, parameter in net.named_parameters():
        assert not parameter.requires_grad or parameter.grad.abs().sum() > 0, name


def test_delays_and_their_limits():
    net = front_page()
    assert net[0].delay.delay.shape == (8,) and net[0].delay.max_delay == LOIHI2  # one for each channel, as in lava-dl
    assert net[1].recurrence.delay.delay.shape == (64,) and net[1].recurrence.delay.max_delay == 20 and net[1].delay is None
    assert net[1].recurrence.delay.delay.min() >= 0 and 8 < net[1].recurrence.delay.delay.max() <= 10
    both = DelayedRecurrent(3, 8, delay=True, max_delay=5)
    assert both.delay.max_delay == both.recurrence.delay.max_delay == 5 and both.delay.delay.shape == (8,)
    fixed = DelayedRecurrent(3, 8, recurrent_delay=False)
    assert not fixed.recurrence.delay.learn and fixed.recurrence.delay.delay.tolist() == [0.0] * 8


def test_neurons_are_given_in_three_ways():
    x = (torch.rand(2, 6, 30) < 0.4).float()
    outputs = []
    for given in ({"threshold": 1.25, "current_decay": 0.3}, {"neuron": {"threshold": 1.25, "current_decay": 0.3}},
                  {"neuron": Cuba((8,), threshold=1.25, current_decay=0.3)}):  # fmt: skip
        torch.manual_seed(0)
        outputs.append(Dense(6, 8, **given)(x))
    assert torch.equal(outputs[0], outputs[1]) and torch.equal(outputs[0], outputs[2]) and outputs[0].sum() > 0


def test_weights_start_in_units_of_the_threshold():
    for make in (lambda **more: Dense(6, 8, **more), lambda **more: Conv(1, 2, 3, input_shape=(9,), **more)):
        drawn = []
        for threshold in (1.0, 8.0):
            torch.manual_seed(0)
            drawn.append(make(threshold=threshold).synapse.weight.detach())
        assert torch.equal(drawn[1], 8 * drawn[0])


def test_shapes_of_populations():
    assert Dense((2, 3, 4), (4, 1, 5)).shape == (4, 1, 5)
    assert DelayedRecurrent(6, 12, channels=3, recurrent="conv").shape == (3, 1, 4)
    assert DelayedRecurrent(6, (3, 2, 2), recurrent="conv").recurrence.weight.shape == (3, 3, 3, 3)
    assert Conv(1, 4, 5, input_shape=(20,), padding=2, stride=2).shape == (4, 1, 10)
    assert Conv(4, 4, (3, 2), input_shape=(4, 9, 9), dilation=(2, 1), groups=2, padding=(1, 0)).shape == (4, 7, 8)
    assert Readout((2, 3, 4), 5).synapse.weight.shape == (5, 24) and not Readout(4, 5).neuron.spiking
    assert Readout(4, 5, spiking=True).neuron.spiking and Readout(24, 5, positions=12).synapse.weight.shape == (5, 2)


def test_a_convolution_with_a_recurrence():
    shape = (3, 4, 4)
    block = Conv(2, 3, 3, input_shape=(2, 4, 4), padding=1, recurrence=Recurrence.over(shape, "conv", max_delay=4))
    assert block((torch.rand(2, 2, 4, 4, 9) < 0.5).float()).shape == (2, 3, 4, 4, 9)
    assert list(block.state_dict()) == [
        "synapse.weight", "neuron.current_decay", "neuron.voltage_decay",
        "recurrence.weight", "recurrence.delay.delay", "recurrence.delay.sigma", "recurrence.delay.hard",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Dense(0, 4), "Dense: inputs is 0; an integer of at least 1 is allowed"),
        (lambda: Dense(4, 2.0), "Dense: neurons is 2.0; an integer of at least 1 is allowed"),
        (lambda: Dense(4, (2, 3)), "Dense: neurons is (2, 3); a number, (neurons,) or (channels, height, width) is allowed"),
        (lambda: Dense(4, 2, threshhold=1.0), "Dense has no argument 'threshhold'; did you mean threshold?"),
        (
            lambda: Dense(4, 2, graded_spike=True),
            "Dense: graded_spike is True; Lava's LIF sends spikes of 0 or 1: leave it out",
        ),
        (
            lambda: Dense(4, 2, refractory=2),
            "Dense has no argument 'refractory'; a neuron's constants are threshold, current_decay",
        ),
        (lambda: Dense(4, 2, neuron=Cuba((3,))), "Dense: neuron has shape (3,); a population of (2,) is needed"),
        (
            lambda: Dense(4, 2, neuron=Cuba((2,)), threshold=2.0),
            "Dense: got neuron= and threshold; set the constants of the neuron",
        ),
        (
            lambda: Dense(4, 2, neuron=torch.nn.ReLU()),
            "Dense: neuron is a torch.nn.modules.activation.ReLU; myelin.nn.Cuba, or",
        ),
        (
            lambda: Dense(4, 8, delay=AxonalDelay(5, max_delay=9)),
            "Dense: delay has delays of shape (5,), the population (8,) has 8 neurons; 8 (one per neuron) or 1 is",
        ),
        (lambda: Dense(4, 8, delay=3), "Dense: delay is 3; True, False or a myelin.nn.AxonalDelay is allowed"),
        (lambda: Dense(4, 8, max_delay=5), "Dense: max_delay is 5 and delay False; pass delay=True for learnable delays"),
        (lambda: Dense(4, 8, delay=True, max_delay=-1), "Dense: max_delay is -1; an integer of at least 0 is allowed"),
        (
            lambda: Dense(4, 8, delay=AxonalDelay(8, max_delay=9), max_delay=5),
            "max_delay is 5 and delay an AxonalDelay up to 9 steps",
        ),
        (lambda: Dense(4, 8, dropout=1.0), "Dense: dropout is 1.0; 0 to below 1 is allowed"),
        (
            lambda: Conv(2, 3, 7, input_shape=(2, 4, 4)),
            "a kernel of (7, 7) with padding (0, 0) does not fit an input of shape (2, 4, 4)",
        ),
        (
            lambda: Conv(3, 3, 3, input_shape=(2, 4, 4)),
            "in_channels is 3 and input_shape (2, 4, 4), which has 2 channels; give the same",
        ),
        (
            lambda: Conv(2, 3, 3, input_shape=(4, 4)),
            "input_shape is (4, 4); (channels, height, width), or (neurons,) for a row, is allowed",
        ),
        (
            lambda: Conv(2, 3, 0, input_shape=(2, 4, 4)),
            "kernel is 0; an integer of at least 1, or a pair (vertical, horizontal), is allowed",
        ),
        (
            lambda: Conv(2, 3, 3, input_shape=(2, 4, 4), padding="same"),
            "padding is 'same'; an integer of at least 0, or a pair",
        ),
        (
            lambda: Conv(2, 3, 3, input_shape=(2, 4, 4), groups=2),
            "groups is 2; a divisor of the 2 input and the 3 output channels",
        ),
        (
            lambda: Conv(2, 3, 3, input_shape=(2, 4, 4), delay=AxonalDelay(2, max_delay=3)),
            "delay has delays of shape (2,), the population (3, 2, 2) has 12 neurons; 12 (one per neuron), 3 (one per channel)",
        ),
        (
            lambda: DelayedRecurrent(4, 8, recurrent_delay=AxonalDelay(16, max_delay=9)),
            "recurrent_delay has delays of shape (16,), the population (8,)",
        ),
        (lambda: DelayedRecurrent(4, 8, recurrent="sparse"), "recurrent is 'sparse'; dense or conv is allowed"),
        (lambda: DelayedRecurrent(4, 8, channels=3), "DelayedRecurrent: channels is 3; a divisor of the 8 neurons is allowed"),
        (lambda: DelayedRecurrent(4, 8, recurrent="conv", taps=4), "odd taps"),
        (lambda: DelayedRecurrent(4, 8, recurrent="conv", taps=(3, 3)), "taps are (3, 3) on a single row of neurons"),
        (lambda: DelayedRecurrent(4, 8, spiking=False), "neurons that do not spike send nothing back; take spiking=True"),
        (lambda: DelayedRecurrent(DenseSynapse(4, 8), Cuba((8,))), "DelayedRecurrent: neurons is Cuba"),
        (lambda: Readout(10, 2, positions=4), "Readout: positions is 4; a divisor of the 10 inputs is allowed"),
        (lambda: Readout(10, 2, neuron=Cuba((2,)), spiking=False), "Readout: spiking is False and the neuron given says True"),
        (
            lambda: Pool(2, input_shape=(2, 4, 4), weight=0.3),
            "Pool: weight is 0.3 (19.2 / 64), not on the weight grid; 0.3125 is",
        ),
        (lambda: Pool(5, input_shape=(2, 4, 4)), "a kernel of (5, 5) with padding (0, 0) does not fit"),
        (lambda: Flatten((2, 0)), "Flatten: input_shape is 0; an integer of at least 1 is allowed"),
        (
            lambda: Block(DenseSynapse(4, 8), Cuba((7,))),
            "Block: the synapse leads to a population of (8,), the neurons are (7,)",
        ),
        (
            lambda: Block(DenseSynapse(4, 8), Cuba((8,)), recurrence=Recurrence.over((6,))),
            "Block: recurrent weight has shape (6, 6), the population (8,); it needs (8, 8)",
        ),
        (
            lambda: Block(DenseSynapse(4, 8), Cuba((2, 2, 2)), recurrence=Recurrence.over((4, 1, 2), "conv")),
            "Block: recurrent weight has shape (4, 4, 3), the population (2, 2, 2); it needs (2, 2, ...)",
        ),
        (lambda: AxonalDelay(3, max_delay=10**9), "AxonalDelay: max_delay is 1000000000; up to 65536 steps are allowed"),
        (lambda: Dense(4, 2, gain="1"), "Dense: gain is '1'; a finite number is allowed"),
        (lambda: Conv(1, 2, 3, input_shape=(4,), gain=float("nan")), "Conv: gain is nan; a finite number is allowed"),
        (lambda: Readout(4, 2, positions=2, gain=None), "Readout: gain is None; a finite number is allowed"),
        (lambda: DelayedRecurrent(4, 2, recurrent_gain=float("inf")), "Recurrence: gain is inf; a finite number is allowed"),
        (lambda: Dense(4, 2, dropout="half"), "Dense: dropout is 'half'; 0 to below 1 is allowed"),
        (lambda: Dense(4, 2, threshold="1"), "threshold is '1'; a number is allowed"),
        (lambda: Dense(4, 2, voltage_decay=None), "voltage_decay is None; a number is allowed"),
        (lambda: AxonalDelay(0, max_delay=3), "AxonalDelay: size is 0; an integer of at least 1 is allowed"),
        (lambda: AxonalDelay(3, max_delay=2.5), "AxonalDelay: max_delay is 2.5; an integer of at least 0 is allowed"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(make, text):
    with pytest.raises(ConfigError, match=re.escape(text)):
        make()


def test_sizes_computed_with_numpy_are_sizes():
    size = np.prod((2, 3))
    assert Dense(size, np.int32(4), delay=True, max_delay=np.int64(5))(torch.zeros(1, 6, 2)).shape == (1, 4, 2)
    assert Conv(1, 2, np.int64(3), input_shape=(1, 4, 4), stride=np.int64(1))(torch.zeros(1, 1, 4, 4, 2)).shape == (
        1,
        2,
        2,
        2,
        2,
    )
    assert Dense(6, 4, threshold=np.float32(2.0), gain=np.float32(1.0)).neuron.threshold == 2.0


def test_parts_changed_after_construction_are_refused_before_any_loop_runs():
    x = (torch.rand(2, 4, 9) < 0.5).float()
    changes = {
        "delay has delays of shape": lambda block: setattr(block, "delay", AxonalDelay(5, max_delay=9)),
        "recurrent_delay has delays of shape": lambda block: setattr(block.recurrence, "delay", AxonalDelay(16, max_delay=9)),
        "DelayedRecurrent: delay is a Identity; a myelin.nn.AxonalDelay or None is allowed": lambda block: setattr(
            block, "delay", torch.nn.Identity()
        ),
        "recurrent_delay is a NoneType; a myelin.nn.AxonalDelay is allowed: no delay at all is": lambda block: setattr(
            block.recurrence, "delay", None
        ),
        "recurrent weight has shape": lambda block: setattr(block.recurrence, "weight", torch.nn.Parameter(torch.zeros(9, 9))),
        "the neurons are": lambda block: setattr(block, "neuron", Cuba((7,))),
        "current_decay has shape": lambda block: setattr(block.neuron, "current_decay", torch.nn.Parameter(torch.zeros(5))),
        "voltage_decay is 5000": lambda block: block.neuron.voltage_decay.data.fill_(5000),
        "weights for 6 neurons, the population has 8": lambda block: setattr(
            block.synapse, "weight", torch.nn.Parameter(torch.zeros(6, 4))
        ),
    }
    for text, change in changes.items():
        block = DelayedRecurrent(4, 8, delay=True)
        block(x)
        change(block)
        with pytest.raises(ConfigError, match=text):
            block(x)


def test_reprs_show_sizes_constants_and_delays():
    text = str(
        torch.nn.Sequential(
            Conv(2, 8, 5, input_shape=(2, 34, 34), stride=4, delay=True, max_delay=9, threshold=1.25),
            Flatten((8, 8, 8)),
            DelayedRecurrent(512, 64, recurrent="conv", max_delay=20),
            Readout(64, 4),
        )
    )
    for part in (
        "2 x 34 x 34 -> 8 x 8 x 8",
        "kernel=(5, 5), stride=(4, 4)",
        "threshold=1.25, current_decay=0.5",
        "8 delays, now ",
        "max_delay=9",
        "Flatten(8 x 8 x 8 -> 512)",
        "512 -> 64",
        "conv, 1 x 1 x 3",
        "64 delays",
        "no spikes",
    ):
        assert part in text, part
