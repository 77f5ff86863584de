"""Pooling by hand and against lava-dl's; flattening."""

from __future__ import annotations

import pytest
import torch

from myelin.hw_configs.errors import DataError, NetworkError
from myelin.train.layers import Flatten, Pool


def test_by_default_a_neuron_spikes_when_its_window_has_a_spike():
    x = torch.zeros(1, 1, 2, 4, 5)
    x[0, 0, 1, 0, 1] = x[0, 0, 0, 3, 3] = x[0, 0, 1, 2, 3] = 1
    out = Pool(2, input_shape=(1, 2, 4))(x)
    assert out.shape == (1, 1, 1, 2, 5)
    assert out[0, 0, 0].tolist() == [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1]]  # one step later


def test_strides_and_edges_are_torchs():
    pool = Pool(3, input_shape=(2, 7, 8), stride=2, padding=1, current_decay=0.5)
    x = (torch.rand(2, 2, 7, 8, 12) < 0.3).float()
    expected = torch.nn.functional.avg_pool2d(x.movedim(-1, 1).flatten(0, 1), 3, 2, 1, divisor_override=1)
    z = pool.synapse(x)
    torch.testing.assert_close(z.movedim(-1, 1).flatten(0, 1), expected, rtol=0, atol=0)
    assert pool.shape == expected.shape[1:] and Pool(2, input_shape=(9,)).shape == (1, 1, 4)


def test_equals_slayers_pool(slayer):
    torch.manual_seed(0)
    params = {"threshold": 1.5, "current_decay": 0.4, "voltage_decay": 0.2}
    theirs = slayer.block.cuba.Pool(params, 2, weight_scale=1, delay=True)
    own = Pool(2, input_shape=(3, 6, 8), delay=True, **params)
    x = (torch.rand(2, 3, 6, 8, 40) < 0.3).float()
    theirs(x)  # draws the delays at the first call
    theirs.delay.delay.data = torch.tensor([0.0, 3.0, 7.0])
    with torch.no_grad():
        own.delay.delay.copy_(torch.tensor([0.0, 3.0, 7.0]))
    own.delay.set(hard=True)
    assert 0.05 < own(x).mean() < 0.8 and torch.equal(own(x), theirs(x))


def test_its_weight_is_a_depthwise_kernel_and_not_learnt():
    pool = Pool(2, input_shape=(3, 4, 4), weight=0.5, delay=True, max_delay=2)
    assert pool.synapse.weight.shape == (3, 1, 2, 2) and pool.synapse.groups == 3 and not pool.synapse.weight.requires_grad
    assert dict(pool.named_parameters()).keys() == {"neuron.current_decay", "neuron.voltage_decay", "delay.delay"}
    x = (torch.rand(1, 3, 4, 4, 9) < 0.3).float().requires_grad_()
    pool(x).sum().backward()
    assert x.grad.abs().sum() > 0


def test_flatten_learns_its_size_from_the_first_input(tmp_path):
    h5py = pytest.importorskip("h5py")
    x = torch.arange(2 * 3 * 4 * 5 * 6.0).reshape(2, 3, 4, 5, 6)
    block = Flatten()
    assert block.shape is None and str(block) == "Flatten(any)"
    with h5py.File(tmp_path / "a.net", "w") as file:
        with pytest.raises(NetworkError, match="Flatten: its size is not known; give it input_shape, or run the network once"):
            block.export_hdf5(file.create_group("0"))
        assert torch.equal(block(x), x.reshape(2, 60, 6)) and block.shape == (60,)
        block.export_hdf5(file.create_group("1"))
        assert file["1/type"][0] == b"flatten" and file["1/shape"][()].tolist() == [60, 1, 1]


def test_flatten_refuses_what_is_no_tensor():
    with pytest.raises(DataError, match=r"Flatten: input is a builtins.list; a torch tensor is needed"):
        Flatten()([[[0.0]]])
