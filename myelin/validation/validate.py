"""Measures the accuracy lost by the chip's integers and checks their computation.

The float network, each step of its quantisation, and the integers in the simulator, in Lava and on a board run on the same
samples.  Neurons compute with integer states of 1/4096 in every stage, as in training.  The stages therefore separate the
effects of delays, weights and decays, and the last stage must equal the exported integers in every value.  If two runs that
must be equal differ, the first divergence is located as in ``myelin diff``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.artifact import NETWORK
from myelin.convert.artifact.examine import Examination
from myelin.convert.compare.difference import Parity, Trains, compare_trains
from myelin.convert.compare.divergence import diverge
from myelin.convert.compare.report import as_dict
from myelin.convert.compare.runs import ComparedRun
from myelin.convert.network import Network
from myelin.convert.recording import Record, Recording
from myelin.convert.samples import Samples, spread_choice
from myelin.convert.simulator.simulator import simulate
from myelin.convert.statistics import compare
from myelin.validation.gate import Gate, judge, verdict
from myelin.validation.stages import CUMULATED, INTEGER, Outcome, ValidationStage, run_stages, summarise
from myelin.validation.trained import Trained

FLOAT = CUMULATED[0]


@dataclass(frozen=True, eq=False)
class IntegerBackend:
    """A backend that runs the integers besides the simulator.

    Attributes:
        title: name of the backend.
        run: (network, frames (batch, steps, *input shape), record) -> Recording.
        without: names of states that it cannot record.
        samples: number of samples to run.
    """

    title: str
    run: Callable[[Network, npt.NDArray[Any], Record], Recording]
    without: frozenset[str]
    samples: int


@dataclass(frozen=True)
class Equality:
    """Two runs that must be equal.

    Attributes:
        name: name of the pair.
        parity: result of the comparison; None if it was not run.
        skipped: reason for not running it; None if it was run.
        divergence: where and why they diverge, as in ``myelin.convert.compare.report.as_dict``, with ``a``, ``b`` and
            ``input``; None if they are equal, or if only ``parity`` is known.
    """

    name: str
    parity: Parity | None
    skipped: str | None = None
    divergence: Mapping[str, Any] | None = None

    @property
    def holds(self) -> bool:
        """Whether the runs are equal or were not compared."""
        return self.parity is None or self.parity.equal

    def __str__(self) -> str:
        return f"{self.name}: skipped: {self.skipped}" if self.parity is None else str(self.parity)


@dataclass(frozen=True)
class ClassChange:
    """The effect of the integers on the samples of one class, compared with the float network."""

    name: str
    samples: int
    float_correct_samples: int
    integer_correct_samples: int
    difference_points: float | None
    only_float_right_samples: int
    only_integer_right_samples: int


@dataclass(frozen=True, eq=False)
class Validation:
    """The complete result of a validation.

    Attributes:
        data, split: data of the measurement.
        classes: names of the classes, in order.
        labels: (samples,) true classes.
        outcomes: name of a stage -> raw result.
        stages: the same with statistics, in the order of ``myelin.validation.stages.NAMES``.
        by_class: comparison of float and integer network for each class.
        equalities: runs that must be equal.
        examination: whether the artifact's network is the trained one.
        gate: whether the integers may replace the floats.
        events_not_in_frames: number of events read, and of those that did not fit, by reason.
    """

    data: str
    split: str
    classes: tuple[str, ...]
    labels: npt.NDArray[np.int64]
    outcomes: Mapping[str, Outcome]
    stages: tuple[ValidationStage, ...]
    by_class: tuple[ClassChange, ...]
    equalities: tuple[Equality, ...]
    examination: Examination
    gate: Gate
    events_not_in_frames: dict[str, int]

    @property
    def failures(self) -> list[str]:
        """The reasons for exit code 1; empty if it is 0."""
        found = [*self.examination.failures, *(str(equality) for equality in self.equalities if not equality.holds)]
        return found if self.gate.passed else [*found, verdict(self.gate)]

    def stage(self, name: str) -> ValidationStage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)


def validate(
    examination: Examination,
    trained: Trained,
    samples: Samples,
    *,
    classes: Sequence[str],
    max_drop_points: float = 1.0,
    backends: Sequence[IntegerBackend] = (),
    others: Sequence[Equality] = (),
    progress: bool = False,
) -> Validation:
    """Run all stages on ``samples``.

    Args:
        examination: examination of the artifact.
        trained: the trained network of the artifact.
        samples: data, binned as in training.
        classes: names of the classes, in order.
        max_drop_points: allowed loss of accuracy in percent points; see ``myelin.validation.gate``.
        backends: further backends for the integers.
        others: comparisons that were made elsewhere, or skipped.
        progress: whether to show a progress bar.

    Raises:
        MyelinError: as raised by the backends.
    """
    network = examination.artifact.network
    outcomes, parity = run_stages(network, trained, samples, progress)
    predictions = {name: outcome.predictions for name, outcome in outcomes.items()}
    equalities = [Equality(parity.name, parity, divergence=_training_divergence(parity, examination, trained, samples))]
    equalities += [_backend_equality(network, backend, samples) for backend in backends]
    return Validation(
        data=samples.dataset.name,
        split=samples.split,
        classes=tuple(classes),
        labels=samples.labels,
        outcomes=outcomes,
        stages=tuple(summarise(outcomes, samples.labels, len(classes), dict(trained.spiking))),
        by_class=tuple(class_changes(predictions[FLOAT], predictions[INTEGER], samples.labels, classes)),
        equalities=(*equalities, *others),
        examination=examination,
        gate=judge(compare(predictions[FLOAT], predictions[INTEGER], samples.labels), max_drop_points),
        events_not_in_frames=samples.events_not_in_frames(),
    )


def class_changes(
    floats: npt.NDArray[np.int64], integers: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], classes: Sequence[str]
) -> list[ClassChange]:
    """For each class the samples that each network gets right, from predictions and labels (samples,)."""
    found = []
    for label, name in enumerate(classes):
        here = labels == label
        one, two = floats[here] == label, integers[here] == label
        count, before, after = int(here.sum()), int(one.sum()), int(two.sum())
        points = 100 * (after - before) / count if count else None
        found.append(ClassChange(name, count, before, after, points, int((one & ~two).sum()), int((~one & two).sum())))
    return found


def network_divergence(examination: Examination) -> Mapping[str, Any] | None:
    """Where the expected network and the artifact's network diverge on the golden inputs; None if equal or unknown."""
    if not examination.deviations:
        return None
    golden = examination.artifact.golden.spikes
    return _divergence(*_expected_runs(examination), np.arange(len(golden)), golden, "golden inputs")


