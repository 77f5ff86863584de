"""Batches of frames from spike data: binned batch by batch, augmented in training, reproducible from seed and epoch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

import myelin.train.needs_torch  # noqa: F401

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from myelin.train.config.config import AugmentConfig, DataConfig
from myelin.train.datasets import SpikeDataset
from myelin.train.datasets.binning import mean_times
from myelin.train.kernels.layout import nct
from myelin.train.run.objective import counted
from myelin.train.run.processes.parallel import WHOLE, Slices

#: Largest count of a frame, which has 8 bits.
MAX_COUNT = 255


class Batch(NamedTuple):
    """One process's part of a joint batch.

    Attributes:
        spikes: (B, *input shape, T) float32 counts.
        labels: (B,) int64 classes, (B, T) int64 labels per step with -1 for none, or (B, outputs, T) float32 traces.
        first: index in the joint batch of the first sample here.
        joint: number of samples in the joint batch, over all processes.
        counted: number of values that the joint batch's mean loss runs over (``myelin.train.run.objective.counted``).
    """

    spikes: Tensor
    labels: Tensor
    first: int
    joint: int
    counted: int


class Batches:
    """Frames of a data set.

    Args:
        dataset: the samples.
        config: steps, channels and message bits.
        batch_size: samples per joint batch; the last batch may be smaller.
        samples: indices of the samples to use, in this order; None for all.

    Attributes:
        lost: number of events so far that did not fit the frames, by reason (``late``, ``early``, ``off_channel``,
            ``clipped``), and under ``events`` the number of all events.
    """

    def __init__(
        self, dataset: SpikeDataset, config: DataConfig, batch_size: int, samples: npt.NDArray[np.int64] | None = None
    ) -> None:
        self.dataset, self.config, self.batch_size = dataset, config, batch_size
        self.samples = np.arange(len(dataset)) if samples is None else samples
        self.lost: Counter[str] = Counter()

    def __len__(self) -> int:
        return -(-len(self.samples) // self.batch_size)

    def frames(self, indices: npt.ArrayLike, **changes: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Spike counts (B, steps, *input shape) of the samples ``indices``; ``changes`` as in ``SpikeDataset.bin``."""
        config = self.config
        mode, most = ("binary", 1) if config.message_bits == 0 else ("count", (1 << config.message_bits) - 1)
        binned = self.dataset.bin(indices, config.steps, config.step_ms, config.cells, mode, most, **changes)
        self.lost.update({name: value for name, value in binned._asdict().items() if name != "frames"})
        return binned.frames

    def in_order(self, numbers: Iterable[int] | None = None) -> Iterator[Batch]:
        """Batches of all samples, in order and without augmentation; with ``numbers``, only the batches of these numbers."""
        for number in range(len(self)) if numbers is None else numbers:
            chosen = self.samples[number * self.batch_size : (number + 1) * self.batch_size]
            yield self._batch(chosen, self.frames(chosen), slice(0, chosen.size))

    def shuffled(self, seed: int, epoch: int, augment: AugmentConfig, slices: Slices = WHOLE) -> Iterator[Batch]:
        """Batches of all samples, augmented, in an order set by ``seed`` and ``epoch``; only the own ``slices`` of each.

        Augmentations are drawn for the joint batch, so they do not depend on which process bins a sample.
        """
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(self.samples)
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            own = slices.span(chosen.size)
            yield self._batch(chosen, self._augmented(chosen, own, augment, rng), own)

    def _augmented(
        self, chosen: npt.NDArray[np.int64], own: slice, augment: AugmentConfig, rng: np.random.Generator
    ) -> npt.NDArray[np.uint8]:
        """Augmented frames of the samples ``chosen[own]``; random numbers are drawn for all of ``chosen``."""
        shift_ms = rng.uniform(-1, 1, chosen.size) * augment.time_shift_ms
        change, change_of_other = (self._drawn(chosen.size, augment, rng) for _ in range(2))
        blended = rng.random(chosen.size) < augment.blend
        place = rng.random(chosen.size)  # position of the other sample within its class
        seeds = rng.integers(0, 2**63, chosen.size)  # for the draws on each sample's frames

        frames = self.frames(chosen[own], time_shift_ms=shift_ms[own], **{name: x[own] for name, x in change.items()})
        mixing = np.flatnonzero(blended[own]) + own.start  # indices in the joint batch
        if mixing.size:
            mates = [self._members[label] for label in self.dataset.labels[chosen[mixing]]]
            others = np.array([mate[int(x * mate.size)] for mate, x in zip(mates, place[mixing], strict=True)])
            centred = shift_ms[mixing] + self._centre_ms[chosen[mixing]] - self._centre_ms[others]
            mixed = self.frames(others, time_shift_ms=centred, **{name: x[mixing] for name, x in change_of_other.items()})
        if mixing.size or augment.channel_mask or augment.time_mask_steps:
            generators = [np.random.default_rng(value) for value in seeds[own]]
            for number, row in enumerate(mixing - own.start):
                draw = generators[row].binomial
                blend = draw(frames[row], 0.5) + draw(mixed[number], 0.5)
                frames[row] = np.minimum(blend, MAX_COUNT)
                self.lost["clipped"] += int((blend - frames[row]).sum())
            for sample, generator in zip(frames, generators, strict=True):
                _silence(sample, augment, generator)
        return frames

    @cached_property
    def _members(self) -> dict[int, npt.NDArray[np.int64]]:
        """Samples of each class."""
        labels = self.dataset.labels[self.samples]
        return {int(label): self.samples[labels == label] for label in np.unique(labels)}

    @cached_property
    def _centre_ms(self) -> npt.NDArray[np.float64]:
        """Mean spike time of each sample of the data set in milliseconds, (samples,); 0 for a sample without spikes."""
        return 1000 * mean_times(self.dataset.times_s, self.dataset.offsets)

    def _batch(self, joint: npt.NDArray[np.int64], frames: npt.NDArray[np.uint8], own: slice) -> Batch:
        # (T, B, N) is the layout of the compiled loops
        flat = frames.reshape(*frames.shape[:2], math.prod(frames.shape[2:]))
        spikes = torch.from_numpy(flat.transpose(1, 0, 2).astype(np.float32, order="C"))
        labels = torch.from_numpy(self.targets(joint[own]))
        number = counted(self.dataset.task, self.targets(joint)) if self.dataset.task == "steps" else joint.size
        return Batch(nct(spikes, frames.shape[2:]), labels, own.start, joint.size, number)

    def targets(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        """What the samples ``indices`` should give, as in ``Batch.labels``."""
        if self.dataset.targets is None:
            return self.dataset.labels[indices]
        found = self.dataset.targets[indices]
        return found if self.dataset.task == "steps" else np.ascontiguousarray(np.moveaxis(found, 1, 2))

    def _drawn(self, size: int, augment: AugmentConfig, rng: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
        """Channel shifts (along both axes of a plane) and time stretches, one per sample."""
        shape = self.dataset.shape
        wanted: int | tuple[int, int] = size if shape is None else (size, 2)
        shift = rng.integers(-augment.channel_shift, augment.channel_shift + 1, wanted)
        if shape is not None:
            shift = np.where(np.array(shape[1:]) > 1, shift, 0)  # no shift along an axis of length 1
        return {
            "channel_shift": shift,
            "time_stretch": 1 + rng.uniform(-1, 1, size) * augment.time_stretch,
        }


def _silence(sample: npt.NDArray[np.uint8], augment: AugmentConfig, rng: np.random.Generator) -> None:
    """Zero, in place, one band of channels (or columns) and one range of steps of a sample (steps, *input shape)."""
    for axis, most in ((-1, augment.channel_mask), (0, augment.time_mask_steps)):
        if most:
            size = sample.shape[axis]
            width = int(rng.integers(0, min(most, size) + 1))
            start = int(rng.integers(0, size - width + 1))
            np.moveaxis(sample, axis, 0)[start : start + width] = 0
