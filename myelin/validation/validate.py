"""Measures what the chip's integers lose against a reference, and checks their computation.

The reference, each step of its quantisation if it is a trained network, and the integers in the simulator, in Lava and on a
board run on the same samples.  Neurons of a trained network compute with integer states of 1/4096 in every stage, as in
training.  The stages therefore separate the effects of delays, weights and decays, and the last one must equal the exported
integers in every value.  If two runs that must be equal differ, the first divergence is located as in ``myelin diff``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.artifact.examine import Examination
from myelin.convert.axes import TimeAxis
from myelin.convert.messages import Messages, messages_of, sending
from myelin.convert.opened import Opened
from myelin.convert.samples import Samples
from myelin.convert.samples import Task as TaskName
from myelin.validation.answers import Shapes, require_trace
from myelin.validation.defaults import MAX_DROP
from myelin.validation.equalities import Equality, IntegerBackend, backend_equality, network_divergence, training_equality
from myelin.validation.gate import Gate, judge, verdict
from myelin.validation.limits import Limits, limits_of
from myelin.validation.output_unit import OutputUnit, output_unit
from myelin.validation.reference import FLOAT, Reference
from myelin.validation.run import run_stages
from myelin.validation.stages import INTEGER, Outcome, ValidationStage, summarise
from myelin.validation.tasks import Task, task_of
from myelin.validation.trained import Trained


@dataclass(frozen=True)
class ClassChange:
    """The effect of the integers on the samples of one class, compared with the reference; of labelled steps, if there are."""

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
        classes: names of the classes, or of the outputs of traces, in order.
        labels: true classes, (samples,), or (samples, steps) with -1 for none; for traces (samples, steps, outputs).
        outcomes: name of a stage -> raw result.
        stages: the same with statistics, in the order of ``myelin.validation.stages.NAMES``.
        by_class: comparison of reference and integer network for each class; () without a reference, and for traces.
        equalities: runs that must be equal.
        examination: whether the artifact's network is the expected one; None unless an artifact was validated.
        gate: whether the integers may replace the reference; None without a reference.
        events_not_in_frames: number of events read, and of those that did not fit, by reason.
        task: kind of the answers.
        opened: the network.
        reference: ``kind`` and ``name`` of the reference; None without one.
        tests: names of the statistics, for a reader.
        part: the split in words.
        unit: for traces the integer output that means 1.0; else None.
        messages: of the integers in the simulator, if they are graded; else None.
        limits: whether a state left the range of the target in any sample.
    """

    data: str
    split: str
    classes: tuple[str, ...]
    labels: npt.NDArray[Any]
    outcomes: Mapping[str, Outcome]
    stages: tuple[ValidationStage, ...]
    by_class: tuple[ClassChange, ...]
    equalities: tuple[Equality, ...]
    examination: Examination | None
    gate: Gate | None
    events_not_in_frames: dict[str, int]
    task: TaskName = "classes"
    opened: Opened | None = None
    reference: Mapping[str, str] | None = None
    tests: str = ""
    part: str = ""
    unit: OutputUnit | None = None
    messages: Messages | None = None
    limits: Limits | None = None

    @property
    def samples(self) -> int:
        """Number of samples."""
        return len(self.labels)

    @property
    def failures(self) -> list[str]:
        """The reasons for exit code 1; empty if it is 0."""
        found = [] if self.examination is None else list(self.examination.failures)
        found += [] if self.limits is None else self.limits.failures
        found += [str(equality) for equality in self.equalities if not equality.holds]
        return found if self.gate is None or self.gate.passed else [*found, verdict(self.gate)]

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """What ``myelin validate`` prints: the network, and the tables."""
        from myelin.validation.table import shown

        return shown(self)

    def stage(self, name: str) -> ValidationStage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)


def validated(
    opened: Opened,
    samples: Samples,
    reference: Reference | None,
    *,
    classes: Sequence[str],
    examination: Examination | None = None,
    max_drop: float = MAX_DROP,
    time_axis: TimeAxis | None = None,
    output_scale: float | None = None,
    given: Any = None,
    backends: Sequence[IntegerBackend] = (),
    others: Sequence[Equality] = (),
    progress: bool = False,
) -> Validation:
    """Run all stages on ``samples``.

    Args:
        opened: the network.
        samples: data, binned as in training.
        reference: the float side; None for none.
        classes: names of the classes, in order.
        examination: examination of the artifact; None if the network comes from elsewhere.
        max_drop: allowed loss; see ``myelin.validation.gate``.
        time_axis: of a reference's outputs; None recognises it by their shape.
        output_scale: integer output that means 1.0 in a trace; None finds it (``output_unit``).
        given: the user's array or tensor from which the samples were made, for a reference that wants it.
        backends: further backends for the integers.
        others: comparisons that were made elsewhere, or skipped.
        progress: whether to show a progress bar.

    Raises:
        MyelinError: as raised by the reference and the backends.
    """
    network = opened.network
    task = task_of(samples, network.num_classes)
    if task.NAME == "trace":
        require_trace(network)
    if reference is not None:
        reference.check(samples)
    shapes = Shapes(task.NAME, network, samples.binning.steps, time_axis)
    unit = output_unit(output_scale, opened, reference)
    outcomes, parity, profile = run_stages(
        network,
        reference,
        samples,
        task,
        shapes=shapes,
        scale=unit.scale * network.layers[-1].neurons / network.num_classes,
        given=given,
        progress=progress,
    )
    equalities = _equalities(parity, opened, examination, reference, samples)
    equalities += [backend_equality(network, backend, samples) for backend in backends]
    sizes = sending(network)
    one, two = outcomes.get(FLOAT), outcomes[INTEGER]
    return Validation(
        data=samples.dataset.name,
        split=samples.split,
        classes=tuple(classes),
        labels=samples.labels if samples.targets is None else samples.targets,
        outcomes=outcomes,
        stages=tuple(summarise(outcomes, task, sizes, {} if reference is None else {FLOAT: reference.description})),
        by_class=_changes(task, one, two, samples, classes),
        equalities=(*equalities, *others),
        examination=examination,
        gate=None if one is None or reference is None
        else judge(task.loss(one.predictions, two.predictions), max_drop, reference.title),
        events_not_in_frames=samples.events_not_in_frames(),
        task=task.NAME,
        opened=opened,
        reference=None if reference is None else reference.as_dict(),
        tests=task.TESTS,
        part=samples.part,
        unit=unit if task.NAME == "trace" else None,
        messages=messages_of(network, two.rates),
        limits=limits_of(opened, profile),
    )  # fmt: skip


def _equalities(
    parity: Any, opened: Opened, examination: Examination | None, reference: Reference | None, samples: Samples
) -> list[Equality]:
    if parity is not None and isinstance(reference, Trained):
        return [training_equality(parity, opened.network, examination, reference.run_network, samples)]
    if parity is not None:
        return [Equality(parity.name, parity)]
    divergence = None if examination is None else network_divergence(examination)
    if divergence is None:
        return []
    return [Equality("network = expected network, on the golden inputs", None, "they differ, see above", divergence)]


def _changes(
    task: Task, one: Outcome | None, two: Outcome, samples: Samples, classes: Sequence[str]
) -> tuple[ClassChange, ...]:
    if one is None or task.NAME == "trace":
        return ()
    truth = np.asarray(samples.labels if samples.targets is None else samples.targets, np.int64)
    labelled = truth >= 0
    return tuple(class_changes(one.predictions[labelled], two.predictions[labelled], truth[labelled], classes))


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
