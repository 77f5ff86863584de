"""Lava-dl's blocks with one option at a time: equal to its own evaluation in every value, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.convert.modules.compare import compare
from myelin.convert.modules.from_torch import from_torch
from myelin.convert.modules.slayer import floats_from_slayer
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402
from slayer_options import KINDS, OPTIONS, takes, tried  # noqa: E402

from myelin import nn  # noqa: E402

cuba, norms = slayer.block.cuba, slayer.neuron.norm
NEURON = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.25}
#: Options that are refused in every block, and how the message begins.
REFUSED = {"graded spike": "its neuron has graded_spike=True", "count log": "it has count_log=True"}


def spikes(*shape, rate=0.4, seed=0):
    """(3, 30, *shape)."""
    return (np.random.default_rng(seed).random((3, 30, *shape)) < rate).astype(np.uint8)


@pytest.mark.parametrize("kind", KINDS)
def test_an_option_of_a_kind_of_block_is_equal_or_refused(kind):
    options = [option for option in OPTIONS if takes(kind, option)]
    few = np.random.default_rng(KINDS.index(kind)).permutation(options)[:4]  # as a script, the helper tries all, 20 times
    equal = 0
    for option in few:
        outcome, values, text, floats = tried(slayer, kind, option, 7000 + OPTIONS.index(option))
        assert outcome != "different", (option, text)
        assert floats not in ("other", "unlike"), (option, floats)
        if option in REFUSED:
            assert outcome == "refused" and REFUSED[option] in text
        elif outcome == "equal":
            equal += 1
            assert values > 0
    assert equal, few


def trained(block, *shape, seed=0):
    """``block`` after forward passes in training, which draw the running statistics of a norm."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for _ in range(4):
            block((torch.rand(3, *shape, 8, generator=generator) < 0.5).float())
    return block


def normed(norm, **neuron):
    torch.manual_seed(1)
    return trained(cuba.Dense(NEURON | {"norm": norm} | neuron, 6, 5, weight_scale=4), 6)


def test_a_mean_only_norm_is_a_bias_behind_a_step_of_latency():
    block = normed(norms.MeanOnlyBatchNorm)
    net = torch.nn.Sequential(nn.StepDelay(), block, cuba.Dense(dict(NEURON), 5, 4, weight_scale=6))
    network = from_torch(net, 6)
    cuba_neurons = network.layers[0].neuron
    mean = block.neuron.norm.pre_hook_fx(block.neuron.norm.running_mean, descale=True)
    assert (cuba_neurons.bias_mant << cuba_neurons.bias_exp).tolist() == (-64 * mean).int().tolist()
    assert np.abs(cuba_neurons.bias_mant).max() > 0
    result = compare(net, network, spikes(6))
    assert result.equal and result.lag == -1 and "1 step earlier" in str(result)
    floats = floats_from_slayer(net, (6,))
    np.testing.assert_array_equal(floats.layers[0].neuron.bias, -mean.numpy() / 64)


@pytest.mark.parametrize(
    ("before", "message"),
    [
        ([], r"norm=MeanOnlyBatchNorm is a bias of up to .* which acts 1 step before .*: put myelin\.nn\.StepDelay\(\) before"),
        (
            [nn.StepDelay(), cuba.Dense(dict(NEURON), 6, 6, delay_shift=False)],
            "acts 1 step before .*: build the blocks before it with delay_shift=True; or",
        ),
        (
            [cuba.Dense(dict(NEURON), 6, 6, delay_shift=False)],
            r"acts 2 steps before .*: build the blocks before it with delay_shift=True, and put myelin\.nn\.StepDelay\(\)",
        ),
    ],
)
def test_a_bias_that_begins_early_on_the_chip_is_refused_with_its_cure(before, message):
    net = torch.nn.Sequential(*before, normed(norms.MeanOnlyBatchNorm))
    with pytest.raises(NetworkError, match=message) as error:
        from_torch(net, 6)
    assert str(error.value).endswith("; or give samples to quantise it on: calibrate=x")
    with pytest.raises(NetworkError, match=r"; or take from_torch\(module, ..., calibrate=x\)"):
        floats_from_slayer(net, (6,))
    assert from_torch(net, 6, calibrate=spikes(6)).layers[-1].neuron.has_bias


def test_a_bias_that_the_voltage_forgets_needs_no_step_of_latency():
    net = torch.nn.Sequential(normed(norms.MeanOnlyBatchNorm, voltage_decay=1.0))
    assert compare(net, from_torch(net, 6), spikes(6)).equal


