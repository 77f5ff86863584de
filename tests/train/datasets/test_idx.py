"""Images in the idx format, made here in the real format and, if they are there, those of MNIST itself."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from places import SHARED

from myelin.hw_configs.errors import DataError
from myelin.train.datasets import available_splits, load, read_idx

MNIST = SHARED / "data" / "mnist"
IMAGES = np.random.default_rng(0).integers(0, 256, (5, 4, 3), np.uint8)
LABELS = np.array([3, 1, 4, 1, 5], np.uint8)


def idx(array):
    magic = 2048 + array.ndim
    return struct.pack(f">{1 + array.ndim}i", magic, *array.shape) + array.tobytes()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES)))
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(LABELS)))
    (tmp_path / "t10k-images.idx3-ubyte").write_bytes(idx(IMAGES[:2]))  # as some copies name them
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(idx(LABELS[:2]))
    return tmp_path


def frames(data, steps, channels):
    return data.bin(range(len(data)), steps, 1.0, channels).frames


def test_pixels_and_rows(folder):
    assert available_splits(f"{folder}:pixels") == available_splits(folder) == ("train", "test")
    data = load(f"{folder}:pixels", "train")
    assert (data.labels.tolist(), data.classes, data.steps, data.step_ms) == (LABELS.tolist(), 10, 12, 1.0)
    np.testing.assert_array_equal(frames(data, 12, 1)[:, :, 0], IMAGES.reshape(5, 12))
    rows = load(f"{folder}:rows", "test")
    np.testing.assert_array_equal(frames(rows, 4, 3), IMAGES[:2])


def test_one_order_for_all_images(folder):
    order = np.random.default_rng(0).permutation(12)  # the seed that the documentation states
    data = load(f"{folder}:permuted", "train")
    np.testing.assert_array_equal(frames(data, 12, 1)[:, :, 0], IMAGES.reshape(5, 12)[:, order])
    files = (folder / "train-images-idx3-ubyte.gz", folder / "train-labels-idx1-ubyte.gz")
    other = read_idx(*files, "permuted", seed=7)
    np.testing.assert_array_equal(
        frames(other, 12, 1)[:, :, 0], IMAGES.reshape(5, 12)[:, np.random.default_rng(7).permutation(12)]
    )


def test_the_coding_must_be_said(folder):
    with pytest.raises(
        DataError, match=rf"nothing says how they become spikes; name {folder}:pixels .*:permuted .* or .*:rows"
    ):
        load(folder, "train")
    with pytest.raises(DataError, match="holds images, which have no unit of time"):
        load(f"{folder}:ms", "train")
    with pytest.raises(DataError, match="has no valid split, it has train, test; split one off the training set"):
        load(f"{folder}:rows", "valid")
    with pytest.raises(DataError, match="in one of the ways pixels, permuted, rows; got 'columns'"):
        read_idx(folder / "a", folder / "b", "columns")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no idx file of images, which begins with 2051"),
        (idx(LABELS), "is no idx file of images"),
        (idx(IMAGES)[:-1], r"says that its shape is \(5, 4, 3\), and has 59 bytes"),
        (struct.pack(">4i", 2051, -1, 4, 3), r"says that its shape is \(-1, 4, 3\)"),
        (struct.pack(">4i", 2051, 2**31 - 1, 2**31 - 1, 3), "says that its shape is"),
        (idx(IMAGES[:2]), "holds 2 images, .* 5 labels; one label each is needed"),
    ],
)
def test_damaged_files(tmp_path, content, said):
    (tmp_path / "images").write_bytes(content)
    (tmp_path / "labels").write_bytes(idx(LABELS))
    with pytest.raises(DataError, match=said):
        read_idx(tmp_path / "images", tmp_path / "labels", "rows")
    packed = gzip.compress(idx(IMAGES))
    (tmp_path / "images.gz").write_bytes(packed[:30] + bytes(4) + packed[34:])
    with pytest.raises(DataError, match=r"images.gz: cannot be read"):
        read_idx(tmp_path / "images.gz", tmp_path / "labels", "rows")
    with pytest.raises(DataError, match="absent: cannot be read"):
        read_idx(tmp_path / "absent", tmp_path / "labels", "rows")


@pytest.mark.skipif(not MNIST.is_dir(), reason=f"needs {MNIST}")
def test_mnist_itself():
    data = load(f"{MNIST}:permuted", "test")
    assert (len(data), data.classes, data.steps, data.labels[:5].tolist()) == (10_000, 10, 784, [7, 2, 1, 0, 4])
    result = data.bin([0], 784, 1.0, 1)
    assert (int(result.frames.sum()), result.events, result.frames.max()) == (18_454, 18_454, 255)
