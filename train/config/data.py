"""The sections of a configuration on data: how spikes become frames, and how they are augmented in training."""

from __future__ import annotations

from dataclasses import dataclass

from myelin.train.config.checks import require

#: How an image becomes a sequence, see ``myelin.train.datasets.idx``.
CODINGS = ("pixels", "permuted", "rows")
#: What a step without a label is in training.
UNLABELLED = ("ignore", "class 0")


@dataclass(frozen=True)
class ImagesConfig:
    """How the images of a folder of idx files become sequences; grey values are scaled to ``data.message_bits``.

    Attributes:
        coding: ``pixels`` (one a step), ``permuted`` (in a fixed random order) or ``rows`` (a row a step).
        pool: side of the squares of pixels whose mean is taken, a divisor of rows and columns; 1: images as they are.
        seed: of the order of the pixels.
    """

    coding: str = "permuted"
    pool: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        require("data.images.coding", self.coding, self.coding in CODINGS, ", ".join(CODINGS))
        require("data.images.pool", self.pool, self.pool >= 1, "at least 1")
        require("data.images.seed", self.seed, 0 <= self.seed < 2**32, "0 to below 2^32")


@dataclass(frozen=True)
class DataConfig:
    """How spikes become frames.

    Attributes:
        steps: length of a sample in time steps.
        step_ms: length of a step in milliseconds.
        channels: number of pooled input channels, for units in a row; a divisor of the data's.
        shape: pooled (channels, height, width), for units on two axes, instead of ``channels``; divisors of the data's.
        message_bits: 0: binary spikes; otherwise graded spikes carry counts up to ``2 ** message_bits - 1``.
        intervals_ms: edges in milliseconds that split the spikes of a row of units into planes, by the interval since the
            previous spike of the channel (``myelin.train.datasets.intervals``).  ``shape`` is then (planes, 1, channels).
        images: how the images of a folder of idx files become sequences; None: the data says it, or holds no images.
        unlabelled: what a step without a label is in training, and for the choice of the epoch: ``ignore``, or ``class 0``,
            as published scripts for QTDB-ECG take it.
        samples: number of training samples that are used, those held out included, of every class the same fraction, drawn
            once and for all; None: all.
        validation: fraction of the training data held out, on which every choice is made.
        split_by: ``speaker``, ``stratified``, or ``auto``.
    """

    steps: int = 100
    step_ms: float = 10.0
    channels: int = 140
    shape: tuple[int, ...] | None = None
    message_bits: int = 4
    intervals_ms: tuple[float, ...] = ()
    images: ImagesConfig | None = None
    unlabelled: str = "ignore"
    samples: int | None = None
    validation: float = 0.1
    split_by: str = "auto"

    def __post_init__(self) -> None:
        require("data.steps", self.steps, self.steps >= 2, "at least 2")
        require("data.step_ms", self.step_ms, self.step_ms > 0, "more than 0")
        allowed = "three numbers (channels, height, width) of at least 1"
        require("data.shape", self.shape, self.shape is None or (len(self.shape) == 3 and min(self.shape) >= 1), allowed)
        require("data.message_bits", self.message_bits, 0 <= self.message_bits <= 8, "0..8")
        rising = all(low < high for low, high in zip((0.0, *self.intervals_ms), self.intervals_ms, strict=False))
        require("data.intervals_ms", self.intervals_ms, rising, "a list of rising numbers above 0")
        shaped = not self.intervals_ms or self.shape is not None
        require("data.shape", self.shape, shaped, f"with data.intervals_ms, [{len(self.intervals_ms) + 1}, 1, channels]")
        require("data.unlabelled", self.unlabelled, self.unlabelled in UNLABELLED, " or ".join(UNLABELLED))
        require("data.samples", self.samples, self.samples is None or self.samples >= 2, "at least 2")
        require("data.validation", self.validation, 0 < self.validation < 1, "a fraction between 0 and 1")
        require(
            "data.split_by", self.split_by, self.split_by in ("speaker", "stratified", "auto"), "speaker, stratified or auto"
        )

    @property
    def cells(self) -> int | tuple[int, ...]:
        """Size or shape after pooling, as ``SpikeDataset.bin`` takes it."""
        return self.channels if self.shape is None else self.shape

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of the network's input: (channels,) or (channels, height, width)."""
        return (self.channels,) if self.shape is None else self.shape


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes of every training sample, drawn again in each epoch.

    Attributes:
        channel_shift: largest shift along the channels (with two axes, along both), in channels before pooling.
        time_shift_ms: largest shift in time, in milliseconds.
        time_stretch: largest relative change of speed.
        channel_mask: largest width of a band of pooled channels (with two axes, of columns) that is set to zero.
        time_mask_steps: largest length of a range of time steps that is set to zero.
        blend: probability that a sample is mixed with another one of its class.  The two are centred on each other in time, and
            each spike of either is kept with probability 1/2.

    Source of the masks: Park et al. 2019, SpecAugment; of blending: Nowotny, Turner, Knight 2022, arXiv 2212.01232.
    """

    channel_shift: int = 0
    time_shift_ms: float = 0.0
    time_stretch: float = 0.0
    channel_mask: int = 0
    time_mask_steps: int = 0
    blend: float = 0.0

    def __post_init__(self) -> None:
        require("augment.channel_shift", self.channel_shift, self.channel_shift >= 0, "0 or more")
        require("augment.time_shift_ms", self.time_shift_ms, self.time_shift_ms >= 0, "0 or more")
        require("augment.channel_mask", self.channel_mask, self.channel_mask >= 0, "0 or more")
        require("augment.time_mask_steps", self.time_mask_steps, self.time_mask_steps >= 0, "0 or more")
        require("augment.blend", self.blend, 0 <= self.blend <= 1, "0..1")
        require("augment.time_stretch", self.time_stretch, 0 <= self.time_stretch < 1, "0 to below 1")
