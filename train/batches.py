"""Batches of frames from spike data: binned one batch at a time, augmented while training, reproducible from seed and epoch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from train.config import AugmentConfig, DataConfig
from train.datasets import SpikeDataset
from train.layout import nct


class Batch(NamedTuple):
    """``spikes`` (B, *input shape, T) float32 counts, ``labels`` (B,) int64."""

    spikes: Tensor
    labels: Tensor


class Batches:
    """Frames of a data set.

    Args:
        dataset: the samples.
        config: steps, channels and message bits.
        batch_size: samples in a batch; the last one may be smaller.

    Attributes:
        lost: events that did not fit the frames so far, by reason (``late``, ``early``, ``off_channel``, ``clipped``), and
            ``events``, all that were offered.
    """

    def __init__(self, dataset: SpikeDataset, config: DataConfig, batch_size: int) -> None:
        self.dataset, self.config, self.batch_size = dataset, config, batch_size
        self.lost: Counter[str] = Counter()

    def __len__(self) -> int:
        return -(-len(self.dataset) // self.batch_size)

    def frames(self, indices: npt.ArrayLike, **changes: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """(B, steps, *input shape) spike counts of the samples ``indices``; ``changes`` as in ``SpikeDataset.bin``."""
        config = self.config
        mode, most = ("binary", 1) if config.message_bits == 0 else ("count", (1 << config.message_bits) - 1)
        binned = self.dataset.bin(indices, config.steps, config.step_ms, config.cells, mode, most, **changes)
        self.lost.update({name: value for name, value in binned._asdict().items() if name != "frames"})
        return binned.frames

    def in_order(self) -> Iterator[Batch]:
        """All samples, unchanged, in the order of the data set."""
        for start in range(0, len(self.dataset), self.batch_size):
            indices = np.arange(start, min(start + self.batch_size, len(self.dataset)))
            yield self._batch(indices, self.frames(indices))

    def shuffled(self, seed: int, epoch: int, augment: AugmentConfig) -> Iterator[Batch]:
        """All samples, augmented, in an order that ``seed`` and ``epoch`` determine."""
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(len(self.dataset))
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            shift_ms = rng.uniform(-1, 1, chosen.size) * augment.time_shift_ms
            frames = self._changed(chosen, shift_ms, augment, rng)
            blended = np.flatnonzero(rng.random(chosen.size) < augment.blend)
            if blended.size:
                own = chosen[blended]
                others = np.array([rng.choice(self._members[label]) for label in self.dataset.labels[own]])
                centred = shift_ms[blended] + self._centre_ms[own] - self._centre_ms[others]
                mixed = self._changed(others, centred, augment, rng)
                frames[blended] = rng.binomial(frames[blended], 0.5) + rng.binomial(mixed, 0.5)
            _silence(frames, augment, rng)
            yield self._batch(chosen, frames)

    def _changed(
        self,
        indices: npt.NDArray[np.int64],
        shift_ms: npt.NDArray[np.float64],
        augment: AugmentConfig,
        rng: np.random.Generator,
    ) -> npt.NDArray[np.uint8]:
        """Frames with random shifts along the channels, or along both axes, and changes of speed."""
        shape = self.dataset.shape
        size: int | tuple[int, int] = indices.size if shape is None else (indices.size, 2)
        shift = rng.integers(-augment.channel_shift, augment.channel_shift + 1, size)
        if shape is not None:
            shift = np.where(np.array(shape[1:]) > 1, shift, 0)  # planes of a row have nowhere else to go
        return self.frames(
            indices,
            channel_shift=shift,
            time_shift_ms=shift_ms,
            time_stretch=1 + rng.uniform(-1, 1, indices.size) * augment.time_stretch,
        )

    @cached_property
    def _members(self) -> dict[int, npt.NDArray[np.int64]]:
        """Samples of each class."""
        return {int(label): np.flatnonzero(self.dataset.labels == label) for label in np.unique(self.dataset.labels)}

    @cached_property
    def _centre_ms(self) -> npt.NDArray[np.float64]:
        """(samples,) mean time of each sample's spikes in milliseconds, 0 where it has none."""
        counts = np.diff(self.dataset.offsets)
        sums = np.concatenate(([0.0], np.cumsum(self.dataset.times_s, dtype=np.float64)))
        totals = sums[self.dataset.offsets[1:]] - sums[self.dataset.offsets[:-1]]
        return 1000 * totals / np.maximum(counts, 1)

    def _batch(self, indices: npt.NDArray[np.int64], frames: npt.NDArray[np.uint8]) -> Batch:
        # (T, B, N) is the layout of the compiled loops
        flat = frames.reshape(*frames.shape[:2], -1)
        spikes = torch.from_numpy(flat.transpose(1, 0, 2).astype(np.float32, order="C"))
        return Batch(nct(spikes, frames.shape[2:]), torch.from_numpy(self.dataset.labels[indices]))


def _silence(frames: npt.NDArray[np.uint8], augment: AugmentConfig, rng: np.random.Generator) -> None:
    """Zero, in place, one band of channels (of columns) and one stretch of steps of each sample of (B, steps, *input shape)."""
    for axis, most in ((-1, augment.channel_mask), (0, augment.time_mask_steps)):
        if most:
            for sample in frames:
                size = sample.shape[axis]
                width = int(rng.integers(0, min(most, size) + 1))
                start = int(rng.integers(0, size - width + 1))
                np.moveaxis(sample, axis, 0)[start : start + width] = 0
