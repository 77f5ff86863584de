"""The part of the training data that a run held out; choices are made on it, so that the test split stays unseen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from myelin.convert.samples import Binning, Samples
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.convert.checkpoint import Checkpoint
    from myelin.train.config.config import Config
    from myelin.train.datasets import SpikeDataset


def held_out(dataset: SpikeDataset, config: Config, binning: Binning) -> tuple[Samples, npt.NDArray[np.int64]]:
    """Samples of the training split ``dataset``, and the ascending numbers of those that a run of ``config`` held out."""
    from myelin.train.datasets import by_interval, split

    _, numbers = split(dataset, config.data.validation, config.train.seed, config.data.split_by)
    return Samples(by_interval(dataset.subset(numbers), binning.intervals_ms), binning, "train"), numbers


def open_held_out(source: str, checkpoint: Checkpoint) -> tuple[Samples, npt.NDArray[np.int64]]:
    """``held_out`` of the data that ``checkpoint`` was trained on, read from ``source``.

    Args:
        source: a built-in data set's name, a folder, or a file of the SHD format.
        checkpoint: checkpoint of the run.

    Raises:
        DataError: the data cannot be read, or the run was trained on other data.
        NetworkError: the checkpoint does not record the data of the run.
    """
    from myelin.train.config.files import config_from_dict
    from myelin.train.run.start import training_data

    config, run = config_from_dict(checkpoint.config), checkpoint.run
    dataset = training_data(source, config)
    samples, numbers = held_out(dataset, config, Binning.from_dict(run.data_section, f"{checkpoint.folder}: run.json"))
    said = (run.data_facts.get("train_samples"), run.data_facts.get("validation_samples"))
    if said != (len(dataset) - len(numbers), len(numbers)):
        raise DataError(
            f"{dataset.name}: {len(dataset) - len(numbers)} samples to train on and {len(numbers)} to hold out, the run had "
            f"{said[0]} and {said[1]} of {run.data}; name the data it was trained on, so that what it held out is known"
        )
    return samples, numbers
