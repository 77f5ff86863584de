"""Our own blocks through ``from_torch``: every integer is that of the forward pass, or the block is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from random_modules import random_module, within_range

from myelin import nn
from myelin.convert.compare.constants import constant_differences
from myelin.convert.modules.compare import compare
from myelin.convert.modules.from_torch import from_torch
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.train.model import SpikingNetwork


def spikes(*shape, rate=0.3, steps=40):
    return (np.random.default_rng(0).random((3, steps, *shape)) < rate).astype(np.uint8)


def hard(module):
    for part in module.modules():
        if isinstance(part, nn.AxonalDelay):
            part.set(hard=True)
    return module


class OwnModel(torch.nn.Module):
    """As in lava-dl's tutorials: blocks in a list, and a loop over them."""

    def __init__(self, *blocks):
        super().__init__()
        self.blocks = torch.nn.ModuleList(blocks)
        self.unused = torch.nn.Linear(2, 2)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Nested(torch.nn.Module):
    """A model within a model, with a view in between."""

    def __init__(self, first, last):
        super().__init__()
        self.first, self.last = first, last

    def forward(self, x):
        return self.last(self.first(x).flatten(1, -2))


class Scores(OwnModel):
    def forward(self, x):
        return super().forward(x).sum(dim=-1)


class Scaled(OwnModel):
    def forward(self, x):
        for block in self.blocks:
            x = block(x) * 1.0
        return x


class InPlace(OwnModel):
    def forward(self, x):
        for block in self.blocks:
            x = block(x)
            x.mul_(1.0)
        return x


@pytest.mark.parametrize("seed", range(100, 112))
def test_every_value_of_a_random_module_of_ours_is_equal(seed):
    module, shape, x = random_module(None, seed)
    network = from_torch(module, shape)
    if within_range(network, x):
        result = compare(module, network, x, time_axis=1)
        assert result.equal, str(result)


def test_the_documented_model_is_exact():
    torch.manual_seed(0)
    net = torch.nn.Sequential(
        nn.Conv(2, 4, 3, input_shape=(2, 12, 12), stride=2, delay=True),
        nn.Pool(2, input_shape=(4, 5, 5)),
        nn.Flatten(),
        torch.nn.Dropout(0.5),
        nn.DelayedRecurrent(4 * 2 * 2, 12, recurrent="conv", max_delay=20, dropout=0.5),
        torch.nn.Sequential(torch.nn.Identity(), nn.Readout(12, 4)),
    )
    schedule = nn.DelaySchedule(net, epochs=5)
    for epoch in range(5):
        schedule.step(epoch)
    network = from_torch(net, (2, 12, 12))
    assert [layer.shape for layer in network.layers] == [(4, 5, 5), (4, 2, 2), (12,), (4,)]
    assert network.layers[0].delay_steps.any() and network.layers[2].recurrent.delay_steps.any()
    result = compare(net, network, spikes(2, 12, 12))
    assert result.equal, str(result)
    assert result.layers[0].where == "module.0 (myelin.nn.Conv), layer 0"


@pytest.mark.parametrize("make", [OwnModel, lambda *blocks: Nested(blocks[0], torch.nn.Sequential(*blocks[1:]))])
def test_a_model_whose_forward_pass_only_calls_its_blocks_is_read(make):
    torch.manual_seed(0)
    net = make(nn.Conv(1, 2, 3, input_shape=(1, 6, 6)), nn.Dense(32, 8), nn.Readout(8, 3))
    result = compare(net, from_torch(net, (1, 6, 6)), spikes(1, 6, 6))
    assert result.equal and len(result.layers) == 4
    wrapped = torch.nn.DataParallel(torch.nn.Sequential(net))
    assert compare(net, from_torch(wrapped, (1, 6, 6)), spikes(1, 6, 6)).equal


def test_wrappers_and_our_own_network_are_read():
    torch.manual_seed(0)
    net = SpikingNetwork(
        nn.Conv(1, 4, 3, input_shape=(1, 4, 4)), nn.Readout(16, 3, positions=4)
    )  # each weight of the readout is that of all positions of a channel
    network = from_torch(net, (1, 4, 4))
    assert network.layers[1].synapse.weight.shape == (3, 16)
    assert compare(net, network, spikes(1, 4, 4)).equal
    compiled = type("OptimizedModule", (torch.nn.Module,), {"__module__": "torch._dynamo.eval_frame"})()
    compiled._orig_mod = net  # as torch.compile returns it, without its import of seconds
    for wrapped in (compiled, torch.nn.DataParallel(net)):
        assert constant_differences(from_torch(wrapped, (1, 4, 4)), network) == []
        assert compare(wrapped, network, spikes(1, 4, 4)).equal


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            Scores,
            r"module \(.*Scores\): its forward pass returns something else than the output of blocks\.1, its last part; hand",
        ),
        (Scaled, r"its forward pass computes something before blocks\.1 \(myelin\.nn\.Readout\), which gets another tensor"),
        (InPlace, r"its forward pass computes something before blocks\.1 \(myelin\.nn\.Readout\)"),
    ],
)
def test_a_model_that_computes_between_its_blocks_is_refused(model, message):
    with pytest.raises(NetworkError, match=message):
        from_torch(model(nn.Dense(6, 8), nn.Readout(8, 3)), 6)


