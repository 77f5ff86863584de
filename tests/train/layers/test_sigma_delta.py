"""Delta encoders at the input, and files of sigma-delta blocks."""

from __future__ import annotations

import copy
import re

import h5py
import numpy as np
import pytest
import sigma_delta_blocks
import torch

import myelin
from myelin import nn
from myelin.convert import Delta, Sigma, SigmaDelta
from myelin.hw_configs.errors import ConfigError, DataError, MyelinError, NetworkError


def test_changes_are_sent_in_the_step_of_the_input():
    """In units of 1/64: 1 is below the threshold of 2, 1 + 2 is sent; the integer of an input is the nearest."""
    own = nn.Delta(1, threshold=2 / 64)
    got = own(torch.tensor([[[1.2, 3.0, 3.0, -3.0]]]) / 64)
    assert (got * 64).flatten().tolist() == [0, 3, 0, -6] and own.spike_rate == 0.5
    counts = nn.Delta((1,), threshold=0, step=1.0, weight=4, bias=1)
    assert (counts(torch.tensor([[[2, 2, 0]]])) * 64).flatten().tolist() == [9, 0, -8]
    assert repr(counts) == "Delta(1, threshold=0, step=1, weight=4, bias=1)"


def test_gradients_reach_what_stands_before_the_encoders():
    x = torch.rand(1, 2, 5, requires_grad=True)
    (nn.Delta(2)(x) * torch.arange(5)).sum().backward()
    assert x.grad[0, 0].tolist() == [-1.0, -1.0, -1.0, -1.0, 4.0]  # d/dx of sum t (x[t] - x[t - 1])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"threshold": 0.3}, r"Delta: threshold is 0\.3; a multiple of 1/64 from 0"),
        ({"step": 0}, "Delta: step is 0; a number above 0 is allowed"),
        ({"weight": 1.5}, r"Delta: weight is 1\.5; an integer is allowed, of which 64 are 1 in SLAYER's units"),
        ({"shape": (2, 3)}, r"Delta: neurons is \(2, 3\); a number"),
    ],
)
def test_wrong_arguments(options, text):
    with pytest.raises(ConfigError, match=text):
        nn.Delta(**{"shape": 2, **options})


def test_wrong_inputs():
    with pytest.raises(DataError, match=r"Delta: input has shape \(1, 3, 5\)"):
        nn.Delta(2)(torch.zeros(1, 3, 5))
    with pytest.raises(MyelinError, match="values of delta encoders reach 5000, Lava's 32 bit hold changes of them below 4096"):
        nn.Delta(2)(torch.full((1, 2, 5), 5000.0))


@pytest.mark.parametrize("seed", [1, 2, 4, 8])
def test_a_file_holds_the_integers_of_the_forward_pass(tmp_path, seed):
    module, _, x = sigma_delta_blocks.random_module(seed)
    module.eval()(x)  # a flatten block learns its size
    path = tmp_path / "sdnn.net"
    with h5py.File(path, "w") as file:
        for index, block in enumerate(module):
            block.export_hdf5(file.create_group(f"layer/{index}"))
    network = myelin.read(path).network
    assert isinstance(network.input.neuron, Delta)
    assert all(isinstance(layer.neuron, SigmaDelta | Sigma) for layer in network.layers)
    found = myelin.compare(module, network, x)
    assert found.equal and found.values > 100, str(found)
    copied = copy.deepcopy(module)
    np.testing.assert_array_equal(copied(x).detach().numpy(), module(x).detach().numpy())


def test_floats_make_no_file(tmp_path):
    block = nn.Dense(2, 3, neuron=nn.SigmaDelta(3, bias=True), quantise=False)
    text = re.escape("Dense: its weights are floats; train it with quantise=True")
    with h5py.File(tmp_path / "floats.net", "w") as file, pytest.raises(NetworkError, match=text):
        block.export_hdf5(file.create_group("layer/0"))
