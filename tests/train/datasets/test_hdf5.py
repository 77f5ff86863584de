"""Damaged HDF5 files: one message at once, where the library itself would search for ever; compressed files; units of time."""

from __future__ import annotations

import gzip
import struct

import h5py
import numpy as np
import pytest
from places import SHARED

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import SpikeDataset, Storage, join_events, read_shd, write_shd

FILES = SHARED / "cases" / "files"
LAYOUTS = {
    "contiguous": {},
    "chunks": {"chunks": (8,)},
    "gzip": {"chunks": (8,), "compression": "gzip"},
    "shuffle": {"chunks": (8,), "compression": "gzip", "shuffle": True},
    "lzf": {"chunks": (8,), "compression": "lzf"},
}


def words(samples=20, scale=1.0):
    rng = np.random.default_rng(0)
    trains = [(np.sort(rng.uniform(0, 1, 30)).astype(np.float16) * scale, rng.integers(0, 28, 30)) for _ in range(samples)]
    return SpikeDataset(*join_events(trains), np.arange(samples) % 3, 28, ("a", "b", "c"))


def laid_out(path, libver="earliest", **layout):
    """A file whose rows lie in the given layout."""
    write_shd(words(), path.with_suffix(".src.h5"))
    with h5py.File(path.with_suffix(".src.h5")) as source, h5py.File(path, "w", libver=libver) as file:
        for name in ("spikes/times", "spikes/units"):
            rows = file.create_dataset(name, (20,), source[name].dtype, **layout)
            for i in range(20):
                rows[i] = source[name][i]
        file["labels"], file.attrs["channels"] = source["labels"][...], 28
        file["extra/keys"] = ["a", "b", "c"]  # text of variable length, in a heap too
    return path


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_sound_heaps_of_every_layout_are_read(tmp_path, layout, libver):
    data = read_shd(laid_out(tmp_path / "x.h5", libver, **LAYOUTS[layout]))
    np.testing.assert_array_equal(data.units, words().units)
    assert data.keys == ("a", "b", "c")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packed", [False, True])