def _training_divergence(
    parity: Parity, examination: Examination, trained: Trained, samples: Samples
) -> Mapping[str, Any] | None:
    """The divergence on the first sample whose output differs.

    It is between the networks if they differ, else between training code and simulator.
    """
    if parity.first is None:
        return network_divergence(examination)
    network = examination.artifact.network
    if examination.deviations:
        runs = _expected_runs(examination)
    else:
        here = str(examination.artifact.folder)
        runs = (
            ("training code", here, ComparedRun(network, trained.run, frozenset({"a", "u", "v"}))),
            _simulated(network, here),
        )
    return _on_sample(*runs, parity.first.sample, samples)


def _backend_equality(network: Network, backend: IntegerBackend, samples: Samples) -> Equality:
    """Compare a backend with the simulator in every spike and output value, on some samples of different classes."""
    numbers = spread_choice(samples.labels, backend.samples)
    frames = samples.frames(numbers, count_lost=False)
    record = {index: ("spikes",) for index, layer in enumerate(network.layers) if layer.output == "spikes"}
    expected, got = simulate(network, frames, record=record), backend.run(network, frames, record)
    parity = compare_trains(f"{backend.title} = simulator", _trains(expected), _trains(got), numbers)
    found = None
    if parity.first is not None:
        other = backend.title, NETWORK, ComparedRun(network, backend.run, backend.without)
        found = _on_sample(_simulated(network, NETWORK), other, parity.first.sample, samples)
    return Equality(parity.name, parity, divergence=found)


def _trains(recording: Recording) -> Trains:
    layers = [(f"the spikes of layer {index}", names["spikes"]) for index, names in sorted(recording.layers.items())]
    return [*layers, ("the output", recording.output)]


#: Name of a backend, name of its network, and the run.
_Named = tuple[str, str, ComparedRun]


def _simulated(network: Network, name: str) -> _Named:
    return "simulator", name, ComparedRun(network, lambda network, frames, record: simulate(network, frames, record=record))


def _expected_runs(examination: Examination) -> tuple[_Named, _Named]:
    assert examination.expected is not None
    place = examination.artifact.folder
    return (
        _simulated(examination.expected, f"{place / str(examination.reference)}, what it should be"),
        _simulated(examination.artifact.network, f"{place / NETWORK}, what it is"),
    )


def _on_sample(a: _Named, b: _Named, sample: int, samples: Samples) -> dict[str, Any]:
    numbers = np.array([sample])
    return _divergence(a, b, numbers, samples.frames(numbers, count_lost=False), f"sample {sample} of {samples.dataset.name}")


def _divergence(a: _Named, b: _Named, numbers: npt.NDArray[np.int64], frames: npt.NDArray[Any], text: str) -> dict[str, Any]:
    found = diverge(a[2], b[2], [(numbers, frames)])
    runs = {key: {"network": name, "backend": backend} for key, (backend, name, _) in (("a", a), ("b", b))}
    return {**runs, "input": {"text": text}, **as_dict(found)}
