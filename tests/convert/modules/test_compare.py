"""``compare`` says equal, or the layer, step and neuron where module and network first diverge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import myelin
from myelin import nn
from myelin.convert.layers import Dense
from myelin.convert.modules.compare import compare
from myelin.convert.modules.comparison import Comparison
from myelin.convert.modules.from_torch import from_torch
from myelin.convert.netx.format import write_netx
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.train.delay import shift_one_step


def spikes(*shape, batch=3, steps=30):
    return (np.random.default_rng(0).random((batch, steps, *shape)) < 0.4).astype(np.uint8)


@pytest.fixture
def net():
    torch.manual_seed(0)
    return torch.nn.Sequential(nn.Dense(6, 8, gain=2.0), nn.Dense(8, 5, gain=2.0), nn.Readout(5, 3))


@pytest.fixture
def network(net):
    return from_torch(net, 6)


def test_equal_in_either_order_of_axes_and_from_a_file(net, network, tmp_path):
    x = spikes(6)
    result = compare(net, network, x)
    assert result and result.equal and result.first is None and result.shift is None
    assert (result.samples, result.steps, result.values) == (3, 30, 3 * 30 * (8 + 5 + 3 + 3))
    assert str(result).startswith(
        "equal: 0 of 1,710 values differ (3 samples of 30 steps)\n  module.0 (myelin.nn.Dense), layer 0"
    )
    assert compare(net, network, torch.tensor(np.moveaxis(x, 1, -1)).double()).equal
    write_netx(network, tmp_path / "net.net")
    assert compare(net, tmp_path / "net.net", x).equal
    square = spikes(6, steps=6)
    with pytest.raises(
        DataError, match=r"x have shape \(3, 6, 6\), which is both .* say which with time_axis=1 or time_axis=-1"
    ):
        compare(net, network, square)
    assert compare(net, network, square, time_axis=1).equal


def test_the_first_difference_is_named(net, network):
    weight = network.layers[1].synapse.weight.copy()
    weight[2] = 254
    layers = (network.layers[0], replace(network.layers[1], synapse=Dense(weight)), network.layers[2])
    result = compare(net, replace(network, layers=layers), spikes(6))
    assert not result and not result.equal
    first, second, third, output = result.layers
    assert first.different_values == 0 and 0 < second.different_values < second.values
    assert third.different_values == output.different_values > 0
    assert result.first.where == "module.1 (myelin.nn.Dense), layer 1" and result.first.neuron == (2,)
    assert (result.first.expected, result.first.got) == (0, 1)
    with torch.no_grad():
        hidden = net[:2](torch.tensor(np.moveaxis(spikes(6), 1, -1)))
    ours = myelin.simulate(replace(network, layers=layers), spikes(6), record={1: ("spikes",)}).layers[1]["spikes"]
    steps = np.flatnonzero((np.moveaxis(hidden.numpy(), -1, 1) != ours)[result.first.sample].any(axis=1))
    assert result.first.step == steps[0]
    assert "first at module.1 (myelin.nn.Dense), layer 1: sample 0, step " in str(result)
    assert "neuron 2: the module gives 0, the network 1" in str(result)


def test_voltages_are_compared_as_integers(net, network):
    with torch.no_grad():
        net[2].neuron.voltage_decay.add_(1)  # one 4096th
    result = compare(net, network, spikes(6))
    assert [row.different_values > 0 for row in result.layers] == [False, False, True, True]
    assert result.first.expected == int(result.first.expected) != result.first.got


class Late(torch.nn.Module):
    """A module that gives its spikes another step later."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return shift_one_step(self.net(x).permute(2, 0, 1)).permute(1, 2, 0)


def test_an_unknown_constant_offset_is_diagnosed(net, network):
    result = compare(Late(net), network, spikes(6))
    assert not result.equal and result.shift == -1
    assert "the outputs are equal if the module's is moved 1 step earlier" in str(result)
    assert "only the outputs are compared, since the module cannot be read: module (" in str(result)


class Scores(torch.nn.Module):
    def __init__(self, net, mean):
        super().__init__()
        self.net, self.mean = net, mean

    def forward(self, x):
        y = self.net(x)
        return y.mean(-1) if self.mean else y.sum(-1)


@pytest.mark.parametrize("mean", [False, True])
def test_class_scores_are_compared(net, network, mean):
    result = compare(Scores(net, mean), network, spikes(6))
    assert result.equal and result.values == 9
    assert f"class scores, the {'mean' if mean else 'sum'} over steps" in str(result)
    with torch.no_grad():
        net[2].synapse.weight[0].neg_()
    assert compare(Scores(net, mean), network, spikes(6)).first.where.startswith("class scores")


def test_delays_that_are_still_spread_are_said():
    torch.manual_seed(0)
    net = torch.nn.Sequential(nn.Dense(6, 8, gain=2.0, delay=True, max_delay=9), nn.Readout(8, 3))
    net[0].delay.set(hard=True)
    network = from_torch(net, 6)
    net[0].delay.set(hard=False, sigma=1.0)
    result = compare(net, network, spikes(6))
    assert not result.equal
    assert "module.0 (myelin.nn.Dense): its delay is still spread by sigma=1 steps" in str(result)


def test_a_module_of_other_sizes_is_said(net, network):
    other = torch.nn.Sequential(nn.Dense(6, 4), nn.Readout(4, 3))
    result = compare(other, network, spikes(6))
    assert (
        "only the outputs are compared: the module's blocks have shapes (4,) (3,), the network's layers (8,) (5,) (3,)"
        in str(result)
    )
    with pytest.raises(NetworkError, match=r"output has shape \(3, 4, 30\); \(3, 3, 30\) is expected by the network"):
        compare(other[:1], network, spikes(6))


def test_many_samples_are_compared_in_chunks(net, network, monkeypatch):
    monkeypatch.setattr("myelin.convert.modules.compare._CHUNK_VALUES", 30 * 16 * 2)
    x = spikes(6, batch=7)
    result = compare(net, network, x)
    assert result.equal and result.values == 7 * 30 * (8 + 5 + 3 + 3)
    x[:5] = 0  # silent samples are equal whatever the weights are
    with torch.no_grad():
        net[0].synapse.weight.neg_()
    assert compare(net, network, x).first.sample >= 5


def test_the_mode_and_the_random_state_of_a_module_do_not_matter(net, network):
    net.insert(1, torch.nn.Dropout(0.9))
    net.train()
    net[0].eval()
    assert compare(net, network, spikes(6)).equal
    assert [part.training for part in net] == [False, True, True, True]


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 30, 6), np.uint8), r"x has shape \(0, 30, 6\); at least one sample of one step is allowed"),
        (np.full((1, 4, 6), 0.5), "x hold 0.5 and 23 other values that are not integers"),
        (np.full((1, 4, 6), 2, np.uint8), "the network's input takes 0..1"),
    ],
)
def test_spikes_that_do_not_fit_are_refused(net, network, x, message):
    with pytest.raises(DataError, match=message):
        compare(net, network, x)


def test_a_comparison_of_nothing_is_not_equal():
    assert not Comparison(1, 1, 0, 0, ()).equal
