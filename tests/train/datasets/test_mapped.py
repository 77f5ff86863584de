"""Files that are mapped: the same data set, the same batches, the same refusals, without ever holding all events."""

from __future__ import annotations

import gzip
import mmap
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from places import ROOT

from myelin.hw_configs.errors import DataError
from myelin.train.config.config import AugmentConfig, DataConfig
from myelin.train.datasets import SpikeDataset, Storage, join_events, load, read_shd, write_shd
from myelin.train.datasets import shd as format_of_shd
from myelin.train.run.batches import Batches


@pytest.fixture
def mapping(tmp_path, monkeypatch):
    """Everything is mapped, from ``tmp_path/cache``, in pieces of 7 samples."""
    monkeypatch.setattr(format_of_shd, "ROWS_AT_ONCE", 7)
    return Storage(0.0, tmp_path / "cache")


def words(seed=0, samples=30, shape=None):
    rng = np.random.default_rng(seed)
    trains = [(np.sort(rng.uniform(0, 1, n)).astype(np.float16), rng.integers(0, 20, n)) for n in rng.integers(0, 40, samples)]
    more = {"channels": 20, "keys": ("a", "b", "c"), "speakers": np.arange(samples) // 5, "shape": shape}
    return SpikeDataset(*join_events(trains), np.arange(samples) % 3, **more)


def is_mapped(array):
    while isinstance(array, np.ndarray):
        array = array.base
    return isinstance(array, mmap.mmap)


def conversions(storage):
    return sorted(path.name for path in storage.cache.iterdir() if not path.name.endswith(".lock"))


@pytest.mark.parametrize("suffix", [".h5", ".h5.gz"])
@pytest.mark.parametrize("shape", [None, (2, 2, 5)])
def test_a_mapped_file_is_the_same_data_set(tmp_path, mapping, suffix, shape):
    path = tmp_path / f"x{suffix}"
    write_shd(words(shape=shape), path)
    held, first, again = read_shd(path), read_shd(path, mapping), read_shd(path, mapping)
    assert held.mapped is None and not is_mapped(held.times_s)
    for mapped in (first, again):
        assert mapped.mapped is not None and mapped.mapped.parent == mapping.cache
        for field in ("times_s", "units", "offsets", "labels", "speakers"):
            np.testing.assert_array_equal(getattr(mapped, field), getattr(held, field), err_msg=field)
        assert (mapped.channels, mapped.keys, mapped.shape, mapped.name) == (held.channels, held.keys, held.shape, held.name)
        assert is_mapped(mapped.times_s) and is_mapped(mapped.units) and not mapped.times_s.flags.writeable


def test_batches_of_a_mapped_file_are_the_same_bits(tmp_path, mapping):
    write_shd(words(), tmp_path / "x_train.h5")
    augment = AugmentConfig(channel_shift=3, time_shift_ms=20, time_stretch=0.1, channel_mask=3, time_mask_steps=4, blend=0.5)
    config = DataConfig(steps=20, step_ms=50.0, channels=10)
    both = [Batches(load(tmp_path, "train", storage), config, 8, np.arange(25)) for storage in (Storage(), mapping)]
    for held, mapped in zip(*(source.shuffled(1, 2, augment) for source in both), strict=True):
        assert held.spikes.numpy().tobytes() == mapped.spikes.numpy().tobytes()
        assert held.labels.tolist() == mapped.labels.tolist()
    assert both[0].lost == both[1].lost


def test_only_large_files_are_mapped(tmp_path):
    write_shd(words(), tmp_path / "x.h5")
    size_mb = (tmp_path / "x.h5").stat().st_size / 1e6
    assert read_shd(tmp_path / "x.h5", Storage(size_mb, tmp_path / "cache")).mapped is None
    assert not (tmp_path / "cache").exists()
    assert read_shd(tmp_path / "x.h5", Storage(size_mb - 1e-6, tmp_path / "cache")).mapped is not None
    # a conversion is left alone where the file may be held after all
    assert read_shd(tmp_path / "x.h5", Storage(size_mb, tmp_path / "cache")).mapped is None


def test_a_changed_file_is_converted_again_and_the_old_conversion_deleted(tmp_path, mapping):
    path = tmp_path / "x.h5"
    write_shd(words(0), path)
    read_shd(path, mapping)
    (before,) = conversions(mapping)
    (mapping.cache / f".{before}.left").mkdir()  # by a conversion that was killed
    write_shd(words(1), path)
    os.utime(path, ns=(1, 1))
    np.testing.assert_array_equal(read_shd(path, mapping).times_s, words(1).times_s)
    (after,) = conversions(mapping)
    assert after != before and after.rpartition("-")[0] == before.rpartition("-")[0]


def unsound(path, name, rows, dtype):
    with h5py.File(path, "a") as file:
        del file[name]
        entry = file.create_dataset(name, (len(rows),), h5py.vlen_dtype(dtype))
        for index, row in enumerate(rows):
            entry[index] = np.asarray(row, dtype)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({9: (5, np.nan)}, "1 spike times are NaN, infinite or negative \\(first nan s in sample 9\\)"),
        ({3: (0, -1.0), 20: (1, np.inf)}, "2 spike times are .* \\(first -1 s in sample 3\\)"),
    ],
)
def test_damage_in_any_piece_is_refused_and_leaves_nothing(tmp_path, mapping, change, message):
    path, rows = tmp_path / "x.h5", [np.linspace(0, 1, 8) for _ in range(30)]
    write_shd(SpikeDataset(*join_events([(row, np.zeros(8, int)) for row in rows]), np.arange(30) % 2), path)
    for sample, (event, value) in change.items():
        rows[sample][event] = value
    unsound(path, "spikes/times", rows, np.float32)
    with pytest.raises(DataError, match=message):
        read_shd(path, mapping)
    assert conversions(mapping) == []


