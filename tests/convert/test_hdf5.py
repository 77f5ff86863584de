"""Damage that the HDF5 library reads forever, or fills memory with, is found before it reads."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from myelin.convert import read_netx, read_nir, write_netx, write_nir
from myelin.convert.hdf5 import check_texts, has_long_texts, is_hollow
from myelin.convert.netx.floats import read_netx_floats
from myelin.convert.opened import read
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


def test_texts_longer_than_the_file_are_refused(tmp_path, small):
    """HDF5 2.0 takes 4 GB for the length that stands there, and twenty seconds, before it finds that the text is shorter."""
    names = {"a.net": "layer/1/neuron/type", "a.nir": "node/nodes/neurons_1/type"}
    write_netx(small, tmp_path / "a.net")
    write_nir(small, tmp_path / "a.nir")
    for name, text in names.items():
        path = tmp_path / name
        with h5py.File(path, "r") as file:
            assert not has_long_texts(file[text])
            place = file[text].id.get_offset()
        content = path.read_bytes()
        path.write_bytes(content[:place] + (0xFFFFFFF0).to_bytes(4, "little") + content[place + 4 :])
        with pytest.raises(NetworkError, match=r"longer than the file: it is damaged; copy or download it again"):
            read(path)
    with pytest.raises(NetworkError, match=r"layer/1 \(dense_rec\): 'type' is a text that is longer than the file"):
        read_netx_floats(tmp_path / "a.net")


def test_texts_in_chunks_are_measured_too(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("texts", data=["one", "two", "three"] * 4, chunks=(5,))
        file.create_dataset("none", (0,), h5py.string_dtype(), chunks=(5,), maxshape=(None,))
        file["numbers"] = np.arange(9)
    with h5py.File(tmp_path / "a.h5", "r") as file:
        assert not any(has_long_texts(file[name]) for name in file)
        place = file["texts"].id.get_chunk_info(1).byte_offset
    content = (tmp_path / "a.h5").read_bytes()
    (tmp_path / "b.h5").write_bytes(content[:place] + (1 << 30).to_bytes(4, "little") + content[place + 4 :])
    with h5py.File(tmp_path / "b.h5", "r") as file:
        assert has_long_texts(file["texts"])


def test_what_declares_more_than_it_stores_is_told_from_compressed_zeros(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("hollow", (10**4, 10**4), "f4", chunks=True)
        file["zeros"] = np.zeros((600, 600))
        file.create_dataset("packed", data=np.zeros((1000, 1000)), compression="gzip")
        file.create_dataset("small", (100, 100), "f4", chunks=True)
        assert [is_hollow(file[name]) for name in ("hollow", "zeros", "packed", "small")] == [True, False, False, False]
