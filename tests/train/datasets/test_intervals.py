"""Spikes split by interval: planes worked out by hand, every spike kept, what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.hw_configs.errors import ConfigError, DataError
from myelin.train.config.config import AugmentConfig, DataConfig
from myelin.train.datasets import SpikeDataset, by_interval, join_events
from myelin.train.run.batches import Batches


def row(trains, **more):
    return SpikeDataset(*join_events(trains), np.zeros(len(trains), int), **{"channels": 4, **more})


def test_planes_by_hand():
    times = np.array([0, 1, 3, 4, 8, 8, 20]) * 2.0**-10  # exact in float32, about milliseconds
    data = row([(times, [1, 2, 1, 2, 1, 3, 1]), (times[:1], [1])])
    split = by_interval(data, [2 * 1000 / 1024, 5 * 1000 / 1024])
    # intervals in 1/1024 s: first, first, 3, 3, 5, first, 12; a sample knows nothing of the one before
    assert (split.units // 4).tolist() == [2, 2, 1, 1, 2, 2, 2, 2]
    assert (split.units % 4).tolist() == [1, 2, 1, 2, 1, 3, 1, 1]
    assert (split.shape, split.channels) == ((3, 1, 4), 12)
    np.testing.assert_array_equal(split.times_s, data.times_s)


def test_planes_add_up_to_the_frames_without_intervals():
    rng = np.random.default_rng(0)
    data = row([(np.sort(rng.uniform(0, 0.1, 60)), rng.integers(0, 4, 60)) for _ in range(3)])
    planes = by_interval(data, [1.0, 4.0]).bin(range(3), 5, 20, (3, 1, 2)).frames
    np.testing.assert_array_equal(planes.sum(axis=(2, 3)), data.bin(range(3), 5, 20, 2).frames)
    assert (planes.sum(axis=(0, 1, 3, 4)) > 0).all()


def test_no_edges_change_nothing():
    data = row([([0.001], [1])])
    assert by_interval(data, ()) is data


def test_shifts_stay_within_a_plane():
    data = by_interval(row([(np.arange(20) * 0.005, [2] * 20)] * 8), [3.0])
    config = DataConfig(steps=10, step_ms=10.0, shape=(2, 1, 4), intervals_ms=(3.0,))
    batches = Batches(data, config, 8)
    spikes = next(batches.shuffled(0, 0, AugmentConfig(channel_shift=1))).spikes
    assert spikes.shape == (8, 2, 1, 4, 10) and batches.lost["off_channel"] == 0
    assert spikes[:, 0].sum() == 0  # no interval below 3 ms
    assert set(spikes[:, 1, 0].sum(dim=2).nonzero()[:, 1].tolist()) == {1, 2, 3}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"shape": (1, 2, 2)}, "units lie on two axes; intervals are split for units in a row"),
        ({"channels": 2**31 - 1}, "2 planes of 2147483647 units; 2147483647 units in all are allowed"),
    ],
)
def test_units_that_cannot_be_split(data, said):
    with pytest.raises(DataError, match=said):
        by_interval(row([([0.001], [1])], **data), [3.0])


def test_times_out_of_order():
    with pytest.raises(DataError, match="the times of sample 1 are out of order; write the file again"):
        by_interval(row([([0.001], [1]), ([0.002, 0.001], [1, 1])]), [3.0])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"intervals_ms": (2.0, 2.0), "shape": (3, 1, 4)}, r"data.intervals_ms is \(2.0, 2.0\); a list of rising numbers"),
        ({"intervals_ms": (0.0,), "shape": (2, 1, 4)}, "a list of rising numbers above 0"),
        ({"intervals_ms": (2.0,)}, r"data.shape is None; with data.intervals_ms, \[2, 1, channels\] is allowed"),
    ],
)
def test_settings_that_cannot_be(values, said):
    with pytest.raises(ConfigError, match=said):
        DataConfig(**values)
