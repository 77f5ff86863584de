"""Damage that the HDF5 library reads forever, or fills memory with, is found before it reads."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from myelin.convert import read_netx, read_nir, write_netx
from myelin.convert.hdf5 import check_texts, is_hollow
from myelin.convert.netx.floats import read_netx_floats
from myelin.hw_configs.errors import NetworkError


def test_texts_without_an_end_are_refused(tmp_path, small):
    """An entry of index 0 and size 0 in the heap of texts: HDF5 2.0 stands still there."""
    path = tmp_path / "a.net"
    write_netx(small, path)
    check_texts(path)
    whole = path.read_bytes()
    heap = whole.index(b"GCOL\x01\x00\x00\x00")
    path.write_bytes(whole[: heap + 16] + bytes(16) + whole[heap + 32 :])
    for reader in (read_netx, read_netx_floats, read_nir):
        with pytest.raises(NetworkError, match=rf"a.net is damaged: its texts at byte {heap} have no end"):
            reader(path)
    path.write_bytes(whole[: heap + 12])
    check_texts(path)
    check_texts(tmp_path / "none")
    (tmp_path / "empty").write_bytes(b"")
    check_texts(tmp_path / "empty")


def test_what_declares_more_than_it_stores_is_told_from_compressed_zeros(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("hollow", (10**4, 10**4), "f4", chunks=True)
        file["zeros"] = np.zeros((600, 600))
        file.create_dataset("packed", data=np.zeros((1000, 1000)), compression="gzip")
        file.create_dataset("small", (100, 100), "f4", chunks=True)
        assert [is_hollow(file[name]) for name in ("hollow", "zeros", "packed", "small")] == [True, False, False, False]
