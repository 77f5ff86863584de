"""What enters a block: right values of any dtype, and one message in house form for everything else."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch

from myelin.hw_configs.errors import ConfigError, DataError, MyelinError
from myelin.train.layers import Conv, DelayedRecurrent, Dense, Flatten, Readout


@pytest.fixture(scope="module")
def dense():
    torch.manual_seed(0)
    return Dense(12, 8)


@pytest.fixture(scope="module")
def conv():
    torch.manual_seed(0)
    return Conv(2, 3, 3, input_shape=(2, 4, 5))


@pytest.fixture(scope="module")
def spikes():
    return (torch.rand(3, 12, 20, generator=torch.Generator().manual_seed(1)) < 0.4).float()


@pytest.mark.parametrize(
    "dtype", [torch.bool, torch.uint8, torch.int8, torch.int32, torch.int64, torch.float16, torch.bfloat16, torch.float64]
)
def test_spikes_of_any_dtype_give_the_same(dense, spikes, dtype):
    expected = dense(spikes)
    found = dense(spikes.to(dtype))
    assert found.dtype == torch.float32 and torch.equal(found, expected) and expected.sum() > 0


def test_graded_input_is_taken_as_it_is(dense, spikes):
    assert not torch.equal(dense(spikes * 0.3), dense(spikes))


def test_a_gradient_reaches_input_of_another_dtype(dense, spikes):
    x = spikes.double().requires_grad_()
    dense(x).sum().backward()
    assert x.grad.dtype == torch.float64 and x.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda x: x.double() * 0.1,
            "Dense: input is float64 with values that float32 does not hold; round it yourself with x.float()",
        ),
        (lambda x: x.to(torch.complex64), "Dense: input is torch.complex64; real spikes are needed: x.real or x.abs()"),
        (
            lambda x: (x * 2**25).long(),
            "Dense: input holds integers up to 33554432; float32 is exact up to 16777216: scale it down",
        ),
        (lambda x: x.numpy(), "Dense: input is a numpy.ndarray; a torch tensor is needed: torch.as_tensor(x)"),
        (lambda x: x.to_sparse(), "Dense: input has layout torch.sparse_coo; a dense tensor is needed: x.to_dense()"),
        (lambda x: x.movedim(1, -1), "(batch, 12, steps) is needed: time seems to come second; pass x.movedim(1, -1)"),
        (
            lambda x: x.permute(2, 0, 1),
            "is needed: time seems to come second; pass x.movedim(1, -1), or x.movedim(0, -1) if it comes first",
        ),
        (
            lambda x: x[0],
            "Dense: input has shape (12, 20); (batch, 12, steps) is needed: the batch axis is missing, pass x.unsqueeze(0)",
        ),
        (
            lambda x: x[..., 0],
            "(3, 12); (batch, 12, steps) is needed: the axis of time is missing, pass x.unsqueeze(-1) for a single step",
        ),
        (lambda x: x[:, :7], "Dense: input has shape (3, 7, 20); (batch, 12, steps) is needed"),
        (lambda x: x[:0], "Dense: input has shape (0, 12, 20); at least one sample and one step are needed"),
        (lambda x: x[..., :0], "Dense: input has shape (3, 12, 0); at least one sample and one step are needed"),
        (lambda x: x.to("meta"), "Dense: input is on the meta device, which holds no values; use a real one"),
        (lambda x: x / x, "NaN or infinite values of 720; spikes are finite numbers"),
        (lambda x: x.masked_fill(x > 0, torch.inf), "NaN or infinite values of 720; spikes are finite numbers"),
    ],
)
def test_wrong_input_is_one_message(dense, spikes, change, text):
    with pytest.raises(DataError, match=re.escape(text)):
        dense(change(spikes))


def test_a_convolution_takes_its_own_axes_or_a_flat_population(conv):
    x = (torch.rand(2, 2, 4, 5, 9) < 0.5).float()
    assert torch.equal(conv(x), conv(x.flatten(1, 3)))
    for wrong, text in (
        (
            x.movedim(1, 3),
            "(2, 4, 5, 2, 9); (batch, 2, 4, 5, steps) is needed: channels seem to come last; pass x.movedim(-2, 1)",
        ),
        (x.movedim(-1, 1), "time seems to come second; pass x.movedim(1, -1)"),
        (x[0], "the batch axis is missing"),
        (x.transpose(2, 3), "Conv: input has shape (2, 2, 5, 4, 9); (batch, 2, 4, 5, steps) is needed"),
    ):
        with pytest.raises(DataError, match=re.escape(text)):
            conv(wrong)


def test_every_block_and_flatten_check(spikes):
    for block in (DelayedRecurrent(12, 8), Readout(12, 3), Flatten((12,))):
        with pytest.raises(
            DataError, match=rf"{type(block).__name__}: input has shape \(3, 20, 12\); \(batch, 12, steps\) is needed"
        ):
            block(spikes.movedim(1, -1))
    with pytest.raises(DataError, match=r"DenseSynapse: input has shape \(3, 20, 12\)"):
        DelayedRecurrent(12, 8).synapse(spikes.movedim(1, -1))


@pytest.mark.parametrize("change", [torch.nn.Module.half, torch.nn.Module.double, torch.nn.Module.bfloat16])
def test_another_precision_of_the_block_is_refused(spikes, change):
    block = DelayedRecurrent(12, 8, delay=True)
    with pytest.raises(ConfigError, match=r"DelayedRecurrent: synapse.weight is torch\.\w+; float32 holds the chip's integers"):
        change(block)(spikes)
    assert torch.isfinite(block.float()(spikes)).all()


def test_another_device_is_named(spikes):
    block = Dense(12, 8).to("meta")
    with pytest.raises(DataError, match="Dense: input is on cpu, the block on meta; move one of them with"):
        block(spikes)


def test_diverged_weights_are_named(spikes):
    block = DelayedRecurrent(12, 8)
    with torch.no_grad():
        block.recurrence.weight[0, 0] = torch.nan
    with pytest.raises(MyelinError, match="a recurrent weight is NaN or infinite: training diverged"):
        block(spikes)
    with torch.no_grad():
        block.synapse.weight[0, 0] = torch.nan
    with pytest.raises(
        MyelinError, match="DelayedRecurrent: a weight is NaN or infinite: training diverged; lower the learning"
    ):
        block(spikes)


def test_autocast_leaves_the_integers_alone(dense, spikes):
    x = spikes * torch.arange(1, 21)  # sums that bfloat16 does not hold
    expected = dense(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(dense(x), expected)


def test_numpy_events_as_torch_gives_them(dense):
    x = np.random.default_rng(0).integers(0, 2, (2, 12, 15))
    assert torch.equal(dense(torch.from_numpy(x)), dense(torch.from_numpy(x.astype(np.float64))))
