"""Files that lava-dl's blocks export, as they are: read, they give SLAYER's own spikes."""

import h5py
import numpy as np
import pytest

from myelin.convert import read_netx, simulate
from myelin.lava_models import compat

if compat.missing(slayer=True):
    pytest.skip("lava-dl is not installed", allow_module_level=True)
compat.prepare(slayer=True)

import torch  # noqa: E402
from lava.lib.dl import slayer  # noqa: E402

NEURON = {"threshold": 1.0, "current_decay": 0.25, "voltage_decay": 0.03}


def exported(blocks, path):
    """Write the blocks as a user of lava-dl does."""
    with h5py.File(path, "w") as file:
        for index, block in enumerate(blocks):
            block.export_hdf5(file.create_group(f"layer/{index}"))


def compare(blocks, shape, path, seed, steps=60):
    """SLAYER's spikes (batch, ..., steps) are those of the file, every one."""
    rng = np.random.default_rng(seed)
    spikes = (rng.random((2, steps, *shape)) < 0.2).astype(np.uint8)
    with torch.no_grad():
        now = torch.zeros(2, *shape, 2)
        for block in blocks:  # fixes the shapes of the neurons, and leaves their states at rest
            now = block(now)
        for block in blocks:
            if getattr(block, "delay", None) is not None:
                block.delay.delay.data = torch.from_numpy(rng.uniform(0, 12, block.delay.delay.shape).astype(np.float32))
        now = torch.from_numpy(np.moveaxis(spikes, 1, -1).astype(np.float32))
        for block in blocks:
            now = block(now)
    exported(blocks, path)
    want = np.moveaxis(now.numpy(), -1, 1)
    got = simulate(read_netx(path, input_shape=shape), spikes).output
    assert want.any()
    np.testing.assert_array_equal(got, want.reshape(got.shape))


@pytest.mark.parametrize("seed", range(6))
def test_pooling_gives_slayers_spikes(tmp_path, seed):
    """Kernels, strides, padding and dilation of pools, with delays, between convolutions and in front of dense layers."""
    torch.manual_seed(seed)
    side, kernel, pool = [
        (8, 2, {}),
        (9, 2, {"stride": 2}),  # SLAYER appends a row and a column
        (12, 2, {"stride": 3}),
        (10, 3, {"stride": (11, 2)}),
        (8, 2, {"stride": 4, "dilation": (2, 1)}),
        (8, (2, 3), {"stride": (2, 2), "padding": (0, 1)}),
    ][seed]
    blocks = [
        slayer.block.cuba.Conv(dict(NEURON), 2, 4, 3, padding=1, weight_scale=2, delay=bool(seed % 2)),
        slayer.block.cuba.Pool(dict(NEURON), kernel, weight_scale=2, delay=True, **pool),
        slayer.block.cuba.Flatten(),
    ]
    with torch.no_grad():
        now = torch.zeros(1, 2, side, side, 2)
        for block in blocks:
            now = block(now)
        for block in blocks[:2]:
            block.neuron.shape = None
    blocks.append(slayer.block.cuba.Dense(dict(NEURON), now.shape[1], 6, weight_scale=20, delay=True))
    compare(blocks, (2, side, side), tmp_path / "a.net", seed)


def test_a_recurrent_block_gives_slayers_spikes(tmp_path):
    torch.manual_seed(1)
    blocks = [
        slayer.block.cuba.Recurrent(dict(NEURON), 8, 12, weight_scale=2, delay=True),
        slayer.block.cuba.Dense(dict(NEURON), 12, 4, weight_scale=3),
    ]
    compare(blocks, (8,), tmp_path / "a.net", 1)


@pytest.mark.parametrize(("kind", "told"), [("ConvT", "transposed convolutions"), ("Unpool", "SLAYER's Unpool")])
def test_blocks_without_a_counterpart_are_refused_by_name(tmp_path, kind, told):
    make = {"ConvT": lambda cls: cls(dict(NEURON), 2, 3, 3), "Unpool": lambda cls: cls(dict(NEURON), 2)}[kind]
    block = make(getattr(slayer.block.cuba, kind))
    with torch.no_grad():
        block(torch.zeros(1, 2, 4, 4, 3))
    exported([block], tmp_path / "a.net")
    from myelin.hw_configs.errors import NetworkError

    with pytest.raises(NetworkError, match=told):
        read_netx(tmp_path / "a.net", input_shape=(2, 4, 4))
