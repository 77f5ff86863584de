"""MAT-files: the arrays that scipy reads, and what is refused where scipy crashes or fills the memory."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from scipy import sparse
from scipy.io import loadmat, savemat

from myelin.train.datasets.mat5 import read_mat5

DTYPES = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")


@pytest.mark.parametrize("packed", [False, True])
def test_arrays_are_those_of_scipy(tmp_path, packed):
    rng = np.random.default_rng(0)
    arrays = {f"a{dtype}": rng.integers(0, 100, (3, 4, 2)).astype(dtype) for dtype in DTYPES}
    arrays |= {"one": np.array([[7.5]]), "empty": np.zeros((0, 3)), "a_name_that_is_longer": np.arange(5.0)[None]}
    savemat(tmp_path / "x.mat", arrays, do_compression=packed)
    theirs, ours = loadmat(tmp_path / "x.mat"), read_mat5(tmp_path / "x.mat", set(arrays))
    assert ours.keys() == arrays.keys()
    for name, array in ours.items():
        np.testing.assert_array_equal(array, theirs[name])
        assert array.dtype == theirs[name].dtype
    assert read_mat5(tmp_path / "x.mat", ("one", "absent")).keys() == {"one"}


def _element(order, kind, data):
    return struct.pack(f"{order}II", kind, len(data)) + data + bytes(-len(data) % 8)


def _file(order, shape, values, kind=9, name=b"x", flags=6, version=0x0100):
    parts = (
        _element(order, 6, struct.pack(f"{order}II", flags, 0)),
        _element(order, 5, struct.pack(f"{order}{len(shape)}i", *shape)),
        _element(order, 1, name),
        _element(order, kind, values),
    )
    mark = b"IM" if order == "<" else b"MI"
    return b"MATLAB 5.0".ljust(124) + struct.pack(f"{order}H", version) + mark + _element(order, 14, b"".join(parts))


def test_either_order_of_bytes_and_values_stored_in_a_smaller_type(tmp_path):
    path = tmp_path / "x.mat"
    for order in "<>":
        path.write_bytes(_file(order, (2, 2), struct.pack(f"{order}4h", 1, -2, 3, 4), kind=3))
        np.testing.assert_array_equal(read_mat5(path, "x")["x"], [[1.0, 3.0], [-2.0, 4.0]])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "no MAT-file of version 5"),
        (b"\x89HDF" + bytes(200), "no MAT-file of version 5; save it with -v7"),
        (_file("<", (1, 1), bytes(8), version=0x0200), "of another version than 5; save it with -v7"),
        (_file("<", (1, 1), bytes(8), kind=40), "the values of x are of the unknown type 40"),
        (_file("<", (1, 1), bytes(8), flags=99), "x is of class 99; an array of real numbers is needed"),
        (_file("<", (1, 1), bytes(8), flags=6 | 0x800), "x is complex numbers"),
        (_file("<", (1, 1), bytes(8), flags=8), "the values of x are not of its class"),
        (_file("<", (2**30, 2**30, 2**30), bytes(8)), "and has 8 bytes"),
        (_file("<", (-1, -1), bytes(8)), "and has 8 bytes"),
        (_file("<", (1,), bytes(8)), "the shape of x is damaged"),
        (_file("<", (1, 1), bytes(8))[:-4], "it ends too early"),
        (_file("<", (1, 1), bytes(8)) + _file("<", (1, 1), bytes(8))[128:], "two arrays named x"),
        (_file("<", (1, 1), bytes(8))[:136], "it ends too early"),
        (_file("<", (1, 1), bytes(8))[:128] + _element("<", 14, b""), "one of its arrays is damaged"),
        (_file("<", (1, 1), bytes(8))[:128] + struct.pack("<HHI", 1, 9, 0), "one of its elements is damaged"),
    ],
)
def test_what_is_refused(tmp_path, content, said):
    (tmp_path / "x.mat").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        read_mat5(tmp_path / "x.mat", ("x",))


def test_kinds_of_other_data(tmp_path):
    for value, said in (
        (sparse.eye(4).tocsc(), "x is a sparse matrix"),
        ({"a": 1}, "x is a structure"),
        (np.array([[1], "x"], object), "x is a cell array"),
        ("words", "x is text"),
    ):
        savemat(tmp_path / "x.mat", {"x": value})
        with pytest.raises(ValueError, match=said):
            read_mat5(tmp_path / "x.mat", ("x",))


def test_packed_arrays_are_unpacked_as_far_as_it_is_allowed(tmp_path):
    packed = zlib.compress(_element("<", 14, bytes(2**26)))
    (tmp_path / "x.mat").write_bytes(_file("<", (1, 1), bytes(8))[:128] + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(ValueError, match="unpacks to more than 32 MB, beyond 100 times its size"):
        read_mat5(tmp_path / "x.mat", ("x",))
