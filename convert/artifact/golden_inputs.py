"""Chooses the golden inputs of an artifact: given arrays, samples of data, those the source brings, or random spikes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.exportable import Exportable
from myelin.convert.axes import frames_of
from myelin.convert.opened import Opened
from myelin.convert.samples import Binning, Task, binning_of, open_samples, spread_choice
from myelin.convert.stimulus import InputChoice, choose, open_data
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


def golden_inputs(source: Exportable, inputs: Any, choice: InputChoice, keys: tuple[str, ...] = ()) -> GoldenInputs:
    """The golden inputs for ``source``.

    Args:
        source: the network with its origin.
        inputs: an array of samples; or None.
        choice: data, how it is binned, and the axis of time of arrays.
        keys: names of the classes that the user gave.

    Raises:
        DataError: inputs or data that do not fit, both of them, too many inputs, or none for a run.
    """
    if inputs is not None:
        if choice.data is not None:
            raise DataError("inputs and data are two sources of golden inputs; leave one of them out")
        frames = frames_of(inputs, source.network.input, time_axis=choice.time_axis, name="inputs")
        count = len(frames)
        if not 1 <= count <= GOLDEN_LIMIT:
            raise DataError(f"inputs hold {count} samples; 1..{GOLDEN_LIMIT} are stored, such as inputs=x[:{GOLDEN_SAMPLES}]")
        facts = {"kind": "inputs", "samples": list(range(count)), "chosen": "given at export"}
        return GoldenInputs(frames, facts, f"{_count(count)} given at export, {frames.shape[1]} steps")
    if choice.data is None and source.golden is not None:
        frames, known = source.golden
        return GoldenInputs(frames, known, f"{_count(len(frames))} of {source.name}, {frames.shape[1]} steps")
    if choice.data is None and source.data is None:
        if "run" in source.facts:
            raise DataError(
                f"{source.name}: was trained on {source.facts['run']['data']}, which is not built in; name data for the golden "
                "inputs with --data (data= or inputs= in Python)"
            )
        return _random(source)
    samples = _opened(source, choice if choice.data is not None else replace(choice, data=source.data), keys)
    return data_inputs(samples, np.arange(len(samples)), labelled=samples.task == "classes")


def data_inputs(samples: Samples, numbers: npt.NDArray[np.int64], *, labelled: bool) -> GoldenInputs:
    """Some of the samples ``numbers``, of as many classes as possible; their labels are stored if they are ``labelled``."""
    chosen = numbers[spread_choice(samples.labels[numbers], GOLDEN_SAMPLES)]
    how = _CHOSEN if labelled else "the first ones"
    facts = {
        "kind": "data",
        "data": samples.dataset.name.replace("\\", "/").rpartition("/")[2],
        "split": samples.split,
        "samples": chosen.tolist(),
        **({"labels": samples.labels[chosen].tolist()} if labelled else {}),
        "chosen": how,
    }
    text = f"samples {', '.join(map(str, chosen))} of {samples.dataset.name} ({samples.part}): {how}"
    binning = None if samples.step_assumed else samples.binning
    return GoldenInputs(samples.frames(chosen), facts, text, tuple(samples.dataset.keys), samples.task, binning)


def _opened(source: Exportable, choice: InputChoice, keys: tuple[str, ...]) -> Samples:
    if source.binning is None:
        return open_data(Opened(None, None, source.network), choice)
    how = {"classes": source.classes, "keys": source.keys or keys, "time_axis": choice.time_axis}
    return open_samples(choice.data, source.binning, network=source.network, **how)  # type: ignore[arg-type]


def _random(source: Exportable) -> GoldenInputs:
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


def described(
    source: Exportable,
    golden: GoldenInputs,
    classes: Sequence[str] | None,
    *,
    task: Task | None = None,
    steps: int | None = None,
    step_ms: float | None = None,
) -> Exportable:
    """``source`` with names of classes, task and binning as given, else as known, else as the data says.

    Raises:
        DataError: names of classes that are not as many as the classes, or not those that are known.
    """
    names, known = class_names(classes), source.keys or golden.keys
    if names and known and names != known:
        raise DataError(f"classes are {', '.join(names)}; {source.name} has {', '.join(known)}: leave classes out")
    keys = names or known
    if keys and len(keys) != source.classes:
        raise DataError(f"classes names {len(keys)} classes; {source.name} has {source.classes} outputs: name each one")
    binning = source.binning or golden.binning
    for name, value in (("steps", steps), ("step_ms", step_ms)):
        if value is not None and source.binning is not None:
            raise DataError(
                f"{name} is for networks that do not say how spikes become frames; {source.name} says it: leave it out"
            )
    if steps is not None and step_ms is None:
        raise DataError("steps alone does not say how spikes become frames; give step_ms (--step-ms) too, or leave steps out")
    if binning is None and step_ms is not None:
        binning = binning_of(source.network, golden.frames.shape[1] if steps is None else steps, float(step_ms))
    return replace(source, keys=keys, task=task or golden.task or source.task, binning=binning)


def class_names(classes: Sequence[str] | None) -> tuple[str, ...]:
    """Names of classes that a user gave; () for none."""
    if classes is None:
        return ()
    if isinstance(classes, str) or not isinstance(classes, Iterable) or not all(isinstance(name, str) for name in classes):
        raise DataError(f"classes is {classes!r}; the names of the classes in their order are allowed, such as ['yes', 'no']")
    return tuple(classes)
