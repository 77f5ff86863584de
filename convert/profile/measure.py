"""What ``myelin profile`` finds: spikes, operations, ranges and time of a network on an input."""

from __future__ import annotations

import os
from typing import Any

from myelin.convert.axes import TimeAxis
from myelin.convert.opened import Source, opened_source
from myelin.convert.profile.profiler import Profiler
from myelin.convert.profile.report import as_dict
from myelin.convert.stimulus import Inputs, Stimulus, stimulus_of
from myelin.hw_configs.argument_checks import path_or_none

#: Samples that are binned at a time; the simulator takes fewer at once.
BATCH = 256


def profiled(
    network: Source,
    *,
    inputs: Inputs | Stimulus = None,
    time_axis: TimeAxis | None = None,
    timed: bool = True,
    plot: str | os.PathLike[str] | None = None,
    dt_ms: float | None = None,
) -> dict[str, Any]:
    """Spikes, synaptic operations, ranges of the integers and time of every layer, as values for JSON.

    Args:
        network: a network, the path of one, or what ``myelin.read`` returned.
        inputs: an array or tensor of samples in either order of axes, data of any kind (a path, a ``SpikeDataset``, a pair
            (x, y), a torch Dataset), an InputChoice, or None: golden inputs of an artifact,
            else random spikes.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.
        timed: whether each layer is timed, in passes of their own.
        plot: where a picture goes as PNG; None for none.
        dt_ms: as of ``myelin.read``.

    Raises:
        NetworkError: the network cannot be read.
        DataError: the inputs cannot be used.
    """
    picture = path_or_none("plot", plot)
    opened = opened_source(network, dt_ms=dt_ms)
    stimulus = inputs if isinstance(inputs, Stimulus) else stimulus_of([opened], inputs, time_axis=time_axis)
    profiler = Profiler(opened.network, timed=timed)
    for _, frames in stimulus.batches(BATCH):
        profiler.add(frames)
    profile = profiler.result()
    if picture is not None:
        from myelin.convert.plots import profile_bars

        profile_bars(picture, profile)
    return {
        "network": opened.name,
        "note": opened.note,
        "input": {**stimulus.facts, "text": stimulus.text},
        **as_dict(profile),
    }
