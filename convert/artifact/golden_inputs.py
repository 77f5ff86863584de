"""Chooses the golden inputs of an artifact: given arrays, samples of data, those the source brings, or random spikes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.exportable import Exportable
from myelin.convert.axes import TimeAxis, frames_of
from myelin.convert.opened import Opened
from myelin.convert.samples import Binning, Task, open_samples, spread_choice
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.convert.samples import Samples

#: Number of samples whose exact outputs an artifact contains, unless inputs are given; and the largest number of those.
GOLDEN_SAMPLES, GOLDEN_LIMIT = 4, 64
_CHOSEN = "the first sample of each of some classes, spread evenly over all"


@dataclass(frozen=True, eq=False)
class GoldenInputs:
    """Inputs of an artifact.

    Attributes:
        frames: (samples, steps, *input shape).
        facts: their origin, for the manifest; ``kind`` is ``data``, ``inputs``, ``random`` or that of an older artifact.
        text: the same as one line.
        keys, task, binning: what the data says about itself; (), None and None without data.
    """

    frames: npt.NDArray[Any]
    facts: Mapping[str, Any]
    text: str
    keys: tuple[str, ...] = ()
    task: Task | None = None
    binning: Binning | None = None


def golden_inputs(
    source: Exportable,
    inputs: Any,
    data: Any,
    *,
    time_axis: TimeAxis | None = None,
    steps: int | None = None,
    step_ms: float | None = None,
    keys: tuple[str, ...] = (),
) -> GoldenInputs:
    """The golden inputs for ``source``; see ``myelin.convert.artifact.export.export`` for the arguments.

    Raises:
        DataError: inputs or data that do not fit, both of them, too many inputs, or none for a run.
    """
    shape = source.network.input.shape
    if inputs is not None:
        if data is not None:
            raise DataError("inputs and data are two sources of golden inputs; leave one of them out")
        frames = frames_of(inputs, shape, time_axis=time_axis, name="inputs")
        count = len(frames)
        if not 1 <= count <= GOLDEN_LIMIT:
            raise DataError(f"inputs hold {count} samples; 1..{GOLDEN_LIMIT} are stored, such as inputs=x[:{GOLDEN_SAMPLES}]")
        facts = {"kind": "inputs", "samples": list(range(count)), "chosen": "given at export"}
        return GoldenInputs(frames, facts, f"{_count(count)} given at export, {frames.shape[1]} steps")
    if data is None and source.golden is not None:
        frames, known = source.golden
        return GoldenInputs(frames, known, f"{_count(len(frames))} of {source.name}, {frames.shape[1]} steps")
    if data is None and source.data is None:
        if "run" in source.facts:
            raise DataError(
                f"{source.name}: was trained on {source.facts['run']['data']}, which is not built in; name data for the golden "
                "inputs with --data (data= or inputs= in Python)"
            )
        return _random(source)
    return _of_data(source, data or source.data, steps, step_ms, keys)


def _of_data(source: Exportable, data: Any, steps: int | None, step_ms: float | None, keys: tuple[str, ...]) -> GoldenInputs:
    samples = _opened(source, data, steps, step_ms, keys)
    chosen = spread_choice(samples.labels, GOLDEN_SAMPLES)
    name = samples.dataset.name.replace("\\", "/").rpartition("/")[2]
    facts = {
        "kind": "data",
        "data": name,
        "split": samples.split,
        "samples": chosen.tolist(),
        "labels": samples.labels[chosen].tolist(),
        "chosen": _CHOSEN,
    }
    text = f"samples {', '.join(map(str, chosen))} of {samples.dataset.name} ({samples.split}): {_CHOSEN}"
    return GoldenInputs(samples.frames(chosen), facts, text, tuple(samples.dataset.keys), "classes", samples.binning)


def _opened(source: Exportable, data: Any, steps: int | None, step_ms: float | None, keys: tuple[str, ...]) -> Samples:
    known = source.keys or keys
    if source.binning is not None:
        return open_samples(data, source.binning, classes=source.classes, keys=known)
    from myelin.convert.stimulus import InputChoice, open_data

    return open_data(Opened(None, None, source.network), InputChoice(data=data, steps=steps, step_ms=step_ms))


def _random(source: Exportable) -> GoldenInputs:
    from myelin.convert.stimulus import InputChoice, choose

    stimulus = choose([Opened(None, None, source.network)], InputChoice(samples=GOLDEN_SAMPLES))
    frames = stimulus.frames(stimulus.numbers)
    facts = {**stimulus.facts, "samples": stimulus.numbers.tolist(), "chosen": "random, since no inputs were given"}
    return GoldenInputs(frames, facts, f"{stimulus.text}, since no inputs were given")


def _count(number: int) -> str:
    return f"{number} sample{'' if number == 1 else 's'}"


def silent(frames: npt.NDArray[Any], output: npt.NDArray[Any]) -> str | None:
    """A remark on golden values that prove little, because no input or no output is other than zero; None for none."""
    if not np.any(frames):
        return "the golden inputs are all zero, so equal outputs prove little; give other inputs"
    return None if np.any(output) else "the golden outputs are all zero, so equal outputs prove little; give other inputs"