def test_a_weight_scale_norm_is_folded_only_where_rounding_allows_it():
    block = normed(norms.WgtScaleBatchNorm, current_decay=1.0)
    block.neuron.norm.running_var.fill_(3.0)  # a standard deviation of 2
    with torch.no_grad():
        block.synapse.weight.copy_((block.synapse.weight * 16).round() / 16)
    net = torch.nn.Sequential(nn.StepDelay(), block)
    network = from_torch(net, 6)
    weight = block.synapse.pre_hook_fx(block.synapse.weight, descale=True).reshape(5, 6)
    assert network.layers[0].synapse.weight.tolist() == (weight / 2).int().tolist()
    assert compare(net, network, spikes(6)).equal
    block.neuron.current_decay.data.fill_(2048.0)
    with pytest.raises(NetworkError, match=r"scales the current by 2\^-1 behind the synapse filter.*a current_decay of 1 or 0"):
        from_torch(net, 6)


def test_a_norm_in_a_recurrence_enters_the_filter_and_is_refused():
    torch.manual_seed(0)
    block = trained(cuba.Recurrent(NEURON | {"norm": norms.MeanOnlyBatchNorm}, 6, 5, weight_scale=4), 6)
    with pytest.raises(NetworkError, match=r"runs step by step keeps the normalised current.*build it with current_decay=1"):
        from_torch(torch.nn.Sequential(nn.StepDelay(), block), 6)


def test_other_norms_and_lost_statistics_are_refused():
    with pytest.raises(NetworkError, match="norm=Identity; MeanOnlyBatchNorm and WgtScaleBatchNorm of"):
        from_torch(torch.nn.Sequential(cuba.Dense(NEURON | {"norm": torch.nn.Identity}, 6, 5)), 6)
    block = normed(norms.MeanOnlyBatchNorm)
    block.neuron.norm.running_mean[0] = float("nan")
    with pytest.raises(NetworkError, match="running statistics of its norm are NaN or infinite"):
        from_torch(torch.nn.Sequential(block), 6)
    block.neuron.norm.running_mean = torch.zeros(3)
    with pytest.raises(NetworkError, match="its norm has 3 means for 5 channels"):
        from_torch(torch.nn.Sequential(block), 6)
    block.neuron.norm.pre_hook_fx = lambda mean: mean + torch.randn_like(mean)
    with pytest.raises(NetworkError, match="the pre_hook_fx of its norm gives another mean in every call"):
        from_torch(torch.nn.Sequential(block), 6)


def test_a_normalised_recurrent_weight_is_the_one_that_lava_dl_uses():
    torch.manual_seed(3)
    block = cuba.Recurrent(dict(NEURON), 6, 5, weight_scale=4, weight_norm=True)
    with torch.no_grad():
        block.recurrent_synapse.weight_g.mul_(3)  # lava-dl never calls this synapse, so its weight stays
        block.input_synapse.weight_g.mul_(1.5)
    net = torch.nn.Sequential(block)
    result = compare(net, from_torch(net, 6), spikes(6))
    assert result.equal and result.values > 500


def test_an_affine_block_never_draws_its_decays():
    torch.manual_seed(0)
    net = torch.nn.Sequential(cuba.Affine(NEURON | {"shared_param": False, "current_decay": (0.1, 0.9)}, 6, 5, weight_scale=4))
    network = from_torch(net, 6)
    assert network.layers[0].neuron.current_decay == round(0.1 * 4096)
    assert compare(net, network, spikes(6)).equal


def test_kwta_is_a_recurrence_unless_it_drives_its_neurons():
    torch.manual_seed(0)
    net = torch.nn.Sequential(cuba.KWTA(dict(NEURON), 6, 8, 3, self_excitation=0.4, weight_scale=8))
    network = from_torch(net, 6)
    own = network.layers[0].recurrent.synapse.weight
    assert own[0, 0] == 26 and own[0, 1] == -64
    assert compare(net, network, spikes(6)).equal
    driven = torch.nn.Sequential(cuba.KWTA(NEURON | {"threshold": 4.0}, 6, 8, 1))
    with pytest.raises(
        NetworkError, match=r"it adds 0\.0625 to the input of every neuron.*lower its threshold, or choose num_w"
    ):
        from_torch(driven, 6)


