"""lava-dl's blocks through ``from_torch``: SLAYER's values exactly, or a refusal that names the block and the reason."""

from __future__ import annotations

import numpy as np
import pytest
from random_modules import random_module, within_range

from myelin.convert.modules.compare import compare
from myelin.convert.modules.from_torch import from_torch
from myelin.convert.modules.walk import parts_of
from myelin.hw_configs.errors import NetworkError
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402
from torch.nn.utils import parametrizations, prune  # noqa: E402

from myelin import nn  # noqa: E402

NEURON = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.25}
cuba = slayer.block.cuba
seen = {"networks": 0, "active": 0, "mixed": 0, "values": 0}


def spikes(*shape, rate=0.3, seed=0):
    """(3, 40, *shape)."""
    return (np.random.default_rng(seed).random((3, 40, *shape)) < rate).astype(np.uint8)


def dense(inputs=6, outputs=5, **options):
    params = options.pop("neuron", NEURON)
    return cuba.Dense(dict(params), inputs, outputs, weight_scale=4, **options)


def run_once(block, *shape):
    with torch.no_grad():
        block(torch.zeros(2, *shape, 3))
    return block


@pytest.mark.parametrize("seed", range(25))
def test_every_value_of_a_random_mixed_module_is_equal(seed):
    module, shape, x = random_module(slayer, seed)
    network = from_torch(module, shape)
    if not within_range(network, x):
        return
    result = compare(module, network, x, time_axis=1)
    assert result.equal, str(result)
    kinds = {type(part).__module__.split(".")[0] for _, part in parts_of(module, lambda: shape)}
    seen["networks"] += 1
    seen["mixed"] += {"lava", "myelin"} <= kinds
    seen["active"] += sum(row.values for row in result.layers) > 0 and network_active(network, x)
    seen["values"] += result.values


def network_active(network, x):
    from myelin.convert.simulator.simulator import simulate

    return 0.005 < (simulate(network, x).output != 0).mean() < 0.995


def test_what_was_drawn():
    print(seen)
    assert seen["networks"] >= 20
    assert seen["active"] > 0.7 * seen["networks"]
    assert seen["mixed"] > 0.3 * seen["networks"]


def test_a_mixed_module_runs_as_it_stands_in_a_loop():
    torch.manual_seed(3)
    net = torch.nn.Sequential(
        cuba.Conv(dict(NEURON), 2, 4, 3, stride=2, delay=True, weight_scale=4),
        nn.DelayedRecurrent(4 * 5 * 5, 24, recurrent="dense", max_delay=12),
        dense(24, 4),
    )
    x = spikes(2, 12, 12)
    optimiser = torch.optim.Adam(net.parameters(), 0.01)
    schedule = nn.DelaySchedule(net, epochs=2, harden_at=0.5)
    for epoch in range(2):
        schedule.step(epoch)
        out = net(torch.tensor(np.moveaxis(x, 1, -1), dtype=torch.float32))
        (out.mean() - 0.2).square().backward()
        optimiser.step()
        optimiser.zero_grad()
    network = from_torch(net, (2, 12, 12))
    result = compare(net, network, x)
    assert result.equal, str(result)
    assert network.layers[0].shape == (4, 5, 5) and network.layers[1].recurrent is not None
    assert net.training and net[0].neuron.training


def test_reading_and_comparing_leave_the_module_as_it_was():
    torch.manual_seed(0)
    kept = dense(4, 4, neuron=NEURON | {"persistent_state": True})
    net = torch.nn.Sequential(cuba.Recurrent(dict(NEURON), 6, 5), dense(5, 4, delay=True, mask=torch.eye(4, 5)), kept)
    x = spikes(6)
    given = torch.tensor(np.moveaxis(x, 1, -1), dtype=torch.float32)
    with torch.no_grad():
        net[0](given)  # leaves a state behind
        kept(torch.ones(3, 4, 7))
    buffer = kept.delay_buffer.clone()
    state = net[0].neuron.current_state.clone()
    weights = net[1].synapse.weight.detach().clone()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    network = from_torch(net, 6)
    assert compare(net, network, x).equal
    assert compare(net, network, x).equal  # nothing of the first run is left
    assert torch.equal(net[0].neuron.current_state, state) and state.any()
    assert torch.equal(kept.delay_buffer, buffer) and buffer.any()
    assert torch.equal(net[1].synapse.weight, weights)  # the mask is applied in the forward pass, in place
    assert net[1].delay.init is False and net[1].neuron.shape is None
    after = net.state_dict()
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert net.training


