"""Validation splits of a training set, by speaker or with the same fraction of every class, and speakers in two sets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myelin.hw_configs.errors import DataError
from myelin.train.datasets.events import SpikeDataset

Indices = npt.NDArray[np.int64]
WAYS = ("speaker", "stratified", "auto")


def split(dataset: SpikeDataset, fraction: float, seed: int, by: str = "auto") -> tuple[Indices, Indices]:
    """Sample numbers (train, valid), both ascending; every sample is in exactly one; the same seed gives the same split.

    "speaker": speakers in random order move to the validation set if this brings its size closer to ``fraction`` of the
    samples, so no speaker is in both sets. "stratified": round(fraction * n) of the n samples of each class, at least one
    in each set if there are two. "auto": by speaker if the data has at least two speakers, otherwise stratified.

    Raises DataError for a fraction outside 0..1, an unknown way, unknown speakers, or too few speakers or samples.
    """
    if not 0 < fraction < 1:
        raise DataError(f"{dataset.name}: validation fraction is {fraction}, allowed is more than 0 and less than 1")
    if by not in WAYS:
        raise DataError(f"{dataset.name}: cannot split by {by!r}, allowed are {', '.join(WAYS)}")
    rng = np.random.default_rng(seed)
    known = 0 if dataset.speakers is None else np.unique(dataset.speakers).size
    if by == "speaker" and known < 2:
        raise DataError(
            f"{dataset.name}: knows {known} speakers, a split by speaker needs two; use by='stratified' "
            "(--set data.split_by=stratified)"
        )
    if by == "speaker" or (by == "auto" and known >= 2):
        valid = _by_speaker(dataset, fraction, rng)
    else:
        valid = _by_class(dataset, fraction, rng)
    if not valid.any() or valid.all():
        raise DataError(f"{dataset.name}: {len(dataset)} samples are too few to split off {fraction:g} of them")
    return np.flatnonzero(~valid), np.flatnonzero(valid)


def drawn_samples(dataset: SpikeDataset, count: int | None) -> SpikeDataset:
    """``count`` samples of ``dataset``, of every class the same fraction as far as it goes, in their order; None: all.

    The draw is the same for every seed of a run, so that runs with different seeds are trained on the same samples.

    Raises DataError if there are fewer samples.
    """
    if count is None or count == len(dataset):
        return dataset
    if count > len(dataset):
        raise DataError(f"{dataset.name}: has {len(dataset)} samples, data.samples asks for {count}; leave it out to use all")
    order = np.random.default_rng(0).permutation(len(dataset))
    labels = dataset.labels[order]
    place = np.empty(len(dataset))  # of each sample within its class, from 0 to 1
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        place[members] = (np.arange(members.size) + 0.5) / members.size
    return dataset.subset(np.sort(order[np.argsort(place, kind="stable")[:count]]))


def speaker_overlap(train: SpikeDataset, other: SpikeDataset) -> tuple[int, ...]:
    """The speakers of samples in both data sets, ascending; () if there are none, or if one of them knows no speakers.

    Accuracy on the voices of the training set says little about new voices.  Both must number their speakers alike.
    """
    if train.speakers is None or other.speakers is None:
        return ()
    return tuple(np.intersect1d(train.speakers, other.speakers).tolist())


def _by_speaker(dataset: SpikeDataset, fraction: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Mask of the validation samples: all samples of some speakers, about ``fraction`` of the samples; never none or all."""
    assert dataset.speakers is not None
    speakers, sizes = np.unique(dataset.speakers, return_counts=True)
    target = fraction * len(dataset)
    order = rng.permutation(speakers.size)
    taken: list[int] = []
    total = 0
    for i in order:
        closer = abs(total + sizes[i] - target) < abs(total - target)
        if closer and len(taken) < speakers.size - 1:
            taken.append(i)
            total += sizes[i]
    if not taken:  # every speaker has more than twice the target, so the smallest is nearest to it
        taken.append(order[np.argmin(sizes[order])])
    return np.isin(dataset.speakers, speakers[taken])


def _by_class(dataset: SpikeDataset, fraction: float, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Mask of the validation samples: ``fraction`` of each class; a class of two or more has at least one in each set."""
    valid = np.zeros(len(dataset), bool)
    for label in np.unique(dataset.labels):
        members = rng.permutation(np.flatnonzero(dataset.labels == label))
        share = min(max(round(fraction * members.size), 1), members.size - 1)
        valid[members[:share]] = True
    return valid
