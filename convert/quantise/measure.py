"""``myelin quantise``: turns a network trained in floats into integers, and measures the loss."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from myelin.convert.floats.network import FloatNetwork
from myelin.convert.floats.sources import OpenedFloats, open_floats
from myelin.convert.network import Network
from myelin.convert.quantise.calibrate import quantise
from myelin.convert.quantise.layer import Grid
from myelin.convert.quantise.report import as_dict, batches, choices, compare_networks
from myelin.convert.quantise.rounding import round_network
from myelin.convert.rules import calibrate, check
from myelin.convert.samples import Binning, Samples, open_samples, spread_choice
from myelin.convert.stimulus import InputChoice
from myelin.hw_configs.errors import DataError, GateError
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target

#: Default number of calibration samples.
CALIBRATION_SAMPLES = 64


@dataclass(frozen=True, eq=False)
class QuantisedNetwork:
    """An integer network that the target supports.

    Attributes:
        network: the integers.
        values: the choices and the measured loss, for JSON.
    """

    network: Network
    values: dict[str, Any]


def quantised(
    floats: FloatNetwork | str | os.PathLike[str],
    data: str,
    *,
    target: Target | str | Path,
    method: Literal["calibrated", "plain"] = "calibrated",
    calibration_samples: int = CALIBRATION_SAMPLES,
    samples: int | None = None,
    steps: int | None = None,
    step_ms: float | None = None,
    dt_ms: float | None = None,
    progress: bool = False,
) -> QuantisedNetwork:
    """Quantise a float network for a target, so that it spikes on data as before.

    Calibration uses spikes, never labels, of samples of the train split if there is one.  The loss is measured on samples that
    were not used for calibration.

    Args:
        floats: a float network, a NIR file, a netx file with floats, or a run folder.
        data: ``builtin``, a folder, or a file of the SHD format.
        target: a target, its name, or a TOML file that describes one.
        method: ``calibrated``, or ``plain`` rounding.
        calibration_samples: number of samples to calibrate on.
        samples: number of other samples to report on; None for all.
        steps, step_ms: length of a sample and of a step, if the floats do not define how spikes become frames.
        dt_ms: length of a step of a NIR file in milliseconds; None for that of the file.
        progress: whether to show a progress bar.

    Raises:
        NetworkError: the floats cannot be read, or cannot be represented in integers.
        DataError: the data cannot be used, or too few samples are left to report on.
        GateError: the target does not support the result; the message lists every violation.
    """
    held = target if isinstance(target, Target) else load_target(target)
    opened = OpenedFloats(floats) if isinstance(floats, FloatNetwork) else open_floats(floats, dt_ms=dt_ms)
    name_of_floats = "floats" if isinstance(floats, FloatNetwork) else os.fspath(floats)
    choice = InputChoice(samples=samples, steps=steps, step_ms=step_ms)
    calibration, report, taken, numbers = _samples(opened, name_of_floats, data, calibration_samples, choice)
    grid = Grid.of(held)
    frames = calibration.frames(taken)
    networks = {f"plain, {grid.weight_bits} bits": round_network(opened.network, grid.weight_bits)}
    chosen = None
    if method == "calibrated":
        chosen = quantise(opened.network, frames, grid, progress=progress)
        networks[f"calibrated, {grid.weight_bits} bits"] = chosen.network
    name, network = list(networks.items())[-1]
    violations = check(network, held, calibrate(network, [frames]))
    if violations:
        listed = "; ".join(f"({number}) {violation.message}" for number, violation in enumerate(violations, 1))
        raise GateError(f"{held.name} does not hold {name_of_floats}, nothing was written: {listed}")
    compared = compare_networks(opened.network, networks, batches(report.frames, report.labels, numbers))
    values = {
        "floats": name_of_floats,
        "note": opened.note,
        "target": held.name,
        "weight_bits": grid.weight_bits,
        "written": name,
        "calibration": {"split": calibration.split, "samples": len(taken)},
        "report": {"split": report.split, "data": report.dataset.name, **as_dict(opened.network, compared)},
        "choices": [] if chosen is None else choices(chosen),
    }
    return QuantisedNetwork(network, values)


def _samples(
    opened: OpenedFloats, floats_name: str, data: str, calibration_samples: int, choice: InputChoice
) -> tuple[Samples, Samples, np.ndarray, np.ndarray]:
    """Samples to calibrate on and to report on, and their numbers; from two splits, or disjoint parts of one split."""
    from myelin.train.datasets import available_splits

    floats, binning = opened.network, opened.binning
    given = [name for name in ("steps", "step_ms") if getattr(choice, name) is not None]
    if binning is None:
        if choice.steps is None or choice.step_ms is None:
            raise DataError(
                f"{floats_name}: the file does not say how spikes become frames; give --steps and --step-ms, such as "
                "--steps 100 --step-ms 10"
            )
        shape = floats.input_shape
        axes = shape if len(shape) == 3 else None
        binning = Binning(choice.steps, choice.step_ms, math.prod(shape), floats.message_bits, axes)
    elif given:
        raise DataError(f"--{given[0].replace('_', '-')} is for files; the run {floats_name} says how it is binned")
    classes = floats.average_groups or math.prod(floats.output_shape)
    there = available_splits(data)
    report = open_samples(data, binning, classes=classes, keys=opened.keys)
    if "train" in there and report.split != "train":
        calibration = open_samples(data, binning, split="train", classes=classes, keys=opened.keys)
        taken, rest = spread_choice(calibration.labels, calibration_samples), np.arange(len(report))
    else:
        calibration = report
        taken = spread_choice(report.labels, calibration_samples)
        rest = np.setdiff1d(np.arange(len(report)), taken)
    if not len(rest):
        raise DataError(
            f"{report.dataset.name}: holds {len(report)} samples, all of which calibration takes, so none is left to report "
            f"on; give --calibration-samples below {len(report)}"
        )
    if choice.samples is not None:
        rest = rest[spread_choice(report.labels[rest], choice.samples)]
    return calibration, report, taken, rest
