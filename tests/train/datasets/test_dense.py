"""Dense arrays as data: every count comes back from its own step, orders of axes are told or asked for, values are checked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import SpikeDataset
from myelin.train.datasets.dense import middles


def counts(shape, seed=0, low=0, high=3):
    return np.random.default_rng(seed).integers(low, high, shape)


@settings(max_examples=40, deadline=None)
@given(
    step_ms=st.floats(1e-4, 1e5) | st.sampled_from([0.1, 0.3, 1 / 3, 1.0, 1.1, 4.0, 33.3, 1e-3]),
    steps=st.integers(1, 30),
    seed=st.integers(0, 2**16),
)
def test_binning_gives_dense_data_back(step_ms, steps, seed):
    x = counts((3, steps, 5), seed, high=256)
    data = SpikeDataset.from_dense(x, [0, 1, 1], step_ms=step_ms)
    result = data.bin([0, 1, 2], steps, step_ms, 5)
    np.testing.assert_array_equal(result.frames, x)
    assert result[1:] == (x.sum(), 0, 0, 0, 0)
    assert (data.steps, data.step_ms, data.task, data.classes, data.shape) == (steps, step_ms, "classes", 2, None)


@pytest.mark.parametrize("step_ms", [0.1, 0.3, 1.0, 1.7, 10.0])
def test_every_step_of_a_long_sample_is_its_own(step_ms):
    steps = 200_000
    times = middles(steps, step_ms, "x")
    assert times.dtype == np.float32
    data = SpikeDataset.from_dense(np.ones((1, steps, 1), bool), [0], step_ms=step_ms)
    assert (data.bin([0], steps, step_ms, 1).frames == 1).all()
    assert middles(2**24 + 2, step_ms, "x").dtype == np.float64  # float32 cannot tell that many apart


def test_times_in_whole_microseconds_fall_into_their_steps():
    times = np.arange(5000) * 1000  # each at the very start of its millisecond
    data = SpikeDataset.from_events([times], [np.zeros(5000, int)], [0], channels=1, time_unit="us")
    assert (data.bin([0], 5000, 1.0, 1).frames == 1).all()
    seconds = SpikeDataset.from_events([np.arange(5000) * 1e-3], [np.zeros(5000, int)], [0], channels=1)
    assert (seconds.bin([0], 5000, 1.0, 1).frames == 1).all()


def test_coarser_steps_add_counts():
    x = counts((2, 12, 4))
    data = SpikeDataset.from_dense(x, [0, 0])
    np.testing.assert_array_equal(data.bin([0, 1], 4, 3.0, 2).frames, x.reshape(2, 4, 3, 2, 2).sum(axis=(2, 4)))


def test_counts_are_kept_up_to_the_largest_of_a_cell():
    data = SpikeDataset.from_dense(np.array([[[200], [3]], [[0], [255]]]), [0, 1])
    assert data.counts.tolist() == [200, 3, 255]
    result = data.bin([0, 1], 2, 1.0, 1, max_count=15)
    assert (result.frames.ravel().tolist(), result.events, result.clipped) == ([15, 3, 0, 15], 458, 185 + 240)
    binary = data.bin([0, 1], 2, 1.0, 1, mode="binary")
    assert (binary.frames.ravel().tolist(), binary.clipped) == ([1, 1, 0, 1], 455)
    assert data.bin([0], 2, 1.0, 1, channel_shift=1).off_channel == 203
    assert data.bin([0], 1, 1.0, 1).late == 3
    assert data.subset([1]).counts.tolist() == [255]


def test_planes_and_signed_values():
    x = counts((3, 6, 2, 3, 4), low=-3, high=4)
    data = SpikeDataset.from_dense(x, [0, 1, 2], signed=True)
    assert (data.shape, data.channels) == ((4, 3, 4), 48)
    frames = data.bin([0, 1, 2], 6, 1.0, (4, 3, 4)).frames.astype(int)
    np.testing.assert_array_equal(frames[:, :, 0::2] - frames[:, :, 1::2], x)  # channel 2 c is up, 2 c + 1 down
    row = SpikeDataset.from_dense([[[-2, 0], [1, 5]]], [0], signed=True)
    assert row.bin([0], 2, 1.0, 4).frames.tolist() == [[[0, 2, 0, 0], [1, 0, 5, 0]]]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float32, np.float64])
def test_dtypes_of_whole_values(dtype):
    x = counts((2, 5, 3), high=2).astype(dtype)
    np.testing.assert_array_equal(SpikeDataset.from_dense(x, [0, 1]).bin([0, 1], 5, 1.0, 3).frames, x)


def test_orders_of_axes():
    torch = pytest.importorskip("torch")
    x = counts((2, 6, 3))

    def same(data):
        np.testing.assert_array_equal(data.bin([0, 1], 6, 1.0, 3).frames, x)

    last = torch.tensor(x).movedim(1, -1)
    same(SpikeDataset.from_dense(x, [0, 1]))
    same(SpikeDataset.from_dense(last, torch.tensor([0, 1]), time_axis=-1))
    same(SpikeDataset.from_dense(last, [0, 1], shape=(3,)))  # told by the shape of a step
    same(SpikeDataset.from_dense(torch.tensor(x), [0, 1], shape=(3,)))
    with pytest.raises(DataError, match=r"x is a tensor of shape \(2, 3, 6\), which may be .*say time_axis=1 or time_axis=-1"):
        SpikeDataset.from_dense(last, [0, 1])
    with pytest.raises(DataError, match=r"shape \(2, 3, 3\), which is both .*say which with time_axis=1 or time_axis=-1"):
        SpikeDataset.from_dense(counts((2, 3, 3)), [0, 1], shape=(3,))
    flat = SpikeDataset.from_dense(counts((2, 6, 24)), [0, 1], shape=(2, 3, 4))
    np.testing.assert_array_equal(flat.bin([0, 1], 6, 1.0, (2, 3, 4)).frames.reshape(2, 6, 24), counts((2, 6, 24)))


@pytest.mark.parametrize(
    ("x", "more", "said"),
    [
        (np.full((1, 2, 3), 256), {}, r"counts above 255 \(first 256 in sample 0\); frames are 8 bit: scale the values down"),
        (np.full((1, 2, 3), -256), {"signed": True}, r"counts above 255 \(first -256 in sample 0\)"),
        (
            np.full((1, 2, 3), -1),
            {},
            r"negative values \(first -1 in sample 0\); use signed=True, which makes two channels of each",
        ),
        (np.full((1, 2, 3), -1.0), {}, "use signed=True"),
        ([[[0.0]], [[0.5]]], {}, r"fractions \(first 0.5 in sample 1\); counts are integers 0..255"),
        ([[[np.nan]]], {}, r"NaN or infinite values \(first nan in sample 0\)"),
        ([[["a"]]], {}, "x has dtype <U1; bool, integers, or floats that are integers are allowed"),
        (np.ones((2, 3)), {}, r"x has shape \(2, 3\); .* use x\[..., None\] for one channel"),
        (np.ones((1, 2, 3, 4)), {}, r"a step has shape \(3, 4\); \(channels,\) or \(channels, height, width\)"),
        ([[[1]], [[1], [2]]], {}, "rows of equal length are needed"),
        (np.ones((1, 2, 3)), {"time_axis": 2}, "time_axis is 2; 1 for .* or -1"),
        (np.ones((1, 2, 3)), {"shape": (4,)}, r"shape \(1, 2, 3\); for steps of shape \(4\)"),
        (np.ones((1, 2, 3)), {"shape": (2,), "time_axis": 1}, r"with time_axis=-1, \(samples, 2, steps\) is allowed"),
        (np.ones((1, 0, 3)), {}, "at least one step and channel are needed"),
        (np.ones((1, 2, 3)), {"step_ms": 0.0}, "2 steps of 0.0 ms"),
        (np.ones((1, 2, 3)), {"step_ms": float("inf")}, "2 steps of inf ms"),
    ],
)
def test_values_and_shapes_that_are_refused(x, more, said):
    with pytest.raises(DataError, match=f"^mine: .*{said}"):
        SpikeDataset.from_dense(x, np.zeros(len(x), int), name="mine", **more)
