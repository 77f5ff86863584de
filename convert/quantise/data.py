"""Samples to calibrate on, and other samples to report on: of two splits, or disjoint parts of one."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from myelin.convert.axes import TimeAxis
from myelin.convert.floats.network import with_structure_of
from myelin.convert.floats.sources import OpenedFloats
from myelin.convert.given import is_array, is_path
from myelin.convert.opened import Opened
from myelin.convert.samples import Data, Samples, open_samples, spread_choice
from myelin.convert.stimulus import InputChoice, open_data
from myelin.hw_configs.errors import DataError


class QuantisationData(NamedTuple):
    """Samples of a quantisation.

    Attributes:
        calibration, report: samples to calibrate and to report on.
        taken, numbers: numbers of those that are used.
        labels: (samples,) classes of ``report``; None if the answers are none, or are not one class for each sample.
    """

    calibration: Samples
    report: Samples
    taken: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64] | None


def quantisation_data(
    opened: OpenedFloats,
    name: str,
    data: Data,
    calibration_samples: int,
    *,
    samples: int | None = None,
    steps: int | None = None,
    step_ms: float | None = None,
    time_axis: TimeAxis | None = None,
) -> QuantisationData:
    """The samples of ``data``; see ``myelin.convert.quantise.measure.quantised`` for the arguments.

    Raises:
        DataError: the data cannot be used, or calibration leaves no sample to report on.
    """
    floats = opened.network
    classes = floats.average_groups or math.prod(floats.output_shape)
    there: tuple[str, ...] = ()
    if is_path(data):
        from myelin.train.datasets import available_splits

        there = available_splits(data)

    def opened_part(split: str | None = None) -> Samples:
        if opened.binning is not None:
            if steps is not None or step_ms is not None:
                option = "--steps" if steps is not None else "--step-ms"
                raise DataError(f"{option} is for files; {name} says how it is binned")
            how = {"split": split, "classes": classes, "keys": opened.keys, "time_axis": time_axis}
            return open_samples(data, opened.binning, network=structure, **how)  # type: ignore[arg-type]
        choice = InputChoice(data=data, split=split, steps=steps, step_ms=step_ms, time_axis=time_axis)
        return open_data(Opened(None, None, structure), choice)

    structure, labelled = with_structure_of(floats), not is_array(data)
    if not labelled:
        data = (data, np.zeros(len(data), np.int64))  # calibration needs no answers
    report = opened_part()
    if "train" in there and report.split != "train":
        calibration = opened_part("train")
        taken, rest = spread_choice(calibration.labels, calibration_samples), np.arange(len(report))
    else:
        calibration = report
        taken = spread_choice(report.labels, calibration_samples)
        rest = np.setdiff1d(np.arange(len(report)), taken)
    if not len(rest):
        raise DataError(
            f"{report.dataset.name}: holds {len(report)} samples, all of which calibration takes, so none is left to report "
            f"on; give --calibration-samples (calibration_samples= in Python) below {len(report)}"
        )
    if samples is not None:
        rest = rest[spread_choice(report.labels[rest], samples)]
    labels = report.labels if labelled and report.task == "classes" else None
    return QuantisationData(calibration, report, taken, rest, labels)
