"""SLAYER's blocks as float networks: the spikes that SLAYER computes, up to its own rounding of states."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.modules.slayer import floats_from_slayer
from myelin.convert.quantise.calibrate import mismatch
from myelin.hw_configs.errors import NetworkError
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402

NEURON = {"threshold": 1.0, "current_decay": 0.5, "voltage_decay": 0.25}


def set_weights(block, rng, spread=1.0):
    """Weights that SLAYER's 8 bit keep: even 64ths."""
    names = ["synapse"] if hasattr(block, "synapse") else ["input_synapse", "recurrent_synapse"]
    for name in names:
        weight = getattr(block, name).weight
        weight.data = torch.tensor(np.rint(rng.normal(0.1, spread, tuple(weight.shape)) * 32) / 32, dtype=torch.float32)


def test_a_chain_spikes_as_in_slayer():
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    cuba = slayer.block.cuba
    blocks = [
        cuba.Conv(dict(NEURON), 1, 2, (2, 3), stride=(1, 2), padding=(0, 1), delay=True),
        cuba.Flatten(),
        cuba.Dense(dict(NEURON), 2 * 3 * 3, 6, delay=True),
        cuba.Recurrent(dict(NEURON), 6, 5),
        cuba.Average(5),
    ]
    for block in (blocks[0], blocks[2], blocks[3]):
        set_weights(block, rng, 0.5)
    x = (rng.random((3, 1, 4, 5, 40)) < 0.3).astype(np.float32)
    for block, size in ((blocks[0], 2), (blocks[2], 6)):
        block.delay.init = True
        block.delay.delay.data = torch.tensor(rng.uniform(0, 5, size), dtype=torch.float32)
    floats = floats_from_slayer(blocks, (1, 4, 5))
    assert [layer.shape for layer in floats.layers] == [(2, 3, 3), (6,), (5,)]
    assert floats.average_groups == 5
    fractions = floats.layers[1].delay_steps
    np.testing.assert_allclose(fractions, blocks[2].delay.delay.data, rtol=1e-6)
    with torch.no_grad():
        out = torch.tensor(x)
        for block in blocks[:-1]:
            out = block(out)
    got = simulate_floats(floats.map_delays(np.floor), np.moveaxis(x, -1, 1)).output
    want = np.moveaxis(out.numpy(), -1, 1)
    assert np.count_nonzero(want) > 20
    assert mismatch(got, want) < 0.02


def test_an_affine_block_is_a_readout_of_states():
    blocks = [slayer.block.cuba.Dense(dict(NEURON), 3, 4), slayer.block.cuba.Affine(dict(NEURON), 4, 2, dynamics=False)]
    hidden, readout = floats_from_slayer(blocks, (3,), message_bits=2).layers
    assert hidden.neuron.threshold == 1.0 and readout.neuron.threshold is None
    assert (float(readout.neuron.current_decay), float(readout.neuron.voltage_decay)) == (1, 1)
    np.testing.assert_array_equal(readout.synapse.weight, blocks[1].synapse.weight.detach().numpy()[..., 0, 0, 0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda cuba: [cuba.Input(dict(NEURON))], r"module.0 \(slayer.block.cuba.Input\): its neurons filter the input"),
        (
            lambda cuba: [cuba.TimeDecimation(2)],
            r"module.0 \(slayer.block.cuba.TimeDecimation\): it cannot be read; slayer.block.cuba's",
        ),
        (
            lambda cuba: [cuba.Average(1), cuba.Dense(dict(NEURON), 3, 4)],
            r"module.1 \(slayer.block.cuba.Dense\): it follows an Average",
        ),
        (lambda cuba: [torch.nn.Linear(3, 4)], r"module.0 \(torch.nn.Linear\): it is no block of lava-dl"),
    ],
)
def test_what_cannot_be_read_is_named(make, message):
    with pytest.raises(NetworkError, match=message):
        floats_from_slayer(make(slayer.block.cuba), (3,))
