"""The three tasks: one class for a sample, one for each step, or a trace; what is measured of each, and compared."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from myelin.convert import statistics
from myelin.convert.published_steps import published_percent
from myelin.convert.samples import Samples
from myelin.convert.samples import Task as TaskName
from myelin.convert.statistics.clustered import clustered_wilson
from myelin.convert.statistics.errors import error_interval
from myelin.hw_configs.errors import DataError
from myelin.validation.answers import Answer
from myelin.validation.gate import Loss, loss_of_classes, loss_of_errors, loss_of_steps

#: Answers of a stage to all samples, as its task keeps them.
Kept = npt.NDArray[Any]


class Task(ABC):
    """What the answers to some samples are worth.

    Attributes:
        NAME: name of the task.
        MEASURE: what is measured, for a table's head.
        TESTS: names of interval, bootstrap and test, for the line below the table.
        classes: number of classes or outputs.
    """

    NAME: ClassVar[TaskName]
    MEASURE: ClassVar[str]
    TESTS: ClassVar[str]

    def __init__(self, classes: int) -> None:
        self.classes = classes

    @abstractmethod
    def of(self, numbers: npt.NDArray[np.int64]) -> Task:
        """The task of the samples ``numbers`` alone."""

    @abstractmethod
    def kept(self, answer: Answer, numbers: npt.NDArray[np.int64], scale: float = 1.0) -> Kept:
        """What is kept of an answer to the samples ``numbers``; ``scale``: value of an output that means 1.0."""

    @abstractmethod
    def figures(self, kept: Kept) -> dict[str, Any]:
        """Fields of a ``ValidationStage``."""

    @abstractmethod
    def compared(self, reference: Kept, candidate: Kept) -> dict[str, Any]:
        """Fields of a ``StageComparison``, of the candidate against the reference."""

    @abstractmethod
    def loss(self, reference: Kept, candidate: Kept) -> Loss:
        """The loss of the candidate, for the gate."""


class ClassTask(Task):
    """One class for each sample, from the sum of the output over all steps; ``labels``: (samples,)."""

    NAME = "classes"
    MEASURE = "accuracy"
    TESTS = "differences in percent points on the same samples: Tango's interval, paired bootstrap, exact McNemar test"

    def __init__(self, labels: npt.NDArray[np.int64], classes: int) -> None:
        super().__init__(classes)
        self.labels = labels

    def of(self, numbers: npt.NDArray[np.int64]) -> Task:
        """See ``Task``."""
        return ClassTask(self.labels[numbers], self.classes)

    def kept(self, answer: Answer, numbers: npt.NDArray[np.int64], scale: float = 1.0) -> Kept:
        """(batch,) predicted classes."""
        if answer.predictions is not None:
            return answer.predictions
        scores = answer.scores
        if scores is None:
            assert answer.output is not None
            scores = answer.output.sum(axis=1)
        return np.argmax(scores, axis=1)

    def figures(self, kept: Kept) -> dict[str, Any]:
        """See ``Task``."""
        right = kept == self.labels
        correct = int(right.sum())
        by_class = np.bincount(self.labels[right], minlength=self.classes)
        return _accuracy(correct, len(self.labels), statistics.wilson_interval(correct, len(self.labels)), by_class)

    def compared(self, reference: Kept, candidate: Kept) -> dict[str, Any]:
        """See ``Task``."""
        paired = statistics.compare(reference, candidate, self.labels)
        return {**_difference(paired), "mcnemar_p": paired.mcnemar_p, "p": paired.mcnemar_p}

    def loss(self, reference: Kept, candidate: Kept) -> Loss:
        """See ``Task``."""
        return loss_of_classes(statistics.compare(reference, candidate, self.labels))


class StepTask(Task):
    """One class for each step, from the output of that step; ``targets``: (samples, steps), -1 where there is no label."""

    NAME = "steps"
    MEASURE = "accuracy"
    TESTS = (
        "accuracy of the labelled steps; differences in percent points on the same samples, each counted as a whole: Tango's "
        "interval for clusters, bootstrap over samples, sign-flip test over samples"
    )

    def __init__(self, targets: npt.NDArray[np.int64], classes: int) -> None:
        super().__init__(classes)
        self.targets = targets

    def of(self, numbers: npt.NDArray[np.int64]) -> Task:
        """See ``Task``."""
        return StepTask(self.targets[numbers], self.classes)

    def kept(self, answer: Answer, numbers: npt.NDArray[np.int64], scale: float = 1.0) -> Kept:
        """(batch, steps) predicted classes."""
        if answer.predictions is not None:
            return answer.predictions
        assert answer.output is not None
        return np.argmax(answer.output, axis=2)

    def figures(self, kept: Kept) -> dict[str, Any]:
        """See ``Task``; ``correct_samples`` counts steps."""
        labelled = self.targets >= 0
        right = (kept == self.targets) & labelled
        by_class = np.bincount(self.targets[right], minlength=self.classes)
        interval = clustered_wilson(right.sum(axis=1)[labelled.any(axis=1)], labelled.sum(axis=1)[labelled.any(axis=1)])
        published = {"published_percent": published_percent(kept, self.targets)}
        return _accuracy(int(right.sum()), int(labelled.sum()), interval, by_class) | published

    def compared(self, reference: Kept, candidate: Kept) -> dict[str, Any]:
        """See ``Task``; the numbers of samples that only one gets right count steps."""
        paired = statistics.compare_steps(reference, candidate, self.targets)
        return {**_difference(paired), "mcnemar_p": None, "p": paired.p}

    def loss(self, reference: Kept, candidate: Kept) -> Loss:
        """See ``Task``."""
        return loss_of_steps(statistics.compare_steps(reference, candidate, self.targets))


class TraceTask(Task):
    """Outputs that follow traces; ``targets``: (samples, steps, outputs), in the unit in which training compares them.

    It is SLAYER's: the voltage of a readout divided by 4096; spikes are 0 or 1.
    """

    NAME = "trace"
    MEASURE = "RMSE"
    TESTS = (
        "root mean square error over all samples, steps and outputs; its change in percent on the same samples: the widest of "
        "delta method, bootstrap over samples and a bound on samples not seen; bootstrap; sign-flip test over samples"
    )

    def __init__(self, targets: npt.NDArray[np.float32], classes: int) -> None:
        super().__init__(classes)
        self.targets = targets

    def of(self, numbers: npt.NDArray[np.int64]) -> Task:
        """See ``Task``."""
        return TraceTask(self.targets[numbers], self.classes)

    def kept(self, answer: Answer, numbers: npt.NDArray[np.int64], scale: float = 1.0) -> Kept:
        """(batch,) mean squared errors."""
        assert answer.output is not None
        errors = answer.output / scale - self.targets[numbers]
        return np.asarray(np.mean(errors**2, axis=(1, 2)))

    def figures(self, kept: Kept) -> dict[str, Any]:
        """See ``Task``."""
        names = ("accuracy_percent", "accuracy_low_percent", "accuracy_high_percent", "correct_samples")
        low, high = error_interval(kept)
        none = dict.fromkeys((*names, "correct_samples_by_class"))
        return {**none, "rmse": float(np.sqrt(kept.mean())), "rmse_low": low, "rmse_high": high}

    def compared(self, reference: Kept, candidate: Kept) -> dict[str, Any]:
        """See ``Task``."""
        paired = _compare_errors(reference, candidate)
        names = ("difference", "difference_low", "difference_high", "bootstrap_low", "bootstrap_high")
        ends = (paired.change, *paired.change_interval, *paired.bootstrap_interval)
        return {
            **dict.fromkeys([f"{name}_points" for name in names]),
            **dict.fromkeys(("only_other_right_samples", "only_this_right_samples", "agreement_percent", "mcnemar_p")),
            **{f"rmse_{name.replace('difference', 'change')}_percent": 100 * end for name, end in zip(names, ends)},
            "worse_samples": paired.worse,
            "better_samples": paired.better,
            "p": paired.p,
        }

    def loss(self, reference: Kept, candidate: Kept) -> Loss:
        """See ``Task``."""
        return loss_of_errors(reference, candidate, _compare_errors(reference, candidate))


def task_of(samples: Samples, classes: int) -> Task:
    """The task of some samples for a network with ``classes`` classes or outputs.

    Raises:
        DataError: no step has a label, a label is no class of the network, or traces have another number of outputs.
    """
    targets, name = samples.targets, samples.dataset.name
    if targets is None:
        return ClassTask(samples.labels, classes)
    if targets.ndim == 2:
        highest = int(targets.max(initial=-1))
        if highest < 0:
            raise DataError(f"{name}: no step has a label, all are -1; give data with labelled steps")
        if highest >= classes:
            raise DataError(f"{name}: labels of steps reach {highest}, the network has classes 0..{classes - 1}")
        return StepTask(np.asarray(targets, np.int64), classes)
    if targets.shape[2] != classes:
        raise DataError(f"{name}: traces have {targets.shape[2]} outputs, the network has {classes}; the same number is needed")
    return TraceTask(np.asarray(targets, np.float32), classes)


def _compare_errors(reference: Kept, candidate: Kept) -> statistics.PairedErrors:
    try:
        return statistics.compare_errors(reference, candidate)
    except ValueError as error:
        raise DataError(f"errors of traces cannot be compared: {error}; give more samples, or another reference") from error


def _accuracy(correct: int, count: int, interval: statistics.Interval, by_class: npt.NDArray[Any]) -> dict[str, Any]:
    return {
        "accuracy_percent": 100 * correct / count,
        "accuracy_low_percent": 100 * interval[0],
        "accuracy_high_percent": 100 * interval[1],
        "correct_samples": correct,
        "correct_samples_by_class": tuple(by_class.tolist()),
    }


def _difference(paired: statistics.Paired | statistics.PairedSteps) -> dict[str, Any]:
    return {
        "difference_points": 100 * paired.difference,
        "difference_low_points": 100 * paired.difference_interval[0],
        "difference_high_points": 100 * paired.difference_interval[1],
        "bootstrap_low_points": 100 * paired.bootstrap_interval[0],
        "bootstrap_high_points": 100 * paired.bootstrap_interval[1],
        "only_other_right_samples": paired.only_reference,
        "only_this_right_samples": paired.only_candidate,
        "agreement_percent": 100 * paired.agreement,
    }
