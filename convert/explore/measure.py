"""``myelin explore``: measures the effect of each step of quantisation on a network, without training."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.axes import TimeAxis
from myelin.convert.explore.explore import explore
from myelin.convert.explore.held_out import open_held_out
from myelin.convert.explore.report import as_dict
from myelin.convert.explore.source import ExploredSource, explored_source, named_target
from myelin.convert.floats.network import FloatNetwork
from myelin.convert.given import is_path
from myelin.convert.opened import Opened, Source
from myelin.convert.samples import Data, Samples, spread_choice
from myelin.convert.stimulus import InputChoice, open_data
from myelin.hw_configs.argument_checks import path_or_none
from myelin.hw_configs.errors import DataError, TargetError
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target

#: The part of the data that is explored: its name in JSON, and parts in words for the screen.
HELD_OUT = "held out of the training data"
_TEXTS = {
    HELD_OUT: "that the run held out of training",
    "whole file": "of the file, which has no splits",
    "all samples given": "that were given",
}


def explored(
    source: Source | FloatNetwork,
    data: Data,
    *,
    target: Target | str | Path | None = None,
    samples: int | None = None,
    steps: int | None = None,
    step_ms: float | None = None,
    time_axis: TimeAxis | None = None,
    dt_ms: float | None = None,
    progress: bool = False,
    plot: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """Accuracy and core memory for other bit widths of weights, delays and decays, as values for JSON.

    For a network of a run, every setting runs on the part of the training data that the run held out, never on the test split.
    For others it runs on the train split, or on all samples if there is none; the result says on which.

    Args:
        source: a network of any kind; the delays of a run and of floats are also rounded by other methods.  A float network
            is rounded to the nearest integers first.
        data: ``builtin``, a folder or a file, of a run the data it was trained on; a ``SpikeDataset``; a pair (x, y) of arrays;
            or a torch Dataset.
        target: target for rules and core memory; None for the target of the artifact or of the run.
        samples: number of samples, from as many classes as possible; None for all.
        steps, step_ms: how spikes become frames, for sources that do not define it.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.
        dt_ms: as in ``read``.
        progress: whether to show a progress bar.
        plot: PNG file to write; None for no picture.

    Raises:
        NetworkError: the source cannot be read.
        TargetError: neither the source nor ``target`` names a target.
        DataError: the run was trained on other data, or the answers are not one class for each sample.
    """
    picture = path_or_none("plot", plot)
    began = time.perf_counter()
    found, name = named_target(source, dt_ms)
    if target is None and name is None:
        what = found.name if isinstance(found, Opened) else "floats"
        raise TargetError(f"{what}: the network names no target; give one, such as --target loihi2 (target='loihi2' in Python)")
    held = target if isinstance(target, Target) else load_target(target or name or "")
    given = explored_source(found, held)
    choice = InputChoice(data=data, steps=steps, step_ms=step_ms, time_axis=time_axis)
    own, part, originals = _samples(given, choice, data)
    if own.task != "classes":
        raise DataError(f"{own.dataset.name}: has an answer for each step; `myelin explore` compares one class for each sample")
    numbers = spread_choice(own.labels, samples or len(own))
    result_of = explore(given.opened.network, held, own, numbers, roundings=given.roundings, progress=progress)
    result = {
        "network": given.opened.name,
        "note": given.opened.note,
        "input": {
            "data": own.dataset.name,
            "part": part,
            "sample_numbers": originals[numbers].tolist(),
            "binning": own.binning.as_dict(),
            "text": f"{own.dataset.name}: {len(numbers)} of the {len(own)} samples {_TEXTS.get(part, f'of the {part}')}",
        },
        **as_dict(result_of, held),
        "seconds": time.perf_counter() - began,
    }
    if picture is not None:
        from myelin.convert.explore.plot import exploration

        exploration(picture, result)
    return result


def _samples(given: ExploredSource, choice: InputChoice, data: Data) -> tuple[Samples, str, npt.NDArray[np.int64]]:
    """Samples, the part of the data that they are, and their numbers in it; the test split only if there is nothing else."""
    if not is_path(data):
        samples = open_data(given.opened, choice)
    elif given.checkpoint is not None:
        own, numbers = open_held_out(os.fspath(data), given.checkpoint)
        return own, HELD_OUT, numbers
    else:
        from myelin.train.datasets import available_splits

        there = available_splits(data)
        split = next((name for name in ("valid", "train") if name in there), None)
        samples = open_data(given.opened, replace(choice, split=split))
    return samples, samples.part, np.arange(len(samples))
