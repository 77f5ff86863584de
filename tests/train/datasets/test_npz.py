"""Data sets as .npz: saved without loss, plain files of a user read, damage and surprises refused in one message."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import SHARED

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import SpikeDataset, available_splits, join_events, load

FIELDS = ("times_s", "units", "offsets", "labels", "speakers", "targets", "counts")
PLAIN = ("channels", "keys", "shape", "steps", "step_ms", "task", "classes")


def same(back, data):
    for field in FIELDS:
        one, other = getattr(back, field), getattr(data, field)
        assert (one is None) == (other is None), field
        if one is not None:
            assert one.dtype == other.dtype, field
            np.testing.assert_array_equal(one, other, err_msg=field)
    assert [getattr(back, field) for field in PLAIN] == [getattr(data, field) for field in PLAIN]


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**16),
    wide=st.booleans(),
    task=st.sampled_from(["classes", "steps", "trace"]),
    speakers=st.booleans(),
    named=st.booleans(),
)
def test_saving_loses_nothing(tmp_path_factory, seed, wide, task, speakers, named):
    rng = np.random.default_rng(seed)
    y = {"classes": rng.integers(0, 3, 4), "steps": rng.integers(-1, 3, (4, 5)), "trace": rng.normal(size=(4, 5, 3))}[task]
    more = {"speakers": rng.integers(0, 9, 4) if speakers else None, "keys": ("ä", "b", "c") if named else ()}
    times = [rng.uniform(0, 1, n) if wide else rng.uniform(0, 1, n).astype(np.float32) for n in (0, 7, 3, 1)]
    shape = (2, 260, 346) if wide else (1, 1, 9)
    units = [rng.integers(0, np.prod(shape), t.size) for t in times]
    data = SpikeDataset.from_events(
        times, units, y, shape=shape, **more, **({} if task == "classes" else {"steps": 5, "step_ms": 0.1})
    )
    dense = SpikeDataset.from_dense(rng.integers(-40, 41, (4, 5, 2, 3, 3)), y, signed=True, step_ms=1 / 3, **more)
    for number, one in enumerate((data, dense)):
        path = tmp_path_factory.mktemp("npz") / f"x{number}_train.npz"
        one.save(path)
        same(load(path), one)
        same(load(path.parent, "train"), one)
        assert available_splits(path.parent) == ("train",)
        assert load(path).name == str(path)
        content = path.read_bytes()
        one.save(path)
        assert path.read_bytes() == content and len(list(path.parent.iterdir())) == 1


def plain(path, **arrays):
    np.savez(path, **arrays)
    return path


def test_plain_dense_arrays(tmp_path):
    x = np.random.default_rng(0).integers(0, 2, (3, 6, 2))
    data = load(plain(tmp_path / "x.npz", x=x, y=[0, 2, 1], step_ms=4, keys=["a", "b", "c"], speakers=["bo", "al", "bo"]))
    np.testing.assert_array_equal(data.bin([0, 1, 2], 6, 4.0, 2).frames, x)
    assert (data.step_ms, data.keys, data.speakers.tolist()) == (4.0, ("a", "b", "c"), [1, 0, 1])
    last = load(plain(tmp_path / "y.npz", x=np.moveaxis(x, 1, -1), y=np.ones((3, 6), int), time_axis=-1, signed=True))
    assert (last.task, last.channels) == ("steps", 4)
    square = load(plain(tmp_path / "z.npz", x=np.zeros((3, 6, 8)), y=[0, 1, 1], shape=[2, 2, 2]))
    assert square.shape == (2, 2, 2)


def test_plain_events(tmp_path):
    events = {"times": np.array([0.001, 0.002, 0.003]), "units": [0, 1, 1], "offsets": [0, 2, 2, 3], "labels": ["u", "v", "u"]}
    data = load(plain(tmp_path / "x.npz", **events, channels=2))
    assert [data.sample(i)[1].tolist() for i in range(3)] == [[0, 1], [], [1]]
    assert (data.keys, data.labels.tolist()) == (("u", "v"), [0, 1, 0])
    path = plain(tmp_path / "us.npz", **events | {"times": [1000, 2000, 3000]}, channels=2)
    with pytest.raises(DataError, match=r"are integers .* say time_unit='us'"):
        load(path)
    for read in (load(path, time_unit="us"), load(f"{path}:us")):
        assert read.times_s.tolist() == [0.001, 0.002, 0.003]
    stated = plain(tmp_path / "stated.npz", **events | {"times": [1000, 2000, 3000]}, channels=2, time_unit="us")
    assert load(stated).times_s.tolist() == [0.001, 0.002, 0.003]
    with pytest.raises(DataError, match="says itself that its times are in 'us', asked for is 'ms'"):
        load(stated, time_unit="ms")


def test_plain_events_of_a_camera(tmp_path):
    events = {"t": [1500, 2500], "x": [345, 0], "y": [259, 0], "p": [1, 0], "offsets": [0, 2], "labels": [0]}
    data = load(plain(tmp_path / "x.npz", **events, shape=[2, 260, 346], time_unit="us"))
    assert (data.units.tolist(), data.channels) == ([179_919, 0], 179_920)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, "has the keys none; a data set has one of: times, units, offsets, labels; t, x, offsets, labels, shape; x, y"),
        ({"data": [1]}, "has the keys data; a data set has one of"),
        ({"x": np.ones((1, 2, 1))}, "has no y; needed beside x are y"),
        ({"times": [0.1], "units": [0]}, "has no offsets and no labels; needed beside times are units, offsets, labels"),
        ({"x": np.ones((1, 2, 1)), "y": [0], "stepms": 3}, "has the unknown keys stepms; allowed are x, y, step_ms, time_axis"),
        ({"x": np.ones((1, 2, 1)), "y": [0], "step_ms": [1, 2]}, r"step_ms has shape \(2,\) of int64; one number is needed"),
        ({"x": np.ones((1, 2, 1)), "y": [0], "signed": 1}, "signed has .*; True or False is needed"),
        ({"x": np.ones((1, 2, 1)), "y": [0], "keys": "a"}, r"keys has shape \(\) of <U1; a list of texts is needed"),
        (
            {"x": np.ones((1, 2, 1)), "y": [0], "keys": np.full(100_001, "a")},
            "keys names 100001 classes; at most 100000 are allowed",
        ),
        ({"x": np.ones((1, 2, 1)), "y": [0], "shape": [1.0]}, "shape has .*; a list of whole numbers is needed"),
        ({"x": np.full((1, 2, 1), 0.5), "y": [0]}, "x holds fractions"),
        ({"x": np.array([None]), "y": [0]}, "x is an array of Python objects, which could run anything; save plain arrays"),
        (
            {"times": [0.1], "units": [0, 1], "offsets": [0, 1], "labels": [0], "channels": 2},
            r"units has shape \(2,\), others \(1,\); lists of equal length are needed",
        ),
        (
            {"times": [0.1], "units": [0], "offsets": [0, 2], "labels": [0], "channels": 2},
            "offsets must rise from 0 to the number of events, 1",
        ),
        (
            {"times": [0.1], "units": [0], "offsets": [0.0, 1.0], "labels": [0], "channels": 2},
            r"offsets has shape \(2,\) of float64; a list of whole numbers is needed",
        ),
        ({"format": "myelin spikes 9"}, "has no times_s and no units"),
    ],
)
def test_plain_files_that_are_refused(tmp_path, arrays, said):
    path = plain(tmp_path / "x.npz", **arrays)
    with pytest.raises(DataError, match=said) as caught:
        load(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_units_of_time_where_there_are_none(tmp_path):
    path = plain(tmp_path / "x.npz", x=np.ones((1, 2, 1)), y=[0])
    with pytest.raises(DataError, match="has steps of 1 ms; leave the unit of time out"):
        load(path, time_unit="ms")
    load(path).save(tmp_path / "y.npz")
    with pytest.raises(DataError, match="has times in seconds; leave the unit of time out"):
        load(f"{tmp_path / 'y.npz'}:ms")


def test_a_later_format_is_named(tmp_path):
    SpikeDataset(*join_events([([0.1], [0])]), [0]).save(tmp_path / "x.npz")
    with np.load(tmp_path / "x.npz") as file:
        arrays = dict(file)
    plain(tmp_path / "x.npz", **arrays | {"format": "myelin spikes 2"})
    with pytest.raises(DataError, match="is of the format 'myelin spikes 2'; this Myelin reads 'myelin spikes 1'"):
        load(tmp_path / "x.npz")
    plain(tmp_path / "x.npz", **arrays | {"labels": [0, 1]})
    with pytest.raises(DataError, match="1 spike trains but 2 labels"):
        load(tmp_path / "x.npz")


def test_any_damage_is_one_message_or_sound_data(tmp_path):
    x = np.random.default_rng(0).integers(0, 9, (4, 6, 5))
    SpikeDataset.from_dense(x, np.zeros((4, 6), int), keys=("a",)).save(tmp_path / "good.npz")
    good, rng, path = (tmp_path / "good.npz").read_bytes(), np.random.default_rng(1), tmp_path / "bad.npz"
    broken = 0
    for position in range(0, len(good), 7):
        kind = rng.integers(0, 3)
        content = bytearray(good)
        if kind == 0:
            content[position] ^= 0xFF
        elif kind == 1:
            content[position : position + 64] = bytes(64)
        else:
            content = content[:position]
        path.write_bytes(content)
        try:
            load(path)
        except DataError as error:
            broken += 1
            assert str(error).startswith(str(path)) and "\n" not in str(error)
    assert broken > len(good) / 7 / 2


def test_a_header_that_claims_more_than_there_is(tmp_path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(DataError, match=r"cannot be read as .npz \(x says that it has shape \(1000000000000,\) of float64"):
        load(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "y.npz", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x.npy", header.getvalue())
        archive.writestr("x.npy", header.getvalue())
    with pytest.raises(DataError, match="holds two arrays of one name"):
        load(tmp_path / "y.npz")


def test_saving_where_it_cannot_be(tmp_path):
    data = SpikeDataset(*join_events([([0.1], [0])]), [0])
    for path, said in {
        tmp_path / "x.h5": r"a data set is saved as a file named \*.npz",
        tmp_path / "absent" / "x.npz": "cannot be written: no folder",
    }.items():
        with pytest.raises(DataError, match=said):
            data.save(path)
    assert list(tmp_path.iterdir()) == []


def test_the_same_split_in_two_kinds_is_ambiguous(tmp_path):
    data = SpikeDataset(*join_events([([0.1], [0])]), [0])
    data.save(tmp_path / "a_train.npz")
    (tmp_path / "a_train.mat").write_bytes(b"")
    with pytest.raises(DataError, match=r"several files hold the train split \(a_train.mat, a_train.npz\); name one"):
        load(tmp_path, "train")


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs {SHARED}")
def test_real_digits_survive(tmp_path):
    data = load(SHARED / "data" / "fsdd_valid.h5").subset(range(20))
    data.save(tmp_path / "x.npz")
    same(load(tmp_path / "x.npz"), data)
