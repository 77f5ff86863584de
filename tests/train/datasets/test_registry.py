"""Sources of data by path: options after a colon, units of time, what cannot be meant."""

from __future__ import annotations

import numpy as np
import pytest

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import SpikeDataset, available_splits, join_events, load, with_time_unit, write_shd


@pytest.fixture
def in_ms(tmp_path):
    """A folder with a train split in milliseconds."""
    write_shd(SpikeDataset(*join_events([(np.array([200.0, 700.0]), [0, 1])] * 3), [0, 1, 0]), tmp_path / "x_train.h5")
    return tmp_path


def test_a_unit_of_time_stands_after_a_colon(in_ms):
    for source in (in_ms, in_ms / "x_train.h5"):
        with pytest.raises(DataError, match="times look like milliseconds"):
            load(source, "train")
        for data in (
            load(f"{source}:ms", "train"),
            load(source, "train", time_unit="ms"),
            load(f"{source}:ms", "train", time_unit="ms"),
        ):
            assert data.durations_s.tolist() == [0.7] * 3
        assert available_splits(f"{source}:ms") == ("train",)
        assert load(with_time_unit(source, "ms"), "train").durations_s[0] == 0.7
    assert with_time_unit("builtin", None) == "builtin"


@pytest.mark.parametrize(
    ("option", "more", "said"),
    [
        (":ms", {"time_unit": "us"}, "says 'ms' itself, time_unit is 'us'; say it once"),
        (":h", {}, "':h' is no way to read .*; allowed are s, ms, us, pixels, permuted, rows"),
        (":rows", {}, "':rows' is for folders of idx files; leave it out"),
        ("x:ms", {}, "no such file or folder"),
        (":ms\0", {}, "':ms\0' is no way to read"),
        ("\0", {}, "no such file or folder"),
        ("", {"time_unit": "h"}, "time_unit is 'h'; s, ms, us are allowed"),
        ("", {"time_unit": ["ms"]}, r"time_unit is \['ms'\]; s, ms, us are allowed"),
        ("", {"message_bits": 2.5}, r"message_bits is 2.5; a whole number in 0..8 is allowed"),
        ("", {"message_bits": 9}, r"message_bits is 9; a whole number in 0..8 is allowed"),
        ("", {"images": "rows"}, "images is 'rows'; an ImagesConfig is allowed"),
        ("", {"storage": 64}, "storage is 64; a Storage is allowed"),
    ],
)
def test_options_that_are_refused(in_ms, option, more, said):
    with pytest.raises(DataError, match=said):
        load(f"{in_ms}{option}", "train", **more)


def test_a_file_whose_name_has_a_colon_is_itself(tmp_path):
    write_shd(SpikeDataset(*join_events([([0.5], [0])]), [0]), tmp_path / "x.h5")
    (tmp_path / "x.h5").rename(tmp_path / "x.h5:ms")
    assert load(tmp_path / "x.h5:ms").durations_s.tolist() == [0.5]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x.npy", r"x.npy: is an array without answers; make a data set of it, SpikeDataset.from_dense\(x, y, step_ms=...\)"),
        ("x.wav", "x.wav: is a recording; make spikes of recordings with `myelin encode`"),
        ("x.nir", "x.nir: is a network; name the data"),
        ("x.pt", r"x.pt: files named .pt are not read; .h5, .hdf5, .* are: give what it holds as arrays, a pair \(x, y\)"),
    ],
)
def test_files_of_another_kind_are_named(tmp_path, name, said):
    np.save(tmp_path / "array.npy", np.zeros((2, 3, 4)))
    (tmp_path / "array.npy").rename(tmp_path / name)
    with pytest.raises(DataError, match=said):
        load(tmp_path / name)


def test_a_file_of_spikes_may_have_any_other_suffix(in_ms):
    (in_ms / "x_train.h5").rename(in_ms / "a.spikes")
    assert load(in_ms / "a.spikes", time_unit="ms").durations_s.tolist() == [0.7] * 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"keys": "yes"}, "keys is 'yes'; a list of the names of the classes is allowed"),
        ({"keys": 3}, "keys is 3; a list of the names of the classes is allowed"),
        ({"channels": "700"}, "channels is '700', allowed is 1..2147483647"),
        ({"channels": 2.5}, "channels is 2.5, allowed is 1..2147483647"),
        ({"shape": 700}, "shape is 700; a tuple of integers is allowed"),
        ({"shape": (1, "1", 700)}, r"shape is \(1, '1', 700\); a tuple of integers is allowed"),
    ],
)
def test_sizes_and_names_are_what_they_must_be(given, said):
    with pytest.raises(DataError, match=f"mine: {said}"):
        SpikeDataset(*join_events([(np.array([0.1]), [0])]), [0], name="mine", **given)
