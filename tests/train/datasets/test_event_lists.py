"""Lists of events as data: units of time are told or asked for, event cameras of any size fit, nothing is misread."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import SpikeDataset, join_events, load

DVS = np.dtype([("t", np.int64), ("x", np.int16), ("y", np.int16), ("p", bool)])


def test_lists_become_a_data_set():
    data = SpikeDataset.from_events([[0.001, 0.002], []], [[3, 0], []], ["b", "a"], channels=4, speakers=[1, 2])
    assert (data.keys, data.labels.tolist(), data.speakers.tolist(), data.channels) == (("a", "b"), [1, 0], [1, 2], 4)
    assert (data.times_s.dtype, data.times_s.tolist(), data.units.dtype) == (np.float64, [0.001, 0.002], np.uint16)
    single = SpikeDataset.from_events([np.array([0.001], np.float32)], [[3]], [0], channels=4)
    assert single.times_s.dtype == np.float32 and single.times_s[0] == np.float32(0.001)


@pytest.mark.parametrize(("unit", "scale"), [("s", 1), ("ms", 1e3), ("us", 1e6)])
def test_units_of_time(unit, scale):
    seconds = np.array([0.25, 0.5])
    data = SpikeDataset.from_events([seconds * scale], [[0, 1]], [0], channels=2, time_unit=unit)
    np.testing.assert_array_equal(data.times_s, seconds)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ([5, 787], "are integers .the last one 787., whose unit cannot be told; say time_unit='us' .microseconds"),
        (
            [5.0, 787.0],
            "times look like milliseconds: .* half of the samples last 787 s or longer.*time_unit='ms' .--time-unit ms.",
        ),
        ([5.0, 787000.0], "times look like microseconds: .*time_unit='us' .--time-unit us.*or 's' if they are seconds"),
        (["a", "b"], "times of sample 0 have dtype <U1; numbers are needed"),
    ],
)
def test_times_whose_unit_is_not_seconds_are_refused(times, said):
    with pytest.raises(DataError, match=said):
        SpikeDataset.from_events([times] * 3, [[0, 1]] * 3, [0, 1, 0], channels=2)


def test_long_recordings_are_taken_if_it_is_said():
    one_long = SpikeDataset.from_events([[0.5], [0.7], [4000.0]], [[0]] * 3, [0, 1, 0], channels=2)  # one of many
    assert one_long.durations_s.tolist() == [0.5, 0.7, 4000.0]
    assert SpikeDataset.from_events([[3600.0]], [[0]], [0], channels=1, time_unit="s").times_s.tolist() == [3600.0]


def test_a_camera_of_more_than_65536_units():
    shape = (2, 260, 346)
    events = np.array([(1500, 345, 259, 1), (2500, 0, 0, 0)], DVS)
    data = SpikeDataset.from_events([events], None, [0], shape=shape, time_unit="us")
    assert (data.channels, data.units.dtype, data.units.tolist()) == (179_920, np.uint32, [179_919, 0])
    assert np.argwhere(data.bin([0], 3, 1.0, shape).frames).tolist() == [[0, 1, 1, 259, 345], [0, 2, 0, 0, 0]]
    assert data.bin([0], 3, 1.0, (2, 26, 173)).frames[0, 1, 1, 25, 172] == 1
    assert data.bin([0], 3, 1.0, shape, channel_shift=[[1, 0]]).off_channel == 1


def test_columns_by_name():
    columns = {"t": [0.001, 0.002], "x": [1, 0], "p": [0, 1]}
    data = SpikeDataset.from_events([columns], None, [0], shape=(2, 1, 3))
    assert data.units.tolist() == [1, 3]
    row = SpikeDataset.from_events([{"t": [0.001], "x": [2]}], None, [0], channels=3)
    assert (row.shape, row.units.tolist()) == (None, [2])
    marked = SpikeDataset.from_events([{"t": [0.001], "x": [2], "p": [1]}], None, [0], channels=3)  # all with one mark
    assert marked.units.tolist() == [2]


def dvs(**fields):
    events = np.array([(1500, 3, 2, 1)], [(name, np.int64) for name in DVS.names])
    for name, value in fields.items():
        events[name] = value
    return events


@pytest.mark.parametrize(
    ("events", "shape", "said"),
    [
        (dvs(p=-1), (2, 4, 5), r"p lies in -1..-1, shape \(C, H, W\) = \(2, 4, 5\) allows 0..1; with p of -1 and 1, use"),
        (dvs(x=5), (2, 4, 5), r"x lies in 5..5, shape \(C, H, W\) = \(2, 4, 5\) allows 0..4"),
        (dvs(y=4), (2, 4, 5), "y lies in 4..4"),
        (dvs()[["t", "x"]], (2, 4, 5), r"has no field p; the shape \(2, 4, 5\) has 2 of them"),
        (dvs()[["x", "y"]], (2, 4, 5), "has the fields x, y; t and x, and for event cameras y and p, are needed"),
        (np.zeros((3, 4)), (2, 4, 5), r"an array of shape \(3, 4\) of float64; .* order of plain columns cannot be told"),
        ({"t": [1, 2], "x": [1]}, (1, 1, 5), "fields of the lengths {'t': 2, 'x': 1}"),
        ({"t": [1], "x": [0.5]}, (1, 1, 5), "x has dtype float64; integers are needed"),
        (dvs(), None, r"the number of units is not known; say channels=N .* or shape=\(C, H, W\), such as \(2, 260, 346\)"),
        (dvs(), (2, 0, 5), r"shape is \(2, 0, 5\)"),
        (dvs(), (2, 40000, 40000), r"shape is \(2, 40000, 40000\); .* with a product in 1..2147483647"),
    ],
)
def test_structured_events_that_are_refused(events, shape, said):
    with pytest.raises(DataError, match=f"^mine: .*{said}"):
        SpikeDataset.from_events([events], None, [0], shape=shape, time_unit="us", name="mine")


@pytest.mark.parametrize(
    ("times", "units", "more", "said"),
    [
        ([[0.1]], [[0], [1]], {}, "1 lists of times but 2 of units"),
        ([[0.1, 0.2]], [[0]], {}, r"sample 0 has times of shape \(2,\) and units of shape \(1,\)"),
        ([[0.1]], [[4]], {}, "units of sample 0 lie in 4..4, allowed is 0..3"),
        ([[0.1]], [[0.5]], {}, "units of sample 0 have dtype float64"),
        ([[-0.1]], [[1]], {}, "1 spike times are NaN, infinite or negative"),
        ([[0.1]], [[1]], {"time_unit": "h"}, "time_unit is 'h', allowed are 's', 'ms', 'us'"),
        ([[0.1]], [[1]], {"shape": (2, 1, 1)}, "has 2 units, channels is 4; leave one of them out"),
        ([[0.1]], [[1]], {"shape": (1.5, 1, 4)}, r"shape is \(1.5, 1, 4\); a tuple of integers is allowed"),
        ([[0.1]], [[1]], {"shape": "4"}, "shape is '4'; a tuple of integers is allowed"),
        ([[0.1]], [[1]], {"channels": "4"}, r"shape is \(1, 1, '4'\); a tuple of integers is allowed"),
        ([[0.1]], [[1]], {"keys": "ab"}, "keys is 'ab'; a list of names is allowed"),
        (None, [[1]], {}, "times is a NoneType; a list with one entry for every sample is needed"),
        ([[0.1]], 1, {}, "units is a int; a list with one entry for every sample is needed"),
        ([[0.1]], [[1]], {"steps": "3", "step_ms": 1.0}, "steps is '3'; an integer of at least 1 is allowed"),
        ([[0.1]], [[1]], {"steps": 2.5, "step_ms": 1.0}, "steps is 2.5; an integer of at least 1 is allowed"),
        ([[0.1]], [[1]], {"steps": 3, "step_ms": "1"}, "step_ms is '1'; a number of milliseconds above 0 is allowed"),
        ([[0.1]], [[1]], {"steps": 3}, "steps is 3, step_ms is None; both or neither"),
        ([[0.1]], [[1]], {"labels": [[0, 1, 0]]}, "an answer for every step; say steps and step_ms"),
    ],
)
def test_lists_that_are_refused(times, units, more, said):
    with pytest.raises(DataError, match=f"^mine: .*{said}"):
        SpikeDataset.from_events(times, units, **{"labels": [0], "channels": 4, "name": "mine", **more})


def test_labels_of_steps_go_with_events():
    data = SpikeDataset.from_events([[0.0005, 0.0025]], [[0, 1]], [[0, 1, -1]], channels=2, steps=3, step_ms=1.0)
    assert (data.task, data.targets.tolist()) == ("steps", [[0, 1, -1]])
    assert data.bin([0], 3, 1.0, 2).frames.tolist() == [[[1, 0], [0, 0], [0, 1]]]


def test_joined_trains_keep_their_precision():
    times, units, offsets = join_events([(np.array([0.1]), [70_000]), (np.array([], np.float32), [])])
    assert (times.dtype, units.dtype, offsets.tolist()) == (np.float64, np.uint32, [0, 1, 1])
    times, units, _ = join_events([([0.1], [7])])
    assert (times.dtype, units.dtype) == (np.float32, np.uint16)
    with pytest.raises(DataError, match=r"units lie in -1..-1"):
        SpikeDataset(*join_events([([0.1], [-1])]), [0])


def test_its_repr_shows_what_it_holds():
    data = SpikeDataset.from_events([[0.001, 0.002], []], [[3, 0], []], ["b", "a"], shape=(1, 2, 2), name="mine")
    assert repr(data) == "SpikeDataset(mine: 2 samples, 2 events, 1 x 2 x 2 units, 2 classes)"
    steps = SpikeDataset.from_dense(np.ones((1, 3, 2), bool), [[0, 1, -1]], step_ms=0.5, name="mine")
    assert repr(steps) == "SpikeDataset(mine: 1 samples, 6 events, 2 units, 2 classes, one for each step, 3 steps of 0.5 ms)"


def test_a_shape_of_dense_data_and_paths_of_other_types_are_refused():
    with pytest.raises(DataError, match="mine: shape is 3; a tuple of integers is allowed"):
        SpikeDataset.from_dense(np.ones((1, 4, 3), bool), [0], shape=3, name="mine")
    with pytest.raises(DataError, match="data is a int; a path or one of builtin is allowed"):
        load(3)
    with pytest.raises(DataError, match=r"path is a NoneType; the name of a file \*.npz is allowed"):
        SpikeDataset.from_dense(np.ones((1, 4, 3), bool), [0]).save(None)
