"""Images in MNIST's idx format as sequences: pixel by pixel, in a fixed random order, or row by row.

    images    big-endian int32: 2051, number of images, rows, columns; then one byte a pixel
    labels    big-endian int32: 2049, number of labels; then one byte a label

A file is plain or ``.gz``.  An image becomes a graded message in each step: the value of the pixel, 0..255 (8 message bits).

    pixels       one input, 784 steps, in the order of reading: sequential MNIST
    permuted     the same, in one random order for all images, ``numpy.random.default_rng(PERMUTATION_SEED).permutation(784)``
    rows         28 inputs, 28 steps: one row a step

A step is 1 ms.  Source: LeCun, Cortes, Burges; permuted sequential MNIST: Le, Jaitly, Hinton 2015, arXiv 1504.00941.
"""

from __future__ import annotations

import gzip
import os
import struct
import zlib
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.bounds import most_unpacked, read_at_most, too_large
from myelin.hw_configs.errors import DataError
from myelin.train.datasets.events import SpikeDataset

Coding = Literal["pixels", "permuted", "rows"]
CODINGS: tuple[str, ...] = get_args(Coding)
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
    name: str | None = None,
) -> SpikeDataset:
    """The images of two idx files as sequences of graded messages.

    Args:
        images, labels: the two files, plain or ``.gz``.
        coding: "pixels", "permuted" or "rows".
        seed: of the order of the pixels, for "permuted".
        name: origin of the data; None: the path of the images.

    Raises:
        DataError: a file is damaged, is of another kind, or has another number of entries than the other one.
    """
    if coding not in CODINGS:
        raise DataError(f"{images}: holds images, which become spikes in one of the ways {', '.join(CODINGS)}; got {coding!r}")
    pixels, answers = _read(Path(images), IMAGES), _read(Path(labels), LABELS)
    if len(pixels) != len(answers):
        raise DataError(f"{images}: holds {len(pixels)} images, {labels} {len(answers)} labels; one label each is needed")
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


def read_split(files: dict[str, tuple[Path, Path]], split: str, coding: str | None, source: str) -> SpikeDataset:
    """A split of a folder of idx files; DataError if ``coding``, what follows the folder's name, is None."""
    if coding is None:
        raise DataError(
            f"{source}: holds images, and nothing says how they become spikes; name {source}:pixels (a pixel a step), "
            f"{source}:permuted (in a fixed random order) or {source}:rows (a row a step)"
        )
    return read_idx(*files[split], coding, name=source)  # type: ignore[arg-type]


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