def test_too_large_and_unfitting_transposed_convolutions_are_refused():
    with pytest.raises(NetworkError, match=r"131072 x 262144 weights; at most 16777216 are unrolled: use smaller images"):
        from_torch(torch.nn.Sequential(cuba.ConvT(dict(NEURON), 2, 1, 2, stride=2)), (2, 256, 256))
    with pytest.raises(NetworkError, match="its weights expect 2 channels"):
        from_torch(torch.nn.Sequential(cuba.ConvT(dict(NEURON), 2, 3, 2)), (3, 4, 4))
    with pytest.raises(NetworkError, match=r"maps an image of .* to 0 x 0 places"):
        from_torch(torch.nn.Sequential(cuba.ConvT(dict(NEURON), 1, 1, 1, padding=1)), (1, 2, 2))
    with pytest.raises(NetworkError, match="spreads 2 channels over 9 rows"):
        from_torch(torch.nn.Sequential(cuba.Unpool(dict(NEURON), 2, stride=1)), (2, 4, 4))


def changed(block, **values):
    """``block`` with other attributes; ``neuron__shape`` is that of its neuron."""
    for name, value in values.items():
        holder, _, attribute = name.partition("__")
        setattr(getattr(block, holder) if attribute else block, attribute or holder, value)
    return block


@pytest.mark.parametrize(
    ("make", "shape", "message"),
    [
        (lambda: changed(cuba.Recurrent(dict(NEURON), 6, 5), neuron__persistent_state=False), 6, "forgets its state in every"),
        (lambda: changed(cuba.Recurrent(dict(NEURON), 6, 5), bias=1.0), 6, "it has a bias before the synapse filter"),
        (lambda: changed(cuba.Affine(dict(NEURON), 6, 5), neuron___threshold=1.0), 6, "threshold=1, so lava-dl resets"),
        (
            lambda: changed(cuba.Affine(dict(NEURON), 6, 5, dynamics=False), dynamics=True), 6,
            "its neuron has no threshold, on which lava-dl fails with dynamics=True",
        ),
        (lambda: changed(cuba.Dense(dict(NEURON), 6, 5), synapse__padding=(1, 1, 0)), 6, r"has padding=\(1, 1, 0\); \(0"),
        (lambda: changed(cuba.Dense(dict(NEURON), 6, 5), synapse__complex=True), 6, "synapse has complex=True; real weights"),
        (
            lambda: changed(cuba.ConvT(dict(NEURON), 2, 1, 2), synapse__output_padding=(1, 0, 0)), (2, 4, 4),
            r"synapse has output_padding=\(1, 0, 0\)",
        ),
        (lambda: changed(cuba.Dense(dict(NEURON), 6, 5), neuron__shape=torch.Size((4,))), 6, r"population of shape \(4,\)"),
        (lambda: changed(cuba.KWTA(dict(NEURON), 6, 5, 2), delay=slayer.axon.Delay()), 6, "a delay, which its forward"),
        (lambda: cuba.Flatten(), 6, r"shape \(6,\), on which lava-dl's Flatten fails; leave it out"),
        (lambda: cuba.Input(NEURON | {"current_decay": 1, "scale": 256}), 6, r"input too, and turns 1 into 0\.99"),
        (
            lambda: changed(cuba.Dense(dict(NEURON), 6, 5, delay=True), delay__init=True), 6,
            "its delay has 1 values; lava-dl takes one for each of the 5 channels",
        ),
    ],
)  # fmt: skip
def test_what_else_a_block_can_carry_is_refused_by_name(make, shape, message):
    torch.manual_seed(0)
    with pytest.raises(NetworkError, match=message) as error:
        from_torch(torch.nn.Sequential(make()), shape)
    assert str(error.value).startswith("module.0 (slayer.block.cuba.")


def test_a_step_delay_stands_first_and_takes_tensors():
    with pytest.raises(NetworkError, match=r"module\.1 \(myelin\.nn\.StepDelay\): it stands behind other blocks"):
        from_torch(torch.nn.Sequential(cuba.Dense(dict(NEURON), 6, 5), nn.StepDelay()), 6)
    assert nn.StepDelay()(torch.ones(1, 2, 3)).tolist() == [[[0, 1, 1], [0, 1, 1]]]
    for wrong, message in ((torch.ones(2, 3), r"has shape \(2, 3\)"), (np.ones((1, 2, 3)), "is a ndarray")):
        with pytest.raises(DataError, match=f"StepDelay: input {message}; a tensor of shape"):
            nn.StepDelay()(wrong)
