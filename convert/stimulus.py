"""The input of a run: samples of a data file, an artifact's golden inputs, random spikes, or an array."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.artifact import Artifact
from myelin.convert.artifact.provenance import Origin
from myelin.convert.axes import TimeAxis, frames_of
from myelin.convert.given import is_array
from myelin.convert.network import Input
from myelin.convert.opened import Opened
from myelin.convert.samples import MAX_COUNT, Binning, Data, Samples, binning_of, open_samples, spread_choice
from myelin.hw_configs.argument_checks import above_zero, whole
from myelin.hw_configs.errors import DataError
from myelin.hw_configs.reading import bounds
from myelin.hw_configs.written import counted, thousands

#: Defaults for random input.
DENSITY, STEPS, SAMPLES = 0.1, 100, 4
#: Largest seed of random spikes.
SEED_MAX = 2**64 - 1
LENGTH, SHARE = "a length above 0 in milliseconds", "a share above 0, up to 1,"


@dataclass(frozen=True)
class InputChoice:
    """Choice of the input: data, an artifact's golden inputs, or random spikes; None leaves an item open.

    Attributes:
        data: a built-in data set's name, a folder, or a file; a ``SpikeDataset``, a pair (x, y) of arrays, a torch Dataset; or
            an array of samples alone.
        split: part of the data: ``train``, ``valid`` or ``test``.
        samples: number of samples, from as many classes as possible.
        steps: length of a sample, for random spikes, and for data if the network does not define the binning.
        step_ms: length of a step in milliseconds, for data if the network does not define the binning.
        density: random spikes per input and step.
        seed: seed of random spikes.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.
    """

    data: Data | None = None
    split: str | None = None
    samples: int | None = None
    steps: int | None = None
    step_ms: float | None = None
    density: float | None = None
    seed: int | None = None
    time_axis: TimeAxis | None = None

    def __post_init__(self) -> None:
        for name in ("samples", "steps"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole(_named(name), getattr(self, name), 1, error=DataError))
        if self.seed is not None:
            object.__setattr__(self, "seed", whole(_named("seed"), self.seed, 0, SEED_MAX, DataError))
        if self.step_ms is not None:
            object.__setattr__(self, "step_ms", above_zero(_named("step_ms"), self.step_ms, LENGTH, DataError))
        if self.density is not None:
            object.__setattr__(self, "density", above_zero(_named("density"), self.density, SHARE, DataError))
            if self.density > 1:
                raise DataError(f"{_named('density')} is {self.density:g}; {SHARE} is allowed")

    @property
    def named(self) -> bool:
        """Whether any item was chosen."""
        return any(getattr(self, entry.name) is not None for entry in fields(self))


#: Inputs that functions accept: a choice, an array of samples, or data of any kind; None leaves everything open.
Inputs = InputChoice | Data | None


@dataclass(frozen=True, eq=False)
class Stimulus:
    """Input of a run.

    Attributes:
        facts: origin of the input, for JSON, with units in the names.
        text: the same as one line.
        numbers: (samples,) numbers of the samples in their source, ascending.
        steps: length of a sample.
        frames: function from numbers (batch,) to frames (batch, steps, *input shape).
    """

    facts: dict[str, Any]
    text: str
    numbers: npt.NDArray[np.int64]
    steps: int
    frames: Callable[[npt.NDArray[np.int64]], npt.NDArray[Any]]

    def batches(self, size: int) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[Any]]]:
        """Yield numbers and frames of at most ``size`` samples at a time."""
        for start in range(0, len(self.numbers), size):
            part = self.numbers[start : start + size]
            yield part, self.frames(part)


def open_data(opened: Opened, choice: InputChoice) -> Samples:
    """The samples of ``choice.data`` (with ``split``, ``steps``, ``step_ms`` and ``time_axis``) for a network.

    Raises:
        DataError: see ``myelin.convert.samples.open_samples``; or a binning is missing for events, or given for an artifact or
            a run that defines it itself, or for arrays.
    """
    assert choice.data is not None
    given = [name for name in ("steps", "step_ms") if getattr(choice, name) is not None]
    binning, classes, keys = _known(opened)
    if given and binning is not None:
        kind = "artifact" if opened.artifact is not None else "run"
        raise DataError(
            f"{_named(given[0])} is for networks that do not say how spikes become frames; the {kind} "
            f"{opened.name} says how it is binned"
        )
    steps, paired = choice.steps, isinstance(choice.data, tuple)
    if paired and steps is not None:
        raise DataError("steps is for events; arrays are frames, whose steps count: leave it out")
    if paired and choice.step_ms is not None:
        steps = 1  # the number of steps is that of the array
    elif len(given) == 1:
        raise DataError(
            f"{opened.name}: one of them says too little; give --steps and --step-ms, such as --steps 100 --step-ms 10 "
            "(steps=100, step_ms=10.0 in Python)"
        )
    if steps is not None and choice.step_ms is not None:
        binning = binning_of(opened.network, steps, choice.step_ms)
    how = {"split": choice.split, "classes": classes, "keys": keys, "time_axis": choice.time_axis}
    samples = open_samples(choice.data, binning, network=opened.network, **how)  # type: ignore[arg-type]
    if choice.steps is not None and samples.binning.steps != choice.steps:
        raise DataError(f"steps is {choice.steps}; the data has frames of {samples.binning.steps} steps: leave steps out")
    return samples


def _known(opened: Opened) -> tuple[Binning | None, int, tuple[str, ...]]:
    """Binning, number of classes and their names of an artifact or a run; None and () where the source does not say."""
    if opened.artifact is not None:
        origin = Origin.of(opened.artifact)
        return origin.binning, origin.classes, origin.keys
    if opened.checkpoint is not None:
        run = opened.checkpoint.run
        return Binning.from_dict(run.data_section, f"{opened.name}: run.json"), run.classes, run.keys
    return None, opened.network.num_classes, ()


def stimulus_of(
    networks: Sequence[Opened], inputs: Inputs, most: int | None = None, *, time_axis: TimeAxis | None = None
) -> Stimulus:
    """The input of a run, for networks of the same input shape; ``choose`` interprets an InputChoice.

    Args:
        networks: the networks to run.
        inputs: a choice; an array of samples; data of any kind; or None, which leaves everything open.
        most: default number of samples of data or golden inputs; None for all.
        time_axis: axis of time of arrays, 1 or -1; None recognises it by the input shape.

    Raises:
        DataError: an array that does not fit, or as ``choose``.
    """
    if inputs is None or isinstance(inputs, InputChoice):
        choice = inputs or InputChoice()
        return choose(networks, choice if time_axis is None else replace(choice, time_axis=time_axis), most)
    return choose(networks, InputChoice(data=inputs, time_axis=time_axis), most)


def _array(networks: Sequence[Opened], choice: InputChoice, most: int | None) -> Stimulus:
    """The input of an array or a tensor of samples."""
    for name in ("split", "steps", "step_ms"):
        if getattr(choice, name) is not None:
            raise DataError(f"{name} says how a file is read; an array is taken as it is: leave it out")
    frames = frames_of(choice.data, networks[0].network.input, time_axis=choice.time_axis, name="inputs")
    if not len(frames):
        raise DataError(f"inputs have shape {frames.shape}; at least one sample is needed")
    numbers = np.arange(min(len(frames), choice.samples or len(frames)))
    facts = {"kind": "array", "steps": frames.shape[1]}
    text = f"an array: {_count(numbers)}, {frames.shape[1]} steps"
    return Stimulus(facts, text, numbers, frames.shape[1], lambda chosen: frames[chosen])


def choose(networks: Sequence[Opened], choice: InputChoice, most: int | None = None) -> Stimulus:
    """The input that ``choice`` names, for networks of the same input shape.

    The input is the data if given; else the golden inputs of an artifact; else random spikes.  Random spikes are also used if
    density or seed is given.

    Args:
        networks: the networks; an artifact or a run among them defines the binning, and an artifact has golden inputs.
        choice: choice of the user.
        most: default number of samples of data or golden inputs; None for all.

    Raises:
        DataError: options that exclude each other, or data that cannot be used.
    """
    known = [one for one in networks if one.artifact is not None] or [one for one in networks if one.checkpoint is not None]
    opened = next(iter(known), networks[0])
    random = [name for name in ("density", "seed") if getattr(choice, name) is not None]
    if choice.data is not None:
        if random:
            raise DataError(
                f"{_named(random[0])} is for random spikes, and {_named('data')} names other input; leave one of them out"
            )
        return _array(networks, choice, most) if is_array(choice.data) else _data(opened, choice, most)
    unused = next((name for name in ("split", "step_ms") if getattr(choice, name) is not None), None)
    if unused is not None:
        raise DataError(f"{_named(unused)} says how data is read, and there is none; name it with {_named('data')}")
    if opened.artifact is not None and not random:
        if choice.steps is not None:
            raise DataError(
                f"{_named('steps')} is for netx files and random spikes; the golden inputs of {opened.name} have their length"
            )
        return _golden(opened, opened.artifact, choice, most)
    return _random([one.network.input for one in networks], choice)


def _data(opened: Opened, choice: InputChoice, most: int | None) -> Stimulus:
    samples = open_data(opened, choice)
    numbers = spread_choice(samples.labels, choice.samples or most or len(samples))
    binning = samples.binning
    length = f"{binning.steps} steps of {binning.step_ms:g} ms"
    text = f"{samples.dataset.name}: {samples.part}, {_count(numbers)} of {thousands(len(samples))}, {length}"
    facts = {"kind": "data", "data": samples.dataset.name, "split": samples.split, "binning": binning.as_dict()}
    return Stimulus(facts, text, numbers, binning.steps, samples.frames)


def _golden(opened: Opened, artifact: Artifact, choice: InputChoice, most: int | None) -> Stimulus:
    spikes = artifact.golden.spikes
    numbers = np.arange(min(len(spikes), choice.samples or most or len(spikes)))
    text = f"golden inputs of {opened.name}: {_count(numbers)} of {thousands(len(spikes))}, {spikes.shape[1]} steps"
    facts = {"kind": "golden", "artifact": str(opened.name), "steps": spikes.shape[1]}
    return Stimulus(facts, text, numbers, spikes.shape[1], lambda chosen: spikes[chosen])


def _random(inputs: Sequence[Input], choice: InputChoice) -> Stimulus:
    """Independent random spikes; values of graded spikes are uniform over the range that every input accepts.

    Spikes that drive neurons of an input stay 0 or 1: they become a bias, which must fit 13 bits.
    """
    density = DENSITY if choice.density is None else choice.density
    seed, steps, shape = choice.seed or 0, choice.steps or STEPS, inputs[0].shape
    most = 1 if inputs[0].neuron is not None else min(MAX_COUNT, *(entry.max_value for entry in inputs))
    count, size = choice.samples or SAMPLES, steps * math.prod(shape)
    if count > bounds.SAMPLES.value:
        raise DataError(
            f"{_named('samples')} is {thousands(count)} random samples, at most {thousands(bounds.SAMPLES.value)} are allowed; "
            f"{bounds.SAMPLES.variable} sets that"
        )
    if 8 * size > bounds.FRAMES_MB.bytes:
        raise DataError(
            f"{_named('steps')} is {thousands(steps)}: one random sample takes {thousands(8 * size // bounds.MB)} MB, at most "
            f"{thousands(bounds.FRAMES_MB.value)} are allowed; {bounds.FRAMES_MB.variable} sets that"
        )
    numbers = np.arange(count)

    def frames(chosen: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
        made = []
        for number in chosen.tolist():  # one generator each, so that a sample does not depend on their number
            rng = np.random.default_rng((seed, number))
            made.append(
                (rng.random((steps, *shape)) < density) * rng.integers(1, most, (steps, *shape), np.uint8, endpoint=True)
            )
        return np.stack(made)

    values = "spikes" if most == 1 else f"spikes of 1..{most}"
    text = f"random {values}, density {density:g}, seed {seed}: {_count(numbers)}, {steps} steps"
    facts = {"kind": "random", "density": density, "seed": seed, "largest_value": most, "steps": steps}
    return Stimulus(facts, text, numbers, steps, frames)


def _named(item: str) -> str:
    """An item of ``InputChoice`` as the command line and as Python name it."""
    return f"--{item.replace('_', '-')} ({item}= in Python)"


def _count(numbers: npt.NDArray[np.int64]) -> str:
    return counted(len(numbers), "sample")
