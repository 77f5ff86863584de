"""lava-dl's sigma-delta blocks as networks: SLAYER's own evaluation in every value, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import myelin
from myelin.hw_configs.errors import NetworkError
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

from lava.lib.dl import slayer as slayer_package  # noqa: E402

relu = torch.nn.functional.relu


@pytest.fixture
def slayer():
    """lava-dl's slayer."""
    return slayer_package


def chain(slayer, rng, *, image=False, delay=True, activation=relu):
    """Blocks that have run once, their input shape, and values (2, *shape, steps) on SLAYER's grid."""
    b, own = slayer.block.sigma_delta, {"threshold": int(rng.integers(1, 9)) / 64, "activation": activation}
    shape = (2, 6, 6) if image else (8,)
    blocks = [b.Input({**own, "threshold": 2 / 64})]
    if image:
        blocks += [b.Conv(dict(own), 2, 3, 3, stride=2, weight_scale=2, delay=delay), b.Flatten()]
    blocks.append(b.Dense(dict(own), 12 if image else 8, 7, weight_scale=2, delay=delay))
    blocks.append(b.Output(dict(own), 7, 4, weight_scale=2))
    steps = torch.randn(2, *shape, 30) * (torch.rand(2, *shape, 30) < 0.4) * 0.2
    x = torch.round(torch.cumsum(steps, -1).clamp(-3, 3) * 32) / 32
    module = torch.nn.Sequential(*blocks)
    module(x)
    for block in blocks:
        if getattr(block, "delay", None) is not None:
            block.delay.delay.data = torch.rand_like(block.delay.delay) * 9
    return module, shape, x


@pytest.mark.parametrize(
    ("seed", "options"), [(0, {}), (1, {"image": True}), (2, {"activation": torch.nn.Identity()}), (3, {"delay": False})]
)
def test_every_value_is_that_of_slayer(slayer, seed, options):
    torch.manual_seed(seed)
    module, shape, x = chain(slayer, np.random.default_rng(seed), **{"activation": torch.relu, **options})
    network = myelin.from_torch(module, shape)
    found = myelin.compare(module, network, x)
    assert found.equal and found.values > 500, str(found)
    assert np.any(myelin.simulate(network, np.rint(np.moveaxis(x.numpy(), -1, 1) * 64).astype(int)).output)


def test_biases_are_read(slayer):
    torch.manual_seed(0)
    module, shape, _ = chain(slayer, np.random.default_rng(0))
    module[1].neuron.set_bias(torch.arange(7) / 64)
    norm = slayer.neuron.norm.MeanOnlyBatchNorm(7, pre_hook_fx=module[1].neuron.quantize_8bit)
    norm.running_mean.data = torch.full((7,), 4 / 64)
    module[1].neuron.norm = norm
    assert myelin.from_torch(module, shape).layers[0].neuron.bias.tolist() == [-4, -3, -2, -1, 0, 1, 2]


def broken(name):
    def change(slayer, module):
        neuron = module[1].neuron
        if name == "activation":
            neuron.activation = torch.tanh
        elif name == "norm":
            neuron.norm = slayer.neuron.norm.WgtScaleBatchNorm(7)
        elif name == "threshold":
            neuron.delta.threshold.data.fill_(0.03)
        elif name == "none":
            neuron.delta.threshold.data.fill_(0.0)
        elif name == "bias":
            neuron.set_bias(torch.full((7,), 0.01))
        elif name == "scale":
            neuron.delta.scale = 64
        elif name == "part":
            neuron.sigma = torch.nn.Identity()
        elif name == "unknown":
            neuron.leak = 3
        elif name == "weight":
            module[0].weight = torch.nn.Parameter(torch.tensor([0.5]))

    return change


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "activation",
            r"its activation is tanh; torch\.nn\.functional\.relu and torch\.nn\.Identity\(\), relu and unit in Lava",
        ),
        ("norm", "its neuron has norm=WgtScaleBatchNorm, which scales its sums; MeanOnlyBatchNorm, a bias, can be read"),
        ("threshold", r"its threshold is 0\.03; a multiple of 1/64 is allowed"),
        ("none", "its threshold is 0, which SLAYER raises to 1/4096; a multiple of 1/64 is allowed"),
        ("bias", "1 of 1 biases are no multiples of 1/64"),
        ("scale", r"w_scale, s_scale and delta\.scale of \(64, 4096, 64\); \(64, 4096, 4096\) can be read"),
        ("part", r"its neuron has sigma=Identity; dendrite\.sigma\.Sigma can be read"),
        ("unknown", "its neuron has the attribute leak"),
        ("weight", r"its weight is 0\.5; an integer is allowed, by which the chip multiplies the input"),
    ],
)
def test_what_changes_the_computation_is_refused(slayer, name, text):
    module, shape, _ = chain(slayer, np.random.default_rng(0), delay=False)
    broken(name)(slayer, module)
    with pytest.raises(NetworkError, match=text):
        myelin.from_torch(module, shape)


def test_floats_of_such_blocks_are_refused(slayer):
    from myelin.convert.modules.slayer import floats_from_slayer

    module, shape, _ = chain(slayer, np.random.default_rng(0), delay=False)
    with pytest.raises(NetworkError, match="the module begins with neurons in its input, which a float network does not have"):
        floats_from_slayer(module, shape)