def test_neurons_in_plain_pytorch_are_refused_with_the_way_that_there_is():
    class Own(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.readout = torch.nn.Linear(6, 8), torch.nn.Linear(8, 3)

        def forward(self, x):
            return torch.stack([self.readout((self.hidden(frame) > 1).float()) for frame in x.unbind(2)], 2)

    said = r"\): its forward pass calls no block with neurons, so .* FloatNetwork .* \(docs/your_network\.md, neurons in plain"
    with pytest.raises(NetworkError, match=said):
        from_torch(Own(), 6)


def test_a_model_that_fails_on_spikes_is_refused_with_the_reason():
    net = Nested(torch.nn.Sequential(nn.Dense(6, 8)), nn.Readout(9, 3))
    with pytest.raises(
        NetworkError, match=r"module \(.*Nested\): the module's forward pass fails on spikes of shape \(2, 6, 8\) \(D"
    ):
        from_torch(net, 6)

    class Nothing(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Dense(6, 6)

        def forward(self, x):
            return x

    with pytest.raises(NetworkError, match=r"its forward pass calls none of its parts \(part\)"):
        from_torch(Nothing(), 6)


def test_a_row_of_neurons_is_arranged_as_the_next_block_reads_it():
    torch.manual_seed(0)
    dense = nn.Dense(6, 32, per_neuron=True, spread=0.5, delay=True, max_delay=9)
    net = hard(torch.nn.Sequential(dense, nn.Conv(2, 3, 3, input_shape=(2, 4, 4)), nn.Readout(12, 2)))
    network = from_torch(net, 6)
    assert network.layers[0].shape == (2, 4, 4)
    assert compare(net, network, spikes(6)).equal
    with pytest.raises(
        NetworkError, match=r"reads a population of shape \(2, 4, 4\), and what reaches it has shape \(32,\): give inp"
    ):
        from_torch(net[1:], 32)
    with pytest.raises(NetworkError, match=r"module\.1 .*shape \(2, 4, 4\), and what reaches it has shape \(6,\)$"):
        from_torch(net[1:], 6)


def test_decays_are_those_of_the_loops():
    block = nn.Dense(6, 8, per_neuron=True, spread=0.9, learn_decays=True)
    network = from_torch(torch.nn.Sequential(block), 6)
    np.testing.assert_array_equal(network.layers[0].neuron.current_decay, np.rint(block.neuron.current_decay.detach().numpy()))


def test_soft_delays_are_refused_and_calibrated():
    torch.manual_seed(1)
    net = torch.nn.Sequential(
        nn.Dense(6, 20, delay=True, max_delay=9), nn.DelayedRecurrent(20, 10, recurrent="dense", max_delay=5)
    )
    first = net[0].delay
    first.set(hard=False, sigma=2.0)
    with pytest.raises(
        NetworkError, match=r"module\.0 .*its delay is still spread by sigma=2 steps, and a chip delays by whole steps"
    ):
        from_torch(net, 6)
    first.set(hard=False)
    with pytest.raises(
        NetworkError, match=r"its delay is still not rounded \(20 of 20 are fractions\).*round it with delay\.set\("
    ):
        from_torch(net, 6)
    network = from_torch(net, 6, calibrate=np.moveaxis(spikes(6), 1, -1), time_axis=-1)
    weights = net[0].synapse.effective_weight().detach().numpy() * 64
    np.testing.assert_array_equal(network.layers[0].synapse.weight, weights)
    assert np.abs(network.layers[0].delay_steps - first.delay.detach().numpy()).max() < 1
    recurrent = network.layers[1].recurrent.delay_steps
    assert np.abs(recurrent - net[1].recurrence.delay.delay.detach().numpy()).max() < 1
    with torch.no_grad():  # whole delays mean the same, soft or rounded
        first.delay.round_()
        net[1].recurrence.delay.delay.round_()
    network = from_torch(net, 6)
    assert compare(net, network, spikes(6)).equal


def test_floats_need_samples():
    torch.manual_seed(0)
    net = torch.nn.Sequential(nn.Dense(6, 12, quantise=False), nn.Readout(12, 3))
    with pytest.raises(
        NetworkError, match=r"^module\.0 \(myelin\.nn\.Dense\): 72 of 72 weights are no multiples of 1/64; or give samples"
    ):
        from_torch(net, 6)
    x = spikes(6)
    network = from_torch(net, 6, calibrate=x, target="loihi2")
    result = compare(net, network, x)
    assert result.layers[0].different_values < 0.1 * result.layers[0].values
    np.testing.assert_array_equal(network.layers[1].synapse.weight, net[1].synapse.effective_weight().detach().numpy() * 64)
    with pytest.raises(DataError, match=r"calibrate have shape \(3, 40, 5\); \(batch, steps, 6\) or"):
        from_torch(net, 6, calibrate=spikes(5))
    with torch.no_grad():  # floats that are integers of the chip are exact
        net[0].synapse.weight.mul_(32).round_().div_(32)
    assert compare(net, from_torch(net, 6), x).equal


def test_decays_that_are_not_rounded_need_samples():
    net = torch.nn.Sequential(nn.Dense(6, 12, current_decay=0.3))
    net[0].neuron.whole_decays = False
    with pytest.raises(NetworkError, match="1 of 1 current decay are no multiples of 1/4096"):
        from_torch(net, 6)


class Louder(nn.Dense):
    def emitted(self, x):
        return 2 * super().emitted(x)


class OtherSynapse(nn.DenseSynapse):
    def steps(self, x):
        return super().steps(x) + 1


class OtherNeuron(nn.Cuba):
    def keep(self):
        return super().keep()


def with_part(name, part):
    block = nn.Dense(6, 5)
    setattr(block, name, part)
    return block


def with_nan():
    block = nn.Dense(6, 5, delay=True)
    block.delay.delay.data[0] = float("nan")
    return block


def with_hook(block):
    block.synapse.register_forward_pre_hook(lambda module, inputs: None)
    return block


def with_other_decay():
    block = nn.Dense(6, 5)
    block.neuron.current_decay.data[:] = -3
    return block


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Louder(6, 5), r"it is a Louder with its own emitted in place of Dense's; the class itself"),
        (
            lambda: with_part("synapse", OtherSynapse(6, 5)),
            r"its synapse is a OtherSynapse with its own steps in place of DenseS",
        ),
        (lambda: with_part("neuron", OtherNeuron((5,))), r"its neuron is a OtherNeuron with its own keep in place of Cuba's"),
        (lambda: with_part("delay", torch.nn.Identity()), r"its delay is a Identity; myelin\.nn\.AxonalDelay can be read"),
        (with_other_decay, r"its neuron does not run: current_decay is -3; 0\.\.4096 \(in 1/4096\) is allowed"),
        (with_nan, "its delay is NaN or infinite: training diverged"),
        (
            lambda: with_hook(nn.Dense(6, 5)),
            r"it\.synapse has the forward hook .*lambda.*remove it with the handle that register",
        ),
        (
            lambda: torch.nn.LSTM(6, 5),
            r"it cannot be read; blocks of myelin\.nn and of slayer\.block\.cuba, torch\.nn\.Flatten",
        ),
        (lambda: torch.nn.Flatten(), r"it flattens axes 1 to -1 of \(batch, \.\.\., steps\), where 1 to 1 hold the neurons"),
        (lambda: nn.Dense(7, 5), r"expects 7 inputs, the layer before has shape \(6,\)"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_path(make, message):
    net = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Sequential(make()))
    with pytest.raises(NetworkError, match=rf"^module\.1\.0 \([^)]*\): .*{message}"):
        from_torch(net, 6)


def test_hooks_on_a_container_are_refused():
    net = torch.nn.Sequential(nn.Dense(6, 5))
    handle = net.register_forward_hook(lambda module, inputs, output: output)
    with pytest.raises(NetworkError, match=r"^module \(torch\.nn\.Sequential\): it has the forward hook"):
        from_torch(net, 6)
    handle.remove()
    from_torch(net, 6)


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        ([nn.Dense(6, 5)], 6, "module is a list; a torch.nn.Module is allowed; put its blocks in a torch.nn.Sequential"),
        (nn.Dense, 6, "module is the class Dense; an instance of it is allowed"),
        ("net.pt", 6, "module is a str; a torch.nn.Module is allowed$"),
        (torch.nn.Sequential(), 6, r"module \(torch\.nn\.Sequential\): it has no block with neurons"),
        (
            nn.Dense(6, 5),
            (2, 3),
            r"input_shape is \(2, 3\); \(neurons,\) or \(channels, height, width\) is allowed, without batch",
        ),
        (nn.Dense(6, 5), "six", "input_shape is 'six'"),
        (nn.Dense(6, 5), "6", "input_shape is '6'; "),
        (nn.Dense(6, 5), (6.5,), r"input_shape is \(6.5,\); "),
        (nn.Dense(6, 5), True, "input_shape is True; "),
    ],
)
def test_what_is_no_module_is_refused(module, shape, message):
    with pytest.raises(NetworkError, match=message):
        from_torch(module, shape)


def test_a_readout_must_be_last():
    net = torch.nn.Sequential(nn.Readout(6, 6), nn.Dense(6, 5))
    with pytest.raises(
        NetworkError, match=r"module\.1 .*: it follows module\.0 \(myelin\.nn\.Readout\), a readout of states, which must"
    ):
        from_torch(net, 6)