def test_units_and_lengths_are_looked_at_before_they_are_cast(tmp_path, mapping):
    path = tmp_path / "x.h5"
    write_shd(SpikeDataset(*join_events([([0.5, 0.5], [0, 1])] * 20), np.zeros(20, int)), path)
    unsound(path, "spikes/units", [[0, 1]] * 19 + [[0, 65536]], np.int64)
    with pytest.raises(DataError, match=r"units lie in 0\.\.65536, allowed is 0\.\.699"):
        read_shd(path, mapping)
    unsound(path, "spikes/units", [[0, 1]] * 17 + [[0]] + [[0, 1]] * 2, np.uint16)
    with pytest.raises(DataError, match=r"sample 17 has 2 spike times but 1 units \(1 such samples\)"):
        read_shd(path, mapping)
    assert conversions(mapping) == []


def test_a_damaged_conversion_is_named(tmp_path, mapping):
    write_shd(words(), tmp_path / "x.h5")
    folder = read_shd(tmp_path / "x.h5", mapping).mapped
    for name in ("about.json", "labels.npy", "times_s.f4"):
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(DataError, match=r"the conversion of .*x.h5 is damaged .*; delete that folder"):
            read_shd(tmp_path / "x.h5", mapping)
        (folder / name).write_bytes(content)
    assert read_shd(tmp_path / "x.h5", mapping).mapped == folder


def test_a_cache_that_cannot_be_written(tmp_path):
    write_shd(words(), tmp_path / "x.h5")
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(DataError, match=r"cache: cannot hold the conversion.*--cache.*--in-memory-mb"):
        read_shd(tmp_path / "x.h5", Storage(0.0, tmp_path / "cache"))


def _read(path, cache, found):
    found.put(read_shd(path, Storage(0.0, cache)).times_s.sum().item())


@pytest.mark.subprocess
def test_processes_that_want_the_same_conversion_make_one(tmp_path):
    write_shd(words(), tmp_path / "x.h5")
    context = multiprocessing.get_context("fork")
    found = context.Queue()
    readers = [context.Process(target=_read, args=(tmp_path / "x.h5", tmp_path / "cache", found)) for _ in range(4)]
    for reader in readers:
        reader.start()
    sums = [found.get(timeout=60) for _ in readers]
    for reader in readers:
        reader.join(60)
    assert set(sums) == {words().times_s.sum().item()}
    assert len(conversions(Storage(0.0, tmp_path / "cache"))) == 1


@pytest.mark.subprocess
def test_memory_stays_bounded(tmp_path):
    """12 million events, 72 MB as arrays, are converted and binned within 40 MB of memory that is not a file's."""
    path, rng = tmp_path / "big.h5", np.random.default_rng(0)
    times = np.sort(rng.uniform(0, 1, 4000)).astype(np.float16)
    with h5py.File(path, "w") as file:
        for name, values in (("times", times), ("units", rng.integers(0, 700, 4000).astype(np.uint16))):
            rows = file.create_dataset(f"spikes/{name}", (3000,), h5py.vlen_dtype(values.dtype))
            for i in range(3000):
                rows[i] = values
        file["labels"] = np.arange(3000) % 5
    script = """
import resource, sys
from pathlib import Path
from myelin.train.datasets import Storage, read_shd
from myelin.train.datasets.events import SpikeDataset, join_events
small = SpikeDataset(*join_events([([0.1], [3])] * 2), [0, 1])
small.bin([0], 100, 10, 140)  # compiled before memory is limited
used = next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmData')) * 1024
resource.setrlimit(resource.RLIMIT_DATA, (used + 40_000_000,) * 2)
data = read_shd(Path(sys.argv[1]), Storage(10.0, Path(sys.argv[2])))
frames = data.bin(range(2000, 2032), 100, 10, 140)
print(data.units.size, frames.events, frames.late + frames.clipped + int(frames.frames.sum()))
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NUMBA_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", script, path, tmp_path / "cache"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["12000000", "128000", "128000"]


def test_large_compressed_files_are_unpacked_beside_the_cache(tmp_path, mapping):
    write_shd(words(), tmp_path / "x.h5")
    (tmp_path / "y.h5.gz").write_bytes(gzip.compress((tmp_path / "x.h5").read_bytes()))
    np.testing.assert_array_equal(read_shd(tmp_path / "y.h5.gz", mapping).units, words().units)
    assert len(conversions(mapping)) == 1  # what was unpacked is gone


@pytest.mark.skipif(os.name != "posix", reason="users by number are those of POSIX")
def test_a_user_without_a_home_keeps_conversions_among_temporary_files(tmp_path, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    write_shd(words(), tmp_path / "x.h5.gz")
    assert read_shd(tmp_path / "x.h5.gz").mapped is None and not any((tmp_path / "tmp").iterdir())
    mapped = read_shd(tmp_path / "x.h5.gz", Storage(0.0)).mapped
    assert mapped.parent == tmp_path / "tmp" / f"myelin-cache-{os.getuid()}"
    monkeypatch.setattr(os, "getuid", lambda: 4321)
    (tmp_path / "tmp" / "myelin-cache-4321").mkdir()
    with pytest.raises(DataError, match="belongs to another user, and you have no home folder; set XDG_CACHE_HOME to one of"):
        read_shd(tmp_path / "x.h5.gz")
