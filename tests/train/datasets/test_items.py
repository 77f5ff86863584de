"""Data sets of torch, or anything that yields pairs, as data: structured events, dense arrays, what each says of itself."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import SpikeDataset

EVENTS = np.dtype([("x", np.int16), ("y", np.int16), ("t", np.int64), ("p", np.int8)])


class Camera:
    """As tonic's data sets: structured events in whole microseconds, with a size and names of classes."""

    sensor_size = (5, 4, 2)
    classes = ("0 - zero", "1 - one")

    def __init__(self, t=None):
        self.t = t

    def __len__(self):
        return 3

    def __getitem__(self, index):
        if not 0 <= index < 3:
            raise RuntimeError("read beyond its end")
        events = np.array([(4, 3, 2500, 1), (0, 1, 500 + 1000 * index, 0)], EVENTS)
        return events, index % 2


def test_structured_events():
    data = SpikeDataset.from_torch(Camera(), time_unit="us")
    assert (data.shape, data.keys, data.labels.tolist(), data.name) == ((2, 4, 5), ("0 - zero", "1 - one"), [0, 1, 0], "Camera")
    frames = data.bin([0, 1, 2], 3, 1.0, (2, 4, 5)).frames
    first, second = [0, 0, 0, 1, 0], [1, 1, 0, 1, 0]  # sample, step, p, y, x
    assert np.argwhere(frames[:2]).tolist() == [first, [0, 2, 1, 3, 4], second, [1, 2, 1, 3, 4]]
    assert data.steps is None
    with pytest.raises(
        DataError, match=r"^Camera: times of sample 0 are integers .* say time_unit='us' .*as in event cameras and tonic"
    ):
        SpikeDataset.from_torch(Camera())


def test_data_sets_of_tonic_are_in_microseconds(monkeypatch):
    monkeypatch.setattr(Camera, "__module__", "tonic.datasets.nmnist")
    assert SpikeDataset.from_torch(Camera()).durations_s.tolist() == [0.0025] * 3


def test_a_subset_and_a_list_of_tensors():
    torch = pytest.importorskip("torch")
    x = torch.randint(0, 2, (4, 3, 6))
    pairs = torch.utils.data.TensorDataset(x, torch.tensor([0, 1, 1, 0]))
    chosen = torch.utils.data.Subset(pairs, [3, 1])
    data = SpikeDataset.from_torch(chosen, time_axis=-1, step_ms=2.0)
    np.testing.assert_array_equal(data.bin([0, 1], 6, 2.0, 3).frames, x[[3, 1]].movedim(1, -1))
    assert (data.labels.tolist(), data.steps, data.step_ms) == ([0, 1], 6, 2.0)
    with pytest.raises(DataError, match=r"sample 0: x is a tensor .*say time_axis=1 or time_axis=-1"):
        SpikeDataset.from_torch(chosen)
    with pytest.raises(DataError, match=r"is a DataLoader, which yields batches; pass its data set, loader.dataset"):
        SpikeDataset.from_torch(torch.utils.data.DataLoader(pairs))


def test_an_iterable_of_arrays_of_different_lengths():
    rng = np.random.default_rng(0)
    samples = [(rng.integers(-1, 2, (length, 2)), name) for length, name in ((5, "a"), (7, "b"), (3, "a"))]
    data = SpikeDataset.from_torch(iter(samples), signed=True, name="mine")
    assert (data.steps, data.keys, data.labels.tolist(), data.channels) == (7, ("a", "b"), [0, 1, 0], 4)
    frames = data.bin([0, 1, 2], 7, 1.0, 4).frames.astype(int)
    for (x, _), frame in zip(samples, frames[:, :, 0::2] - frames[:, :, 1::2], strict=True):
        np.testing.assert_array_equal(frame[: len(x)], x)
        assert not frame[len(x) :].any()


def test_answers_for_every_step():
    x, y = np.ones((3, 6, 2), int), np.arange(18).reshape(3, 6) % 4 - 1
    data = SpikeDataset.from_torch(list(zip(x, y)))
    assert (data.task, data.classes) == ("steps", 3)
    np.testing.assert_array_equal(data.targets, y)
    traces = SpikeDataset.from_torch([(a, np.full((6, 2), 0.5)) for a in x])
    assert (traces.task, traces.targets.shape) == ("trace", (3, 6, 2))
    events = [({"t": [500, 2500], "x": [0, 1]}, [0, 1, -1])]
    stepped = SpikeDataset.from_torch(events, shape=(2,), time_unit="us", step_ms=1.0)
    assert (stepped.task, stepped.steps, stepped.bin([0], 3, 1.0, 2).frames.sum()) == ("steps", 3, 2)
    with pytest.raises(DataError, match=r"y has an answer for every step .*; say step_ms, the length of a step"):
        SpikeDataset.from_torch(events, shape=(2,), time_unit="us")


@pytest.mark.parametrize(
    ("items", "more", "said"),
    [
        ([], {}, "holds no samples"),
        (3, {}, "is no data set; a torch Dataset, or a sequence or iterable of pairs"),
        ([np.ones((3, 2))], {}, r"sample 0 is a ndarray; a pair \(x, y\) is needed"),
        ([(np.ones((3, 2)), 0), (np.ones((3, 4)), 0)], {}, r"a step of sample 1 has shape \(4,\), of sample 0 \(2,\)"),
        ([(np.ones((3, 2)), 0), ({"t": [0.1], "x": [0]}, 0)], {}, "sample 1 is structured events, sample 0 is not"),
        ([({"t": [0.1], "x": [0]}, 0), (np.ones((3, 2)), 0)], {"shape": (2,)}, "sample 1 is no structured events, sample 0 is"),
        ([(np.ones((3, 2)), 0), (np.ones((3, 2)), [0, 1, 0])], {}, r"y has the shapes \(\), \(3,\)"),
        ([(np.ones((3, 2)), [0] * 3), (np.ones((4, 2)), [0] * 3)], {}, "with an answer for each step, pad them to 4"),
        ([(np.ones((3, 2)), 0)], {"time_unit": "us"}, "leave time_unit out"),
        ([({"t": [0.1], "x": [0]}, 0)], {}, "the number of units is not known"),
        ([(np.full((3, 2), 0.5), 0)], {}, "sample 0: x holds fractions"),
    ],
)
def test_items_that_are_refused(items, more, said):
    with pytest.raises(DataError, match=f"^mine: .*{said}"):
        SpikeDataset.from_torch(items, name="mine", **more)
