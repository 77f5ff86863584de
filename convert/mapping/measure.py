"""What ``myelin map`` finds: a network on the cores of a target, and what an input costs there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from myelin.convert.axes import TimeAxis
from myelin.convert.mapping.activity import ActivityMeter
from myelin.convert.mapping.estimate import estimate
from myelin.convert.mapping.mapping import map_network
from myelin.convert.mapping.populations import limits
from myelin.convert.mapping.report import as_dict
from myelin.convert.mapping.strategies import DEFAULT
from myelin.convert.opened import Source, opened_source
from myelin.convert.rules import RULES, check
from myelin.convert.stimulus import Inputs, Stimulus, stimulus_of
from myelin.hw_configs.argument_checks import path_or_none
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target

#: Samples that are binned at a time; the simulator takes fewer at once.
BATCH = 256


def mapped(
    network: Source,
    target: Target | str | Path,
    *,
    inputs: Inputs | Stimulus = None,
    time_axis: TimeAxis | None = None,
    strategy: str = DEFAULT,
    cores: int | None = None,
    plot: str | os.PathLike[str] | None = None,
    dt_ms: float | None = None,
) -> dict[str, Any]:
    """Cores, memory and axons of a network on a target, and the estimated operations, energy and time of an input there.

    Of a microcontroller: flash, RAM, operations and estimated time of a step, in ``board``.  The result has values for JSON;
    ``fits`` says whether the target holds the network.

    Args:
        network: a network, the path of one, or what ``myelin.read`` returned.
        target: a chip or board, its name, or a TOML file that describes one.
        inputs: an array or tensor of samples in either order of axes, data of any kind (a path, a ``SpikeDataset``, a pair
            (x, y), a torch Dataset), an InputChoice, or None: golden inputs of an artifact,
            else random spikes.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.
        strategy: ``pack``, ``layer`` or ``balance``, see ``myelin.convert.mapping.mapping.map_network``.
        cores: of ``balance``, how many to spread over.
        plot: where a picture of the cores goes as PNG, unless a neuron fits no core; None for none.
        dt_ms: as of ``myelin.read``.

    Raises:
        TargetError: no such target, or one without cores.
        NetworkError: the network cannot be read.
        DataError: the inputs cannot be used, or as ``map_network`` does.
    """
    picture = path_or_none("plot", plot)
    held = target if isinstance(target, Target) else load_target(target)
    if held.controller is None:
        limits(held)  # a target without cores ends here, before anything runs
    elif cores is not None or plot is not None or strategy != DEFAULT:
        raise DataError(f"strategy, cores and plot are of chips with cores; {held.name} is a microcontroller: leave them out")
    opened = opened_source(network, dt_ms=dt_ms)
    stimulus = inputs if isinstance(inputs, Stimulus) else stimulus_of([opened], inputs, time_axis=time_axis)
    meter = ActivityMeter(opened.network)
    for _, frames in stimulus.batches(BATCH):
        meter.add(frames)
    activity = meter.result()
    about = {"network": opened.name, "note": opened.note, "input": {**stimulus.facts, "text": stimulus.text}}
    if held.controller is not None:
        from myelin.convert.c99.mapped import board_dict

        return about | board_dict(opened.network, held, activity)
    mapping = map_network(opened.network, held, strategy, activity=activity, cores=cores)
    of_cores = {rule.name for rule in RULES if rule.of_cores}  # what the mapping itself finds
    broken = [violation for violation in check(opened.network, held) if violation.rule not in of_cores]
    if picture is not None and mapping.cores:
        from myelin.convert.mapping.plot import core_map

        core_map(picture, mapping)
    return about | as_dict(mapping, estimate(mapping, activity), broken)
