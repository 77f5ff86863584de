"""The data of a sweep, as each of its configurations wants it, and the checks of configurations against it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from myelin.convert.samples import Binning, open_samples
from myelin.hw_configs.errors import ConfigError, DataError

if TYPE_CHECKING:
    from myelin.train.config.config import Config
    from myelin.train.datasets import SpikeDataset


class WrongData(DataError):
    """The data cannot be read, or is of a kind that no sweep compares."""


class SweepData:
    """The training split of the data of a sweep, as each configuration wants it; read once for each way of reading."""

    def __init__(self, data: str) -> None:
        self.data = data
        self.read: dict[Any, SpikeDataset] = {}
        self.sha256: dict[Any, str] = {}

    def dataset(self, config: Config) -> SpikeDataset:
        """The samples that a run of ``config`` trains on and holds out.

        Raises:
            DataError: it cannot be read, or has traces.
        """
        from myelin.train.config.task import TITLES
        from myelin.train.datasets import drawn_samples
        from myelin.train.run.start import training_split

        plan = config.data
        key = None if plan.images is None else (plan.images, plan.message_bits)
        if key not in self.read:
            try:
                found = training_split(self.data, data=plan)
            except DataError as error:
                raise WrongData(str(error)) from error
            if found.task == "trace":
                raise WrongData(
                    f"{found.name} has {TITLES[found.task]}; a sweep compares networks by their classes: train the runs with "
                    "`myelin train`, and compare them with `myelin validate ART --reference RUN`"
                )
            self.read[key] = found
        return drawn_samples(self.read[key], plan.samples)

    def trained_sha256(self, config: Config) -> str:
        """SHA-256 of the data as a run of ``config`` records it."""
        from myelin.train.datasets.prepare import prepared
        from myelin.train.run.files.fingerprint import fingerprint

        plan = config.data
        key = (plan.images, plan.message_bits if plan.images else None, plan.samples, plan.intervals_ms, plan.unlabelled)
        if key not in self.sha256:
            self.sha256[key] = fingerprint(prepared(self.dataset(config), plan))
        return self.sha256[key]


class Checker:
    """Checks configurations against the data."""

    def __init__(self, data: str, report: str | None) -> None:
        self.data, self.report = data, report
        self.binnings: set[Binning] = set()

    def check(self, configs: list[Config], dataset: SpikeDataset) -> None:
        """Check the configurations of one point, which differ only in the seed, against their ``dataset``."""
        from myelin.train.datasets import by_interval, split
        from myelin.train.model import build_model

        config = configs[0]
        if config.train.grid_bits == 0:
            raise ConfigError(
                "train.weight_bits is 0: float weights have no integer network, which a sweep evaluates; 2..8 is allowed (the "
                "float network of every run is evaluated beside its integers)"
            )
        plan = config.data
        first = by_interval(dataset.subset([0]), plan.intervals_ms)
        first.bin([0], plan.steps, plan.step_ms, plan.cells)
        for each in configs:
            split(dataset, plan.validation, each.train.seed, plan.split_by)
        build_model(config, dataset.classes)
        binning = Binning.from_dict(asdict(plan), "the configuration")
        if self.report is not None and binning not in self.binnings:
            self.binnings.add(binning)
            open_samples(self.data, binning, split=self.report, classes=dataset.classes, keys=dataset.keys)
