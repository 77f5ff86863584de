"""SLAYER's resonate-and-fire blocks through ``from_torch``: its own evaluation exactly, or a refusal that names the reason."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from myelin.convert import Rf, RfIz, read_netx, simulate
from myelin.convert.compare.constants import constant_differences
from myelin.convert.modules.compare import compare
from myelin.convert.modules.from_torch import from_torch
from myelin.hw_configs.errors import NetworkError
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402

NEURON = {"threshold": 1.0, "period": 12.5, "decay": 0.03}
EACH = {"threshold": 1.25, "period": (4, 50), "decay": (0.01, 0.3), "shared_param": False}
rf = slayer.block.rf


def module(kind, seed):
    """A random chain of blocks that has run once, its input shape and spikes (batch, *shape, steps)."""
    torch.manual_seed(seed)
    rng, block = np.random.default_rng(seed), getattr(slayer.block, kind)
    learned = {"requires_grad": bool(seed // 2 % 2)}
    if seed % 2:
        shape = (2, 5, 6)
        parts = [
            block.Conv({**NEURON, **learned}, 2, 3, 3, stride=(1, 2), padding=1, weight_scale=5, delay=True),
            block.Pool(dict(NEURON), 1, weight_scale=20),
            block.Flatten(),
            block.Dense({**EACH, **learned}, 45, 7, weight_scale=5, delay=bool(rng.integers(2))),
        ]
    else:
        shape = (12,)
        parts = [
            block.Dense({**EACH, **learned}, 12, 9, weight_scale=6, delay=True, delay_shift=bool(rng.integers(2))),
            block.Dense({**NEURON, "decay": 0.0, **learned}, 9, 5, weight_scale=8),
        ]
    made = torch.nn.Sequential(*parts)
    x = (torch.rand(2, *shape, 30) < 0.3).float()
    with torch.no_grad():
        made(x)
    for part in parts:
        if getattr(part, "delay", None) is not None:
            part.delay.delay.data = torch.rand_like(part.delay.delay) * 15
    return made, shape, x


@pytest.mark.parametrize("kind", ["rf", "rf_iz"])
@pytest.mark.parametrize("seed", range(4))
def test_evaluation_equals_the_integers(kind, seed):
    made, shape, x = module(kind, seed)
    network = from_torch(made, shape)
    assert {type(layer.neuron) for layer in network.layers} == {Rf if kind == "rf" else RfIz}
    found = compare(made, network, x)
    assert found.equal, str(found)
    with torch.no_grad():
        assert made(x).any()


@pytest.mark.parametrize("kind", ["rf", "rf_iz"])
def test_trained_blocks_stay_exact(kind):
    """Training is lava-dl's own: weights, axonal delays, periods and decays move, and the integers follow."""
    made, shape, x = module(kind, 2)  # a seed whose neurons learn
    before = from_torch(made, shape)
    optimiser = torch.optim.Adam(made.parameters(), lr=0.05)
    losses = []
    for _ in range(6):
        optimiser.zero_grad()
        loss = (made(x).mean(dim=-1) - 0.3).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    after = from_torch(made, shape)
    assert losses[-1] < losses[0]
    assert constant_differences(before, after) != [], "nothing was learnt"
    found = compare(made, after, x)
    assert found.equal, str(found)


def test_its_own_file_has_the_same_integers(tmp_path):
    made, shape, x = module("rf", 2)
    network = from_torch(made, shape)
    with h5py.File(tmp_path / "rf.net", "w") as file:
        for index, block in enumerate(made):
            block.export_hdf5(file.create_group(f"layer/{index}"))
    stored = read_netx(tmp_path / "rf.net")
    assert constant_differences(network, stored) == []
    spikes = x.numpy().transpose(0, 2, 1).astype(np.uint8)
    assert simulate(stored, spikes).output.any()


def block_with(**attributes):
    made = rf.Dense(dict(NEURON), 3, 4)
    for name, value in attributes.items():
        setattr(made.neuron, name, value)
    return made


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: rf.Dense({**NEURON, "graded_spike": True}, 3, 4), "graded_spike=True, and sends its state as the spike"),
        (
            lambda: rf.Dense({**NEURON, "norm": slayer.neuron.norm.MeanOnlyBatchNorm}, 3, 4),
            "its neuron has a norm, which shifts or scales the input in every step and is in no file: train without",
        ),
        (lambda: rf.Dense(dict(EACH), 3, 4), "has not run yet, and draws its periods and decays in the first forward pass"),
        (lambda: rf.Dense(dict(NEURON), 3, 4, pre_hook_fx=None), "24 of 24 weights are no multiples of 1/64"),
        (
            lambda: rf.Recurrent(dict(NEURON), 4, 4),
            "cannot be read; .*slayer.block.rf's Flatten, Dense, Conv",
        ),
        (lambda: block_with(noise=3), "its neuron has the attribute noise, which Neuron of lava-dl 0.6.0 does not have"),
        (lambda: block_with(s_scale=64), "s_scale=64; those of its class, 4096 and s_scale = 64 w_scale, can be read"),
        (
            lambda: block_with(sin_decay=torch.nn.Parameter(torch.tensor([float("nan")]))),
            "its sin_decay is NaN or infinite: training diverged",
        ),
        (
            lambda: block_with(sin_decay=torch.nn.Parameter(torch.ones(3))),
            r"it has 3 values of sin_decay for a population of \(4,\), with which its forward pass fails in lava-dl itself",
        ),
    ],
)
def test_what_changes_the_computation_is_refused_by_name(make, told):
    with pytest.raises(NetworkError, match=told):
        from_torch(torch.nn.Sequential(make()), (3,) if "Recurrent" not in told else (4,))


def test_floats_of_complex_weights_are_not_calibrated():
    made = torch.nn.Sequential(rf.Dense(dict(NEURON), 3, 4, pre_hook_fx=None))
    with pytest.raises(NetworkError, match="complex dense weights are taken as they are, in integers: floats of them"):
        from_torch(made, (3,), calibrate=torch.ones(2, 3, 9))
    other = rf.Dense(dict(NEURON), 3, 4)
    other.synapse = slayer.synapse.Dense(3, 4)
    with pytest.raises(NetworkError, match=r"its synapse is a Dense of .*; slayer.synapse.complex.Dense can be read"):
        from_torch(torch.nn.Sequential(other), (3,))
