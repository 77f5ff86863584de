"""Units on two axes: the file says how they lie, binning pools and shifts along both, every event is accounted for."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myelin.hw_configs.errors import DataError
from myelin.train.config.config import AugmentConfig, DataConfig
from myelin.train.datasets import SpikeDataset, join_events, read_shd, write_shd
from myelin.train.run.batches import Batches

SHAPE = (2, 4, 6)


def events(trains, **more):
    return SpikeDataset(*join_events(trains), np.zeros(len(trains), int), **{"channels": 48, "shape": SHAPE, **more})


def random_events(rng, samples, size=40):
    return events([(np.sort(rng.uniform(0, 0.1, size)), rng.integers(0, 48, size)) for _ in range(samples)])


def test_units_are_pixels_in_c_order_and_pool_along_each_axis():
    unit = (1 * 4 + 3) * 6 + 2  # channel 1, row 3, column 2
    data = events([([0.001, 0.011], [unit, unit])])
    assert np.argwhere(data.bin([0], 2, 10, SHAPE).frames).tolist() == [[0, 0, 1, 3, 2], [0, 1, 1, 3, 2]]
    pooled = data.bin([0], 1, 20, (1, 2, 3)).frames  # both channels, pairs of rows, pairs of columns
    assert pooled.shape == (1, 1, 1, 2, 3) and pooled[0, 0, 0, 1, 1] == 2 and pooled.sum() == 2


def test_a_shift_moves_along_both_axes_and_does_not_wrap():
    unit = (0 * 4 + 3) * 6 + 5  # the last row and column of channel 0
    data = events([([0.001], [unit])] * 4)
    result = data.bin(range(4), 1, 10, SHAPE, channel_shift=[[0, 0], [-1, -2], [1, 0], [0, 1]])
    assert np.argwhere(result.frames).tolist() == [[0, 0, 0, 3, 5], [1, 0, 0, 2, 3]]
    assert result.off_channel == 2  # neither into channel 1 below nor into the next row


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(2, 4, 6), (1, 2, 3), (2, 1, 2), (1, 4, 1)]))
def test_frames_equal_numpy_and_conserve_events(seed, pooled):
    rng = np.random.default_rng(seed)
    data, shift = random_events(rng, 3), rng.integers(-3, 4, (3, 2))
    result = data.bin(range(3), 5, 20, pooled, channel_shift=shift)
    expected = np.zeros((3, 5, *SHAPE), int)
    for sample in range(3):
        times, units = data.sample(sample)
        channel, row, column = np.unravel_index(units.astype(int), SHAPE)
        row, column = row + shift[sample, 0], column + shift[sample, 1]
        inside = (row >= 0) & (row < 4) & (column >= 0) & (column < 6)
        places = (np.floor(times.astype(float) * 50).astype(int), channel, row, column)
        np.add.at(expected[sample], tuple(place[inside] for place in places), 1)
    split = [size for whole, part in zip(SHAPE, pooled) for size in (part, whole // part)]
    np.testing.assert_array_equal(result.frames, expected.reshape(3, 5, *split).sum(axis=(3, 5, 7)))
    assert result.frames.sum() + result.off_channel + result.clipped + result.late == result.events == 120


def test_a_row_takes_a_shape_of_one_axis_and_no_other():
    row = events([([0.001], [7])], shape=None)
    assert np.argwhere(row.bin([0], 1, 10, (1, 1, 24)).frames).tolist() == [[0, 0, 0, 0, 3]]
    assert row.bin([0], 1, 10, (24, 1, 1)).frames.shape == (1, 1, 24, 1, 1)
    with pytest.raises(DataError, match=r"a row of 48, asked for is 2 x 4 x 6; a file whose units lie on two axes says so in"):
        row.bin([0], 1, 10, SHAPE)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (48, r"units are 2 x 4 x 6, asked for is a row of 48; name data .* --set data.shape=\[2, 4, 6\]"),
        ((2, 4, 5), "units of 2 x 4 x 6 do not pool to 2 x 4 x 5; a divisor along each axis"),
        ((2, 4, 0), "do not pool to 2 x 4 x 0"),
    ],
)
def test_shapes_that_do_not_pool(asked, said):
    with pytest.raises(DataError, match=said):
        events([([0.001], [7])]).bin([0], 1, 10, asked)


def test_shifts_are_pairs():
    with pytest.raises(DataError, match=r"shape \(1,\), needed is one pair \(vertical, horizontal\) for each of 1 samples"):
        events([([0.001], [7])]).bin([0], 1, 10, SHAPE, channel_shift=[1])


def test_the_file_says_how_its_units_lie(tmp_path):
    data = random_events(np.random.default_rng(1), 3)
    write_shd(data, tmp_path / "x.h5")
    back = read_shd(tmp_path / "x.h5")
    assert (back.shape, back.channels, back.subset([1]).shape) == (SHAPE, 48, SHAPE)
    np.testing.assert_array_equal(back.units, data.units)
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        del file.attrs["channels"]  # the shape is enough
    assert read_shd(tmp_path / "x.h5").channels == 48


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ([2, 4], r"root attribute 'shape' is \[2 4\], allowed are three whole numbers \(channels, height, width\)"),
        ([2.0, 4.0, 6.0], "three whole numbers"),
        ([2, -4, -6], r"product in 1..2147483647"),
        ([2, 40000, 40000], r"product in 1..2147483647"),
        ([2, 4, 5], r"shape is \(2, 4, 5\); \(channels, height, width\) of 48 units together is allowed"),
    ],
)
def test_a_shape_that_cannot_be(shape, said, tmp_path):
    write_shd(random_events(np.random.default_rng(1), 1), tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5", "r+") as file:
        file.attrs["shape"] = shape
    with pytest.raises(DataError, match=said):
        read_shd(tmp_path / "x.h5")


def test_batches_have_the_shape_of_the_input():
    data = random_events(np.random.default_rng(2), 5)
    source = Batches(data, DataConfig(steps=5, step_ms=20.0, shape=(2, 2, 3)), 4)
    first, second = source.in_order()
    assert (first.spikes.shape, second.spikes.shape) == ((4, 2, 2, 3, 5), (1, 2, 2, 3, 5))
    np.testing.assert_array_equal(second.spikes[0].permute(3, 0, 1, 2).numpy(), source.frames([4])[0])
    augment = AugmentConfig(channel_shift=1, channel_mask=2, time_shift_ms=5.0)
    one, again = (next(source.shuffled(0, 1, augment)).spikes for _ in range(2))
    assert (one == again).all() and one.sum() < first.spikes.sum()


def test_blended_counts_do_not_wrap():
    data = SpikeDataset.from_dense(np.full((4, 3, 2), 255), [0, 0, 0, 0])
    source = Batches(data, DataConfig(steps=3, step_ms=1.0, channels=2, message_bits=8), 4)
    (batch,) = source.shuffled(0, 0, AugmentConfig(blend=1.0))
    # each spike of two full frames is kept with probability 1/2: about 255 of 510, and those above 255 are clipped
    assert batch.spikes.min() > 200 and batch.spikes.max() == 255 and source.lost["clipped"] > 0