def test_an_object_of_size_zero_is_damage_and_no_hang(tmp_path, layout, packed):
    content = bytearray(laid_out(tmp_path / "x.h5", **LAYOUTS[layout]).read_bytes())
    place = content.index(b"GCOL") + 16
    _, _, size = struct.unpack_from("<HH4xQ", content, place)
    struct.pack_into("<HHIQ", content, place + 16 + -(-size // 8) * 8, 0, 0, 0, 0)  # the second object: free space of no size
    path = tmp_path / ("y.h5.gz" if packed else "y.h5")
    path.write_bytes(gzip.compress(content) if packed else content)
    for storage in (Storage(), Storage(0.0, tmp_path / "cache")):
        with pytest.raises(DataError, match=r"cannot be read as HDF5 \(a heap of its rows is damaged\); it is damaged or of"):
            read_shd(path, storage)


@pytest.mark.parametrize(
    ("offset", "format_", "value", "said"),
    [
        (4, "<Q", 2**64 - 1, "a heap lies beyond its end"),
        (4, "<Q", 8, "a row points to no heap"),
        (0, "<I", 2**32 - 1, "a row of 4294967295 values has 60 bytes in the heap"),
        (12, "<I", 999, "a row of 30 values has 0 bytes in the heap"),
    ],
)
def test_rows_that_point_beyond_their_heap(tmp_path, offset, format_, value, said):
    path = laid_out(tmp_path / "x.h5")
    with h5py.File(path) as file:
        start = file["spikes/times"].id.get_offset()
    content = bytearray(path.read_bytes())
    struct.pack_into(format_, content, start + 16 + offset, value)
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        read_shd(path)


def test_a_heap_that_reaches_beyond_the_file(tmp_path):
    content = bytearray(laid_out(tmp_path / "x.h5").read_bytes())
    struct.pack_into("<Q", content, content.index(b"GCOL") + 8, 2**40)
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(DataError, match="a heap reaches beyond its end"):
        read_shd(tmp_path / "x.h5")


def test_damaged_compression_is_one_message(tmp_path):
    write_shd(words(), tmp_path / "x.h5.gz")
    content = bytearray((tmp_path / "x.h5.gz").read_bytes())
    content[200:260] = bytes(60)
    (tmp_path / "x.h5.gz").write_bytes(content)
    with pytest.raises(DataError, match=r"x.h5.gz: cannot be read as HDF5 \(Error -3 while decompressing"):
        read_shd(tmp_path / "x.h5.gz")


@pytest.mark.parametrize(("unit", "name", "scale"), [("ms", "milliseconds", 1e3), ("us", "microseconds", 1e6)])
def test_times_that_are_no_seconds(tmp_path, unit, name, scale):
    path, expected = tmp_path / "x.h5", words()
    write_shd(words(scale=np.float64(scale)), path)
    for storage in (Storage(), Storage(0.0, tmp_path / "cache")):
        with pytest.raises(DataError, match=rf"times look like {name}: .*time_unit='{unit}' \(--time-unit {unit}\)"):
            read_shd(path, storage)
        data = read_shd(path, storage, time_unit=unit)
        np.testing.assert_allclose(data.times_s, expected.times_s, rtol=1e-12)
        assert read_shd(path, storage, time_unit="s").times_s.max() > 0.9 * scale  # since it is said
    with pytest.raises(DataError, match="time_unit is 'min', allowed are 's', 'ms', 'us'"):
        read_shd(path, time_unit="min")


def test_whole_times_are_read_if_their_unit_is_said(tmp_path):
    path = tmp_path / "x.h5"
    write_shd(words(), path)
    with h5py.File(path, "a") as file:
        del file["spikes/times"]
        rows = file.create_dataset("spikes/times", (20,), h5py.vlen_dtype(np.int32))
        for i in range(20):
            rows[i] = np.arange(30, dtype=np.int32) * 1000
    with pytest.raises(DataError, match=r"lists of floats are needed; whole times are read with time_unit='us' or 'ms'"):
        read_shd(path)
    for storage in (Storage(), Storage(0.0, tmp_path / "cache")):
        assert read_shd(path, storage, time_unit="us").durations_s.tolist() == [0.029] * 20


@pytest.mark.parametrize(
    ("times", "stored"), [([0.5, 7.0], np.float16), ([0.5, np.float32(7.0011)], np.float32), ([0.1, 7.0011], np.float64)]
)
def test_written_times_keep_their_values(tmp_path, times, stored):
    times = np.array(times, np.float64 if stored == np.float64 else np.float32)
    data = SpikeDataset(*join_events([(times, [0, 1])]), [0])
    write_shd(data, tmp_path / "x.h5")
    with h5py.File(tmp_path / "x.h5") as file:
        assert h5py.check_vlen_dtype(file["spikes/times"].dtype) == stored
    for storage in (Storage(), Storage(0.0, tmp_path / "cache")):
        np.testing.assert_array_equal(read_shd(tmp_path / "x.h5", storage).times_s, times)
    write_shd(data, tmp_path / "half.h5", half=True)
    np.testing.assert_array_equal(read_shd(tmp_path / "half.h5").times_s, times.astype(np.float16))


def test_what_the_format_does_not_hold_is_refused(tmp_path):
    dense = SpikeDataset.from_dense(np.full((1, 2, 1), 3), [[0, 1]])
    with pytest.raises(DataError, match=r"the SHD format holds no targets and no counts and no steps; write a .npz with"):
        write_shd(dense, tmp_path / "x.h5")
    long = SpikeDataset(*join_events([(np.array([70000.0]), [0])]), [0])
    with pytest.raises(DataError, match="spike times reach 70000 s; float16 holds 65504 s: write without half"):
        write_shd(long, tmp_path / "x.h5", half=True)


def test_a_camera_and_many_classes_in_a_file(tmp_path):
    data = SpikeDataset(*join_events([([0.5, 0.5], [179_919, 3])]), [70_000], 179_920, tuple(map(str, range(70_001))))
    write_shd(data, tmp_path / "x.h5")
    for storage in (Storage(), Storage(0.0, tmp_path / "cache")):
        back = read_shd(tmp_path / "x.h5", storage)
        assert (back.units.tolist(), back.labels.tolist(), back.units.dtype) == ([179_919, 3], [70_000], np.uint32)


@pytest.mark.skipif(not FILES.is_dir(), reason=f"needs {FILES}")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shd_hang.h5", "a heap of its rows is damaged"),
        ("times_in_ms.h5", "times look like milliseconds"),
        ("damaged_train.h5.gz", "Error -3 while decompressing"),
    ],
)
def test_files_that_went_wrong(name, said):
    with pytest.raises(DataError, match=said):
        read_shd(FILES / name)
