"""What ``myelin check`` finds: every hardware rule that a network breaks on a target, calibrated where there is an input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from myelin.convert.axes import TimeAxis
from myelin.convert.opened import Source, opened_source
from myelin.convert.rules.report import as_dict
from myelin.convert.rules.states import calibrate
from myelin.convert.rules.table import check
from myelin.convert.stimulus import InputChoice, Inputs, stimulus_of
from myelin.hw_configs.target import Target
from myelin.hw_configs.target_files import load_target

#: Samples that are binned at a time; the simulator takes fewer at once.
BATCH = 256


def checked(
    network: Source,
    target: Target | str | Path,
    *,
    inputs: Inputs = None,
    time_axis: TimeAxis | None = None,
    dt_ms: float | None = None,
) -> dict[str, Any]:
    """Every violation of the hardware rules, each with its cure, as values for JSON; ``holds`` says whether there is none.

    The states of the neurons are judged in a calibration run: on ``inputs``, or on the golden inputs of an artifact; without
    either they are not checked, which ``not_checked`` says.

    Args:
        network: a network, the path of one, or what ``myelin.read`` returned.
        target: a target, its name, or a TOML file that describes one.
        inputs: an array or tensor of samples in either order of axes, data of any kind (a path, a ``SpikeDataset``, a pair
            (x, y), a torch Dataset), an InputChoice, or None.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.
        dt_ms: as of ``myelin.read``.

    Raises:
        NetworkError: the network cannot be read.
        TargetError: no such target.
        DataError: the inputs cannot be used.
    """
    held = target if isinstance(target, Target) else load_target(target)
    opened = opened_source(network, dt_ms=dt_ms)
    named = inputs.named if isinstance(inputs, InputChoice) else inputs is not None
    calibration, facts = None, None
    if named or opened.artifact is not None:
        stimulus = stimulus_of([opened], inputs, time_axis=time_axis)
        calibration = calibrate(opened.network, (frames for _, frames in stimulus.batches(BATCH)))
        facts = {**stimulus.facts, "text": stimulus.text}
    violations = check(opened.network, held, calibration)
    return {"network": opened.name, "note": opened.note, **as_dict(violations, held, calibration, facts)}
