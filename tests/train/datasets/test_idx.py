"""Images in the idx format, made here in the real format and, if they are there, those of MNIST itself."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
from places import SHARED

from myelin.hw_configs.errors import ConfigError, DataError
from myelin.train.config.data import ImagesConfig
from myelin.train.config.files import load_config
from myelin.train.datasets import available_splits, load, read_idx
from myelin.train.run.start import training_data

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


def test_squares_become_one_pixel_of_few_bits(tmp_path):
    big = np.random.default_rng(1).integers(0, 256, (3, 4, 6), np.uint8)
    big[0, :2, :2] = 255  # the brightest square is the largest message
    (tmp_path / "images").write_bytes(idx(big))
    (tmp_path / "labels").write_bytes(idx(LABELS[:3]))
    for bits in (1, 4, 8):
        data = read_idx(tmp_path / "images", tmp_path / "labels", "pixels", pool=2, bits=bits)
        mean = big.reshape(3, 2, 2, 3, 2).mean(axis=(2, 4)).reshape(3, 6)
        expected = np.floor(mean / 255 * (2**bits - 1) + 0.5)
        np.testing.assert_array_equal(frames(data, 6, 1)[:, :, 0], expected)
    with pytest.raises(DataError, match=r"images of 4 x 6 pixels .* squares of 4 x 4; set pool \(data.images.pool\)"):
        read_idx(tmp_path / "images", tmp_path / "labels", "pixels", pool=4)
    with pytest.raises(DataError, match=r"asked for are messages of 9; 1..8 is allowed"):
        read_idx(tmp_path / "images", tmp_path / "labels", "pixels", bits=9)


def test_a_configuration_says_how_images_become_sequences(folder):
    plan = ImagesConfig(coding="permuted", seed=3)
    data = load(folder, "train", images=plan, message_bits=4)
    order = np.random.default_rng(3).permutation(12)
    scaled = np.floor(IMAGES.reshape(5, 12)[:, order] / 255 * 15 + 0.5)
    np.testing.assert_array_equal(frames(data, 12, 1)[:, :, 0], scaled)
    with pytest.raises(DataError, match=r"says 'rows', and the configuration \(data.images\) says 'permuted': leave ':rows'"):
        load(f"{folder}:rows", "train", images=plan)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [("coding", "columns", "pixels, permuted, rows"), ("pool", 0, "at least 1"), ("seed", -1, "0 to below 2")],
)
def test_a_configuration_of_images_is_checked(key, value, said):
    with pytest.raises(ConfigError, match=rf"data.images.{key} is {value}; {said}.* is allowed"):
        ImagesConfig(**{key: value})


@pytest.mark.skipif(not MNIST.is_dir(), reason="../shared/data/mnist is absent")
def test_the_experiment_trains_on_mnist_itself():
    config = load_config("psmnist", ["data.samples=500"])
    data = training_data(MNIST, config)
    counts = np.bincount(data.labels)
    assert (len(data), data.steps, data.counts.max()) == (500, config.data.steps, 15)
    assert np.abs(counts - 500 * np.bincount(load(f"{MNIST}:rows", "train").labels) / 60000).max() <= 1
    assert len(training_data(data, config)) == 500  # drawn once
    with pytest.raises(DataError, match=r"has 500 samples, data.samples asks for 501; leave it out"):
        training_data(data, load_config("psmnist", ["data.samples=501"]))
