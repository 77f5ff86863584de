"""Spike data: binning worked out by hand, every event accounted for, round trips, splits, and hostile files."""

from __future__ import annotations

import gzip
import lzma
import os
from pathlib import Path

import h5py
import numpy as np
import places
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import SpikeDataset, Storage, available_splits, join_events, load, read_shd, split, write_shd

SHARED = places.SHARED / "data"


def dataset(trains, labels, **more) -> SpikeDataset:
    return SpikeDataset(*join_events(trains), np.asarray(labels), **{"channels": 20, **more})


def small(samples: int = 12, speakers: int = 4, classes: int = 3, seed: int = 0) -> SpikeDataset:
    rng = np.random.default_rng(seed)
    trains = []
    for size in rng.integers(0, 30, samples):
        times = np.sort(rng.uniform(0, 1, size)).astype(np.float16)
        trains.append((times, rng.integers(0, 20, size)))
    labels = np.arange(samples) % classes
    keys = tuple(f"word{i}" for i in range(classes))
    return dataset(trains, labels, keys=keys, speakers=np.arange(samples) // classes % speakers)


# ---- binning


def test_bin_by_hand():
    data = dataset([([0.0, 0.0099, 0.010, 0.0251, 0.5], [0, 4, 5, 19, 0]), ([], [])], [0, 1])
    result = data.bin([0, 1], steps=3, step_ms=10, channels=4)
    expected = np.zeros((2, 3, 4), np.uint8)
    expected[0, 0, 0] = 2  # units 0 and 4 pool into channel 0, 9.9 ms is still step 0
    expected[0, 1 - 1, 1] = 1  # 0.010 as float32 is 9.9999998 ms
    expected[0, 2, 3] = 1
    np.testing.assert_array_equal(result.frames, expected)
    assert result[1:] == (5, 1, 0, 0, 0)


def test_a_spike_on_an_edge_belongs_to_the_later_step():
    data = dataset([([0.25, 0.5], [0, 0])], [0])  # exact in binary
    np.testing.assert_array_equal(data.bin([0], 3, 250, 1).frames.ravel(), [0, 1, 1])


def test_counts_saturate_and_are_reported():
    data = dataset([([0.001] * 7, [3] * 7)], [0])
    assert data.bin([0], 1, 10, 20, max_count=5).frames[0, 0, 3] == 5
    assert data.bin([0], 1, 10, 20, max_count=5).clipped == 2
    binary = data.bin([0], 1, 10, 20, mode="binary")
    assert (binary.frames.max(), binary.clipped) == (1, 6)
    many = dataset([([0.001] * 300, [3] * 300)], [0]).bin([0], 1, 10, 20)
    assert (many.frames.max(), many.clipped) == (255, 45)


def test_augmentation_by_hand():
    data = dataset([([0.010, 0.020], [0, 19])] * 2, [0, 1])
    result = data.bin([0, 1], 10, 10, 20, channel_shift=[1, -1], time_shift_ms=[5, -15], time_stretch=[2, 1])
    assert list(zip(*np.nonzero(result.frames))) == [(0, 2, 1), (1, 0, 18)]  # 2 * 10 + 5 = 25 ms; 20 - 15 = 5 ms
    assert (result.off_channel, result.early, result.late) == (2, 0, 0)
    assert data.bin([0], 10, 10, 20, time_shift_ms=-15).early == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_bin_conserves_events_and_equals_numpy(data):
    samples = data.draw(st.integers(1, 4))
    trains = []
    for _ in range(samples):
        size = data.draw(st.integers(0, 25))
        times = data.draw(hnp.arrays(np.float32, size, elements=st.floats(0, 2, width=16)))
        trains.append((times, data.draw(hnp.arrays(np.uint16, size, elements=st.integers(0, 19)))))
    spikes = dataset(trains, [0] * samples)
    indices = data.draw(st.lists(st.integers(0, samples - 1), max_size=5))
    steps, step_ms = data.draw(st.integers(1, 40)), data.draw(st.sampled_from([0.5, 1, 4, 10, 33.3]))
    channels, limit = data.draw(st.sampled_from([1, 2, 4, 5, 10, 20])), data.draw(st.sampled_from([1, 2, 255]))
    whole = {"elements": st.integers(-25, 25)}
    shift = data.draw(hnp.arrays(np.int64, len(indices), **whole))
    shift_ms = data.draw(hnp.arrays(np.int64, len(indices), **whole)).astype(float)
    stretch = data.draw(hnp.arrays(np.int64, len(indices), elements=st.integers(1, 4))) / 2.0

    result = spikes.bin(
        indices, steps, step_ms, channels, max_count=limit, channel_shift=shift, time_shift_ms=shift_ms, time_stretch=stretch
    )

    expected = np.zeros((len(indices), steps, channels), np.int64)
    for b, index in enumerate(indices):
        times, units = spikes.sample(index)
        step = np.floor((times.astype(float) * (1000 * stretch[b]) + shift_ms[b]) / step_ms).astype(int)
        unit = units.astype(int) + shift[b]
        inside = (step >= 0) & (step < steps) & (unit >= 0) & (unit < 20)
        np.add.at(expected[b], (step[inside], unit[inside] // (20 // channels)), 1)
    np.testing.assert_array_equal(result.frames, np.minimum(expected, limit))
    lost = result.late + result.early + result.off_channel + result.clipped
    assert result.events == sum(trains[i][0].size for i in indices) == int(result.frames.sum()) + lost


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": 7}, "20 channels do not pool to 7; allowed are its divisors 1, 2, 4, 5, 10, 20"),
        ({"channels": 0}, "do not pool to 0"),
        ({"steps": 0}, "0 steps"),
        ({"step_ms": float("nan")}, "nan ms"),
        ({"mode": "rate"}, "binning mode is 'rate', allowed are count and binary"),
        ({"max_count": 256}, "max_count is 256, allowed is 1..255"),
        ({"indices": [12]}, "allowed is 0..11"),
        ({"indices": [-1]}, "allowed is 0..11"),
        ({"indices": [0.5]}, "whole numbers are needed"),
        ({"channel_shift": [0.5]}, "channels shift by whole numbers"),
        ({"time_stretch": [0.0]}, "must be more than 0"),
        ({"time_shift_ms": [np.inf]}, "NaN or infinite"),
        ({"time_shift_ms": [1.0, 2.0]}, "one number for each of 1 samples"),
    ],
)
def test_bin_refuses(change, message):
    arguments = {"indices": [0], "steps": 10, "step_ms": 10, "channels": 4, **change}
    with pytest.raises(DataError, match=message):
        small().bin(**arguments)


# ---- the container


def test_subset_keeps_samples_whole():
    data = small()
    part = data.subset([7, 0, 7])
    for i, source in enumerate([7, 0, 7]):
        for got, expected in zip(part.sample(i), data.sample(source), strict=True):
            np.testing.assert_array_equal(got, expected)
    np.testing.assert_array_equal(part.labels, data.labels[[7, 0, 7]])
    np.testing.assert_array_equal(part.speakers, data.speakers[[7, 0, 7]])
    assert len(data.subset([])) == 0
    np.testing.assert_array_equal(data.subset(data.labels == 1).labels, np.ones((data.labels == 1).sum()))


def test_durations_and_read_only():
    data = dataset([([], []), ([0.5, 0.25], [0, 1]), ([], [])], [0, 1, 2])
    np.testing.assert_array_equal(data.durations_s, [0, 0.5, 0])
    assert data.classes == 3
    with pytest.raises(ValueError, match="read-only"):
        data.times_s[0] = 1


# ---- files


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**16), suffix=st.sampled_from([".h5", ".h5.gz", ".h5.xz"]))
def test_round_trip(tmp_path_factory, seed, suffix):
    path = tmp_path_factory.mktemp("shd") / f"x{suffix}"
    data = small(samples=seed % 9 + 1, seed=seed)
    write_shd(data, path)
    back = read_shd(path)
    for field in ("times_s", "units", "offsets", "labels", "speakers"):
        np.testing.assert_array_equal(getattr(back, field), getattr(data, field), err_msg=field)
    assert (back.channels, back.keys) == (data.channels, data.keys)
    first = path.read_bytes()
    write_shd(data, path)
    assert path.read_bytes() == first
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_write_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "x.h5"
    write_shd(small(), path)
    before = path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(DataError, match="cannot be written: No space left on device"):
        write_shd(small(seed=1), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.h5"]
    with pytest.raises(DataError, match="no folder"):
        write_shd(small(), tmp_path / "absent" / "x.h5")
    with pytest.raises(DataError, match="it is a folder"):
        write_shd(small(), tmp_path)


def make_file(path: Path, change=None, channels=None) -> Path:
    """A sound file in SHD's own layout (no attribute), then ``change(file)``."""
    with h5py.File(path, "w") as file:
        for name, dtype in (("times", np.float16), ("units", np.uint16)):
            rows = file.create_dataset(f"spikes/{name}", (3,), h5py.vlen_dtype(dtype))
            for i in range(3):
                rows[i] = np.arange(i + 2, dtype=dtype) / (4 if name == "times" else 1)
        file["labels"] = np.array([0, 1, 1], np.uint16)
        file["extra/speaker"] = np.array([5, 5, 6], np.uint16)
        file["extra/keys"] = np.array([b"null", b"eins"])
        file.create_group("extra/meta_info")
        if channels is not None:
            file.attrs["channels"] = channels
        if change is not None:
            change(file)
    return path


def replace(name, values, **more):
    def change(file):
        del file[name]
        file.create_dataset(name, data=values, **more)

    return change


def ragged(name, rows, dtype):
    def change(file):
        del file[name]
        entry = file.create_dataset(name, (len(rows),), h5py.vlen_dtype(dtype))
        for i, row in enumerate(rows):
            entry[i] = np.asarray(row, dtype)

    return change


def test_reads_shd_and_ssc_layouts(tmp_path):
    data = read_shd(make_file(tmp_path / "shd_train.h5"))
    assert (len(data), data.channels, data.classes, data.keys) == (3, 700, 2, ("null", "eins"))
    assert data.speakers.tolist() == [5, 5, 6]
    np.testing.assert_array_equal(data.sample(2)[0], [0, 0.25, 0.5, 0.75])

    def without_extra(file):
        del file["extra"]

    ssc = read_shd(make_file(tmp_path / "ssc_train.h5", without_extra))
    assert (ssc.keys, ssc.speakers, ssc.classes) == ((), None, 2)
    named = read_shd(make_file(tmp_path / "named.h5", replace("extra/speaker", np.array([b"bo", b"al", b"bo"]))))
    assert named.speakers.tolist() == [1, 0, 1]
    assert read_shd(make_file(tmp_path / "narrow.h5", channels=140)).channels == 140


TIMES = [[0, 0.25], [0, 0.25, 0.5], [0, 0.25, 0.5, 0.75]]
HOSTILE = {
    "no times": (lambda f: f.__delitem__("spikes/times"), "has no spikes/times"),
    "no spikes": (lambda f: f.__delitem__("spikes"), "has no spikes/times"),
    "no labels": (lambda f: f.__delitem__("labels"), "has no labels"),
    "dense times": (replace("spikes/times", np.zeros(3)), "variable-length lists of floats are needed"),
    "text times": (replace("spikes/times", np.array([b"a", b"b", b"c"])), "variable-length lists of floats"),
    "two-dimensional": (replace("spikes/times", np.zeros((3, 4))), r"shape \(3, 4\); a list"),
    "whole times": (ragged("spikes/times", TIMES, np.int32), "variable-length lists of floats"),
    "float units": (ragged("spikes/units", TIMES, np.float32), "variable-length lists of whole numbers"),
    "group": (lambda f: (f.__delitem__("labels"), f.create_group("labels")), "labels is a group; a data set is needed"),
    "float labels": (replace("labels", np.array([0.0, 1.0, 1.0])), "labels has dtype float64; whole numbers"),
    "scalar labels": (replace("labels", 3), r"labels has shape \(\)"),
    "fewer labels": (replace("labels", np.array([0, 1])), "3 lists in spikes/times but 2 labels"),
    "label too high": (
        replace("labels", np.array([0, 2, 1])),
        r"1 labels are out of range \(first 2 in sample 1\), allowed is 0..1",
    ),
    "label negative": (replace("labels", np.array([0, 1, -1])), r"first -1 in sample 2"),
    "label wild": (
        lambda f: (replace("labels", np.array([0, 1, 60000]))(f), f.__delitem__("extra/keys")),
        r"first 60000 in sample 2\), allowed is 0..999 since it names no classes",
    ),
    "label huge": (replace("labels", np.array([0, 1, 2**64 - 1], np.uint64)), "labels reaches 18446744073709551615"),
    "speakers": (replace("extra/speaker", np.array([1, 2])), "2 speakers but 3 labels"),
    "speaker floats": (replace("extra/speaker", np.array([1.0, 2, 3])), "extra/speaker has dtype float64"),
    "NaN": (ragged("spikes/times", [[0, 0.5], [0, np.nan, 0.5], TIMES[2]], np.float16), r"first nan s in sample 1"),
    "infinite": (ragged("spikes/times", [*TIMES[:2], [0, 0, 0, np.inf]], np.float16), r"first inf s in sample 2"),
    "infinite float64": (ragged("spikes/times", [[0, np.inf], *TIMES[1:]], np.float64), r"first inf s in sample 0"),
    "negative time": (ragged("spikes/times", [[0, -0.5], *TIMES[1:]], np.float16), r"first -0.5 s in sample 0"),
    "unit too high": (
        ragged("spikes/units", [[0, 700], [0, 1, 2], [0, 1, 2, 3]], np.uint16),
        "units lie in 0..700, allowed is 0..699",
    ),
    "unit negative": (ragged("spikes/units", [[0, -1], [0, 1, 2], [0, 1, 2, 3]], np.int16), "units lie in -1..3"),
    "unit wraps": (ragged("spikes/units", [[0, 65536], [0, 1, 2], [0, 1, 2, 3]], np.int64), "units lie in 0..65536"),
    "unequal": (ragged("spikes/units", [[0, 1], [0, 1], [0, 1, 2, 3]], np.uint16), "sample 1 has 3 spike times but 2 units"),
    "external link": (
        lambda f: (f.__delitem__("labels"), f.__setitem__("labels", h5py.ExternalLink("/etc/passwd", "x"))),
        "/etc/passwd",
    ),
    "external group": (
        lambda f: (f.__delitem__("spikes"), f.__setitem__("spikes", h5py.ExternalLink("o.h5", "s"))),
        "another file",
    ),
    "dangling": (lambda f: (f.__delitem__("labels"), f.__setitem__("labels", h5py.SoftLink("/nowhere"))), "has no labels"),
    "external raw": (
        lambda f: (f.__delitem__("labels"), f.create_dataset("labels", (3,), "u2", external=[("/etc/hostname", 0, 6)])),
        "takes its values from other files",
    ),
    "huge claim": (
        lambda f: (f.__delitem__("labels"), f.create_dataset("labels", (10**12,), "u2", chunks=(1024,))),
        "at most 10000000 entries",
    ),
    "channels 0": (lambda f: f.attrs.__setitem__("channels", 0), "'channels' is 0"),
    "channels text": (lambda f: f.attrs.__setitem__("channels", "many"), "'channels' is of the type object"),
    "narrower": (lambda f: f.attrs.__setitem__("channels", 3), "units lie in 0..3, allowed is 0..2"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files(tmp_path, case):
    change, message = HOSTILE[case]
    path = make_file(tmp_path / "x.h5", change)
    for storage in (Storage(), Storage(0.0, tmp_path / "cache")):  # in memory, and mapped
        with pytest.raises(DataError, match=message) as caught:
            read_shd(path, storage)
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)


def test_files_that_are_none(tmp_path):
    good = make_file(tmp_path / "good.h5").read_bytes()
    empty_list = tmp_path / "none.h5"
    write_shd(dataset([], []), empty_list)
    cases = {
        "absent.h5": (None, "no such file"),
        "empty.h5": (b"", r"is empty \(0 bytes\)"),
        "text.h5": (b"not HDF5" * 100, "cannot be read as HDF5"),
        "half.h5": (good[: len(good) // 2], "cannot be read as HDF5"),
        "half.h5.gz": (gzip.compress(good)[:500], "cannot be read as HDF5"),
        "half.h5.xz": (lzma.compress(good)[:500], "cannot be read as HDF5"),
        "plain.h5.xz": (good, "cannot be read as HDF5"),
        "packed.h5": (gzip.compress(good), "cannot be read as HDF5"),
        "none.h5": (empty_list.read_bytes(), "holds no samples"),
    }
    for name, (content, message) in cases.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=message):
            read_shd(tmp_path / name)
    with pytest.raises(DataError, match="is a folder"):
        read_shd(tmp_path)


def test_any_damaged_byte_is_an_error_or_sound_data(tmp_path):
    good = make_file(tmp_path / "good.h5").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "bad.h5"
    for position in rng.integers(0, len(good), 60):
        path.write_bytes(good[:position] + bytes([good[position] ^ 0xFF]) + good[position + 1 :])
        try:
            read_shd(path)
        except DataError as error:
            assert str(error).startswith(str(path))


# ---- splits


@settings(max_examples=40, deadline=None)
@given(
    samples=st.integers(6, 80),
    speakers=st.integers(2, 9),
    fraction=st.floats(0.05, 0.6),
    seed=st.integers(0, 99),
    way=st.sampled_from(["speaker", "stratified"]),
)
def test_split_covers_everything_once(samples, speakers, fraction, seed, way):
    rng = np.random.default_rng(seed)
    speaker = np.concatenate(([0, 1], rng.integers(0, speakers, samples - 2)))
    data = dataset([([], [])] * samples, np.arange(samples) % 3, speakers=speaker)
    train, valid = split(data, fraction, seed, by=way)
    np.testing.assert_array_equal(np.sort(np.concatenate((train, valid))), np.arange(samples))
    assert train.size and valid.size
    if way == "speaker":
        assert not set(speaker[train]) & set(speaker[valid])
    else:
        for label in range(3):
            size = int((data.labels == label).sum())
            assert int((data.labels[valid] == label).sum()) == min(max(round(fraction * size), 1), size - 1)
    again = split(data, fraction, seed, by=way)
    np.testing.assert_array_equal(valid, again[1])


def test_split_by_speaker_comes_close_to_the_fraction():
    data = dataset([([], [])] * 400, np.zeros(400, int), speakers=np.arange(400) // 20)  # 20 speakers of 20
    for seed in range(5):
        assert split(data, 0.1, seed)[1].size == 40
    assert {tuple(split(data, 0.1, seed)[1]) for seed in range(5)} != {tuple(split(data, 0.1, 0)[1])}


def test_split_auto_and_errors():
    known, unknown = small(), dataset([([], [])] * 6, [0, 0, 0, 1, 1, 1])
    assert not set(known.speakers[split(known, 0.25, 0)[0]]) & set(known.speakers[split(known, 0.25, 0)[1]])
    assert np.bincount(unknown.labels[split(unknown, 0.34, 0)[1]]).tolist() == [1, 1]
    with pytest.raises(DataError, match=r"use by='stratified' \(--set data.split_by=stratified\)"):
        split(unknown, 0.2, 0, by="speaker")
    with pytest.raises(DataError, match="cannot split by 'age'"):
        split(unknown, 0.2, 0, by="age")
    with pytest.raises(DataError, match=r"fraction is 1\.5"):
        split(unknown, 1.5, 0)
    with pytest.raises(DataError, match="too few"):
        split(unknown.subset([0]), 0.5, 0)


# ---- finding data sets


def test_load_folder_and_file(tmp_path):
    write_shd(small(seed=1), tmp_path / "shd_train.h5")
    write_shd(small(seed=2), tmp_path / "shd_test.h5.gz")
    write_shd(small(seed=3), tmp_path / "any.h5")
    assert available_splits(tmp_path) == ("train", "test")
    assert load(tmp_path, "train").units.size == small(seed=1).units.size
    assert load(str(tmp_path), "test").units.size == small(seed=2).units.size
    assert load(tmp_path / "any.h5", "valid").units.size == small(seed=3).units.size
    assert load(tmp_path / "shd_train.h5").units.size == small(seed=1).units.size
    (tmp_path / "shd_test.h5").write_bytes(gzip.decompress((tmp_path / "shd_test.h5.gz").read_bytes()))
    assert load(tmp_path, "test").name.endswith("shd_test.h5")  # of two packings the plain one
    for call, message in {
        (tmp_path, "valid"): "has no valid split, it has train, test; split one off",
        (tmp_path, None): "say which split of train, test",
        (tmp_path, "dev"): "no split is named 'dev', allowed are train, valid, test",
        (tmp_path / "shd_train.h5", "test"): "holds the train split by its name",
        ("bultin", "train"): "no such file or folder; allowed are a path or one of: builtin",
    }.items():
        with pytest.raises(DataError, match=message):
            load(*call)
    write_shd(small(), tmp_path / "ssc_train.h5")
    with pytest.raises(DataError, match=r"several files hold the train split \(shd_train.h5, ssc_train.h5\)"):
        load(tmp_path, "train")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="holds no"):
        load(empty, "train")


@pytest.mark.skipif(not (SHARED / "fsdd_valid.h5").is_file(), reason=f"needs {SHARED / 'fsdd_valid.h5'} (real spoken digits)")
def test_real_digits():
    data = load(SHARED, "valid")
    assert (len(data), data.classes, data.channels) == (300, 10, 700)
    result = data.bin(np.arange(20), 100, 10, 140)
    assert result.late + result.clipped + int(result.frames.sum()) == result.events > 50_000
