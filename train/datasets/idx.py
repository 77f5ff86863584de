"""Images in MNIST's idx format as sequences: pixel by pixel, in a fixed random order, or row by row.

    images    big-endian int32: 2051, number of images, rows, columns; then one byte a pixel
    labels    big-endian int32: 2049, number of labels; then one byte a label

A file is plain or ``.gz``.  An image becomes a graded message in each step, the value of the pixel.  A pixel of 0 sends none.

    pixels       one input, 784 steps, in the order of reading: sequential MNIST
    permuted     the same, in one random order for all images, ``numpy.random.default_rng(PERMUTATION_SEED).permutation(784)``
    rows         28 inputs, 28 steps: one row a step

Before that, squares of ``pool`` x ``pool`` pixels may become one, their mean, and grey values 0..255 are scaled to messages of
``bits`` bits: from the sum s of a square, ``floor(s (2^bits - 1) / (255 pool^2) + 1/2)``, exactly.  Permuted sequential MNIST
of 14 x 14 pixels (pool = 2) has 196 steps.

A step is 1 ms.  Source: LeCun, Cortes, Burges; permuted sequential MNIST: Le, Jaitly, Hinton 2015, arXiv 1504.00941.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.hw_configs.reading.bounds import most_unpacked, read_at_most, too_large
from myelin.train.config.data import CODINGS as CODINGS
from myelin.train.config.data import ImagesConfig
from myelin.train.datasets.events import SpikeDataset

Coding = Literal["pixels", "permuted", "rows"]
#: Seed of the order of the pixels in permuted sequential MNIST.
PERMUTATION_SEED = 0
IMAGES, LABELS = 2051, 2049
#: Beginning of the names of a split's two files.
NAMES = {"train": ("train-images", "train-labels"), "test": ("t10k-images", "t10k-labels")}
_STEMS = {"images": "-idx3-ubyte", "labels": "-idx1-ubyte"}


def read_idx(
    images: str | os.PathLike[str],
    labels: str | os.PathLike[str],
    coding: Coding,
    *,
    seed: int = PERMUTATION_SEED,
    pool: int = 1,
    bits: int = 8,
    name: str | None = None,
) -> SpikeDataset:
    """The images of two idx files as sequences of graded messages.

    Args:
        images, labels: the two files, plain or ``.gz``.
        coding: "pixels", "permuted" or "rows".
        seed: of the order of the pixels, for "permuted".
        pool: side of the squares of pixels that become one, their mean; a divisor of rows and columns.
        bits: bits of a message, 1..8.
        name: origin of the data; None: the path of the images.

    Raises:
        DataError: a file is damaged, is of another kind, or has another number of entries than the other one; or there is no
            such coding, pool or number of bits.
    """
    if coding not in CODINGS:
        raise DataError(f"{images}: holds images, which become spikes in one of the ways {', '.join(CODINGS)}; got {coding!r}")
    pixels, answers = _read(Path(images), IMAGES), _read(Path(labels), LABELS)
    if len(pixels) != len(answers):
        raise DataError(f"{images}: holds {len(pixels)} images, {labels} {len(answers)} labels; one label each is needed")
    pixels = _scaled(pixels, pool, bits, str(images))
    frames = pixels if coding == "rows" else pixels.reshape(len(pixels), -1, 1)
    if coding == "permuted":
        frames = frames[:, np.random.default_rng(seed).permutation(frames.shape[1])]
    keys = tuple(map(str, range(10))) if answers.max(initial=0) < 10 else ()
    return SpikeDataset.from_dense(frames, answers, keys=keys, name=str(images) if name is None else name)


def find_idx(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Split -> its files of images and labels in ``folder``; {} if there are none."""
    found = {}
    for split, parts in NAMES.items():
        pair = [_file(folder, f"{part}{_STEMS[part.partition('-')[2]]}") for part in parts]
        if pair[0] is not None and pair[1] is not None:
            found[split] = (pair[0], pair[1])
    return found


def read_split(
    files: dict[str, tuple[Path, Path]],
    split: str,
    coding: str | None,
    source: str,
    plan: ImagesConfig | None = None,
    bits: int = 8,
) -> SpikeDataset:
    """A split of a folder of idx files; DataError if neither ``coding``, what follows the folder's name, nor ``plan`` says how.

    ``plan``, and ``bits`` of its messages, come from a configuration or from the network that was trained with it.
    """
    if plan is not None:
        if coding is not None:
            raise DataError(
                f"{source}: says {coding!r}, and the configuration (data.images) says {plan.coding!r}: leave ':{coding}' out"
            )
        how: dict[str, Any] = {"seed": plan.seed, "pool": plan.pool, "bits": max(1, bits)}
        return read_idx(*files[split], plan.coding, **how, name=source)  # type: ignore[arg-type]
    if coding is None:
        raise DataError(
            f"{source}: holds images, and nothing says how they become spikes; name {source}:pixels (a pixel a step), "
            f"{source}:permuted (in a fixed random order) or {source}:rows (a row a step)"
        )
    return read_idx(*files[split], coding, name=source)  # type: ignore[arg-type]


def _scaled(pixels: npt.NDArray[np.uint8], pool: int, bits: int, name: str) -> npt.NDArray[np.uint8]:
    """Means of squares of pixels, scaled to ``bits`` bits."""
    rows, columns = pixels.shape[1:]
    if not 1 <= bits <= 8:
        raise DataError(f"{name}: grey values have 8 bits, asked for are messages of {bits}; 1..8 is allowed")
    if pool < 1 or rows % pool or columns % pool:
        raise DataError(
            f"{name}: images of {rows} x {columns} pixels are not divided into squares of {pool} x {pool}; set pool "
            f"(data.images.pool) to a divisor of both"
        )
    if pool == 1 and bits == 8:
        return pixels
    squares = pixels.reshape(len(pixels), rows // pool, pool, columns // pool, pool)
    total, unit = squares.sum(axis=(2, 4), dtype=np.int64), 255 * pool * pool
    return np.asarray((2 * total * ((1 << bits) - 1) + unit) // (2 * unit), np.uint8)


def _file(folder: Path, stem: str) -> Path | None:
    names = (stem, stem.replace("-idx", ".idx"))
    return next((folder / f"{name}{end}" for end in ("", ".gz") for name in names if (folder / f"{name}{end}").is_file()), None)


def _read(path: Path, magic: int) -> npt.NDArray[np.uint8]:
    """The bytes of an idx file in their shape."""
    axes = magic - 2048  # 1 for labels, 3 for images
    opener: Any = gzip.open if path.name.endswith(".gz") else open
    try:
        most = most_unpacked(size := path.stat().st_size)
        with opener(path, "rb") as file:
            content = read_at_most(file, most + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); it is damaged or of another kind: get it again") from error
    if len(content) > most:
        raise DataError(f"{path}: {too_large(size)}")
    start = 4 * (1 + axes)
    if len(content) < start or struct.unpack_from(">i", content)[0] != magic:
        raise DataError(
            f"{path}: is no idx file of {'images' if axes == 3 else 'labels'}, which begins with {magic}: get it again"
        )
    shape = struct.unpack_from(f">{axes}i", content, 4)
    if min(shape) < 0 or int(np.prod(shape, dtype=object)) != len(content) - start:
        raise DataError(f"{path}: says that its shape is {shape}, and has {len(content) - start} bytes: get it again")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