def test_a_mask_is_part_of_the_weights():
    torch.manual_seed(0)
    block = dense(6, 5, mask=(torch.rand(5, 6) < 0.5).float())
    network = from_torch(torch.nn.Sequential(block), 6)
    assert not network.layers[0].synapse.weight[block.mask.reshape(5, 6).numpy() == 0].any()
    assert np.count_nonzero(network.layers[0].synapse.weight) > 5
    assert compare(torch.nn.Sequential(block), network, spikes(6)).equal


def test_weight_norm_pruning_and_parametrisation_are_part_of_the_weights():
    torch.manual_seed(0)
    normed, pruned, parametrised = dense(6, 5, weight_norm=True), dense(5, 5), dense(5, 4)
    with torch.no_grad():
        normed.synapse.weight_g.mul_(2)  # the attribute weight is now of an earlier forward pass
    prune.random_unstructured(pruned.synapse, "weight", amount=0.4)
    parametrizations.weight_norm(parametrised.synapse)
    net = torch.nn.Sequential(normed, pruned, parametrised)
    network = from_torch(net, 6)
    assert (network.layers[1].synapse.weight == 0).mean() >= 0.4
    result = compare(net, network, spikes(6))
    assert result.equal and result.values > 1000


def test_delays_are_clamped_and_floored_as_in_the_forward_pass():
    block = run_once(dense(6, 5, delay=True), 6)
    block.delay.delay.data = torch.tensor([-0.5, 0.9, 3.999, 61.2, 70.0])
    network = from_torch(torch.nn.Sequential(block), (6,))
    assert network.layers[0].delay_steps.tolist() == [0, 0, 3, 61, 62]
    fresh = dense(6, 5, delay=True)  # its first forward pass draws delays below 1
    assert not from_torch(torch.nn.Sequential(fresh), 6).layers[0].delay_steps.any()


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (5, 6)])
def test_pooling_is_slayers_with_its_zeros_at_the_end(size):
    net = torch.nn.Sequential(cuba.Pool(dict(NEURON), 2, weight_scale=1.5), cuba.Flatten())
    network = from_torch(net, (3, *size))
    assert network.layers[0].shape == (3, -(-size[0] // 2), -(-size[1] // 2))
    result = compare(net, network, spikes(3, *size))
    assert result.equal and result.values > 500


def test_blocks_without_the_step_of_latency_are_a_known_lag():
    torch.manual_seed(1)
    net = torch.nn.Sequential(
        cuba.Input(delay_shift=False),
        dense(6, 5, delay_shift=False),
        dense(5, 5),
        cuba.Affine(dict(NEURON), 5, 3, weight_scale=4),
    )
    network = from_torch(net, 6)
    assert network.layers[-1].output == "state"
    result = compare(net, network, spikes(6))
    assert result.equal and result.lag == 2
    assert "2 steps later" in str(result)


def test_neurons_in_the_input_without_a_filter():
    driven = {"threshold": 1.0, "current_decay": 1.0, "voltage_decay": 0.2}
    net = torch.nn.Sequential(cuba.Input(driven, weight=0.5, bias=0.125), dense())
    network = from_torch(net, 6, message_bits=1)
    assert (network.input.weight, network.input.bias, network.input.neuron.threshold) == (32, 8, 64)
    result = compare(net, network, spikes(6))
    assert result.equal and result.lag == -1
    assert "1 step earlier" in str(result)
    assert network_active(network, spikes(6))


def test_a_scale_other_than_64():
    net = torch.nn.Sequential(dense(neuron=NEURON | {"scale": 32}), cuba.Affine(NEURON | {"scale": 128}, 5, 3))
    network = from_torch(net, 6)
    assert network.layers[0].neuron.threshold == 32
    assert compare(net, network, spikes(6)).equal


def test_an_average_is_compared_as_sums():
    net = torch.nn.ModuleList([dense(6, 8), cuba.Average(2)])
    network = from_torch(net, 6)
    assert network.average_groups == 2
    result = compare(net, network, spikes(6))
    assert result.equal and result.layers[-1].where == "output, the average of groups"


class Doubled(cuba.Dense):
    """A block with another forward pass."""

    def forward(self, x):
        return 2 * super().forward(x)


class Renamed(cuba.Dense):
    """A block with nothing of its own but what does not compute."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.label = "hidden"

    def describe(self):
        return self.label


def test_a_subclass_that_leaves_the_computation_is_read():
    net = torch.nn.Sequential(Renamed(dict(NEURON), 6, 5, weight_scale=4))
    assert compare(net, from_torch(net, 6), spikes(6)).equal


def changed(block, change):
    change(block)
    return block


def hooked(block):
    block.neuron.register_forward_hook(lambda module, inputs, output: output * 0)


def noisy(block):
    block.synapse.pre_hook_fx = lambda weight: weight + torch.randn_like(weight)


def bias(block):
    block.synapse.bias = torch.nn.Parameter(torch.ones(5))


def replaced(block):
    block.neuron.forward = lambda x: x


def far(block):
    run_once(block, 6)
    block.neuron.voltage_decay.data = torch.tensor([4097.0])


SIGMA = {"threshold": 0.1, "activation": torch.nn.functional.relu}
RF = {"threshold": 1.0, "period": 10, "decay": 0.1}


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (lambda: slayer.block.rf.KWTA(dict(RF), 6, 5, 2), 6, r"slayer\.block\.rf\.KWTA\): it cannot be read"),
        (lambda: slayer.block.sigma_delta.Dense(dict(SIGMA), 6, 5), 6, r"sum graded messages, .*begin with delta"),
        (lambda: cuba.TimeDecimation(2), 6, r"TimeDecimation\): it cannot be read; .*Recurrent, KWTA, Average, Affine"),
        (lambda: dense(neuron=NEURON | {"graded_spike": True}), 6, "graded_spike=True, and sends its voltage as the spike"),
        (lambda: dense(neuron=NEURON | {"dropout": lambda x: x}), 6, "its neuron has dropout=<function"),
        (lambda: dense(neuron=NEURON | {"threshold": 64}), 6, "its threshold is 64: SLAYER then also spikes at the threshold"),
        (lambda: dense(count_log=True), 6, "it has count_log=True, so it returns a pair"),
        (lambda: dense(mask=torch.ones(5, 6), weight_norm=True), 6, "a mask, which lava-dl does not apply to the normalised"),
        (lambda: Doubled(dict(NEURON), 6, 5), 6, r"it is a Doubled with its own forward in place of Dense's"),
        (lambda: changed(dense(), replaced), 6, r"its neuron is a Neuron with its own forward in place of Neuron's"),
        (lambda: changed(dense(), hooked), 6, r"it\.neuron has the forward hook hooked\.<locals>\.<lambda>, which may change"),
        (lambda: changed(dense(), noisy), 6, "the pre_hook_fx of its synapse gives other weights in every call"),
        (lambda: changed(dense(), bias), 6, "its synapse has a bias, which a connection on the chip does not have"),
        (lambda: changed(dense(), far), 6, r"its voltage_decay lies in 4097\.\.4097; 0\.\.4096 is allowed"),
        (lambda: dense(neuron=NEURON | {"shared_param": False}), 6, "its neuron has not run yet, and draws its current_decay"),
        (
            lambda: changed(dense(delay=True), lambda block: block.delay.delay.data.fill_(3)), 6,
            "its delay has not run yet, and its first forward pass replaces the values set",
        ),
        (
            lambda: changed(dense(delay=True), lambda block: setattr(block.delay, "sampling_time", 2)), 6,
            "its delay has sampling_time=2; 1 is allowed",
        ),
        (lambda: cuba.Input(dict(NEURON)), 6, "its neurons filter the input with a current decay below 1"),
        (lambda: cuba.Conv(dict(NEURON), 2, 3, 3), 6, r"what reaches it has shape \(6,\); \(channels, height"),
        (lambda: cuba.Dense(dict(NEURON), 2, 3), (2, 4, 4), r"SLAYER applies it at every position; put a Flatten"),
        (lambda: cuba.Recurrent(dict(NEURON), 2, 3), (2, 1, 1), r"shape \(2, 1, 1\); put a Flatten block before it"),
        (lambda: dense(inputs=7), 6, r"expects 7 inputs, the layer before has shape \(6,\)"),
        (lambda: cuba.Pool(dict(NEURON), 2, stride=1), (2, 4, 4), "SLAYER then pools over neighbouring channels"),
        (lambda: dense(pre_hook_fx=None), 6, r"30 of 30 weights are no multiples of 1/64; or give samples"),
    ],
)  # fmt: skip
def test_what_changes_the_computation_is_refused_by_name(make, shape, message):
    torch.manual_seed(0)
    with pytest.raises(NetworkError, match=message) as error:
        from_torch(torch.nn.Sequential(make()), shape)
    assert str(error.value).startswith("module.0 (")


def test_what_follows_a_readout_or_stands_twice_is_refused():
    affine = cuba.Affine(dict(NEURON), 6, 6)
    with pytest.raises(
        NetworkError, match=r"module\.1 .*: it follows module\.0 \(slayer\.block\.cuba\.Affine\), a readout of states"
    ):
        from_torch(torch.nn.Sequential(affine, dense()), 6)
    same = dense(6, 6)
    with pytest.raises(NetworkError, match=r"module\.1 .*it stands in the module twice"):
        from_torch(torch.nn.Sequential(same, same), 6)
    with pytest.raises(NetworkError, match=r"module\.1 .*it stands behind other blocks; an Input block must be the first"):
        from_torch(torch.nn.Sequential(dense(), cuba.Input(delay_shift=False)), 6)


def test_decays_per_channel_over_an_image_as_wide_as_channels_are_ambiguous():
    params = NEURON | {"shared_param": False, "current_decay": (0.1, 0.9)}
    block = cuba.Conv(params, 2, 4, 1)
    block.neuron.shape = torch.Size((4, 4, 4))
    for name in ("current_decay", "voltage_decay"):
        delattr(block.neuron, f"{name}_min")
    block.neuron.current_decay.data = torch.tensor([100.0, 200.0, 300.0, 400.0])
    with pytest.raises(
        NetworkError, match="per column on the CPU and per channel on CUDA; build the neuron with shared_param=True"
    ):
        from_torch(torch.nn.Sequential(block), (2, 4, 4))


def test_floats_are_calibrated_and_quantised_blocks_beside_them_keep_their_integers():
    torch.manual_seed(2)
    exact, soft = dense(6, 12, delay=True), dense(12, 8, pre_hook_fx=None)
    net = torch.nn.Sequential(exact, soft, cuba.Affine(dict(NEURON), 8, 3))
    x = spikes(6)
    network = from_torch(net, 6, calibrate=x)
    np.testing.assert_array_equal(
        network.layers[0].synapse.weight, exact.synapse.pre_hook_fx(exact.synapse.weight, descale=True).detach()[..., 0, 0, 0]
    )
    result = compare(net, network, x)
    hidden, middle = result.layers[:2]
    assert hidden.different_values == 0
    assert middle.different_values <= 0.1 * middle.values
    assert len(np.unique(network.layers[1].synapse.weight)) > 20
