"""The stages from the float side to the integers, on the same samples; of a trained network each quantisation apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy.typing as npt

from myelin.validation.reference import FLOAT
from myelin.validation.tasks import Kept, Task

#: Name of the stage with the integer network in the simulator.
INTEGER = "simulator"
#: Quantised parts of each stage of a trained network.
QUANTISED = {
    "delays": ("delays",),
    "weights": ("weights",),
    "decays": ("decays",),
    "delays_weights": ("delays", "weights"),
    "training": ("delays", "weights", "decays"),
    INTEGER: ("delays", "weights", "decays"),
}
DESCRIPTIONS = {
    FLOAT: "float delays, weights, decays",
    "delays": "delays rounded",
    "weights": "weights quantised",
    "decays": "decays quantised",
    "delays_weights": "and weights quantised",
    "training": "and decays: all integer",
    INTEGER: "integer network, simulator",
}
#: Stages with a single quantisation; and stages that each add one more.  A stage that did not run is left out.
ALONE = ("delays", "weights", "decays")
CUMULATED = (FLOAT, "delays", "delays_weights", "training", INTEGER)
#: All stages of a trained network.
NAMES = (FLOAT, *QUANTISED)
#: Samples whose traces are kept for figures.
EXAMPLES = 3


@dataclass(frozen=True)
class StageComparison:
    """Comparison of two stages on the same samples; differences are this stage minus the other.

    Attributes:
        to: name of the other stage.
        difference_points, difference_low_points, difference_high_points: difference of the accuracies in percent points, with
            the 95 % interval that the gate uses; None for traces.
        bootstrap_low_points, bootstrap_high_points: 95 % interval of the paired bootstrap over samples.
        only_other_right_samples, only_this_right_samples: samples (with a class for each step: labelled steps) that only one of
            them gets right.
        agreement_percent: share of samples (steps) for which both predict the same class, right or wrong.
        mcnemar_p: p of McNemar's test, exact, two-sided; None unless there is one class for a sample.
        p: p of McNemar's test; else of the sign-flip test over samples.
        rmse_change_percent, ..low.., ..high..: for traces the change of the error, with the interval that the gate uses.
        rmse_bootstrap_low_percent, rmse_bootstrap_high_percent: its interval by the paired bootstrap over samples.
        worse_samples, better_samples: for traces the samples in which this stage has the larger error, and the smaller.
        spike_rate_change_percent: change over all spiking layers together; None if the other stage is silent, or unknown.
        spike_rate_change_percent_by_layer: index of the layer -> change.
    """

    to: str
    difference_points: float | None
    difference_low_points: float | None
    difference_high_points: float | None
    bootstrap_low_points: float | None
    bootstrap_high_points: float | None
    only_other_right_samples: int | None
    only_this_right_samples: int | None
    agreement_percent: float | None
    mcnemar_p: float | None
    spike_rate_change_percent: float | None
    spike_rate_change_percent_by_layer: dict[str, float | None]
    p: float = 1.0
    rmse_change_percent: float | None = None
    rmse_change_low_percent: float | None = None
    rmse_change_high_percent: float | None = None
    rmse_bootstrap_low_percent: float | None = None
    rmse_bootstrap_high_percent: float | None = None
    worse_samples: int | None = None
    better_samples: int | None = None

    @property
    def change(self) -> tuple[float, float, float]:
        """The difference and its interval, in percent points of accuracy or in percent of the error."""
        if self.difference_points is not None:
            return _all(self.difference_points, self.difference_low_points, self.difference_high_points)
        return _all(self.rmse_change_percent, self.rmse_change_low_percent, self.rmse_change_high_percent)

    @property
    def bootstrap(self) -> tuple[float, float, float]:
        """The difference and its interval by the bootstrap."""
        if self.difference_points is not None:
            return _all(self.difference_points, self.bootstrap_low_points, self.bootstrap_high_points)
        return _all(self.rmse_change_percent, self.rmse_bootstrap_low_percent, self.rmse_bootstrap_high_percent)


@dataclass(frozen=True)
class ValidationStage:
    """The result of a stage.

    Attributes:
        name, description: entries of ``NAMES`` and ``DESCRIPTIONS``, or the description of a reference.
        quantised: names of the quantised parts of the trained network.
        accuracy_percent, accuracy_low_percent, accuracy_high_percent: with 95 % interval (Wilson); with a class for each step
            that of the labelled steps, with samples as clusters; None for traces.
        correct_samples, correct_samples_by_class: in the order of the classes; with a class for each step they count steps.
        spikes_per_neuron_step: mean over all spiking layers' neurons, steps and samples; None without such layers.
        spikes_per_neuron_step_by_layer: index of the layer -> mean.
        to_float, to_previous: comparisons; None for the float side, and if there is no previous stage.
        rmse, rmse_low, rmse_high: for traces the root mean square error, with its 95 % interval.
        published_percent: with a class for each step the accuracy as published scripts count it
            (``myelin.convert.published_steps``); None if every step has a label.
    """

    name: str
    description: str
    quantised: tuple[str, ...]
    accuracy_percent: float | None
    accuracy_low_percent: float | None
    accuracy_high_percent: float | None
    correct_samples: int | None
    correct_samples_by_class: tuple[int, ...] | None
    spikes_per_neuron_step: float | None
    spikes_per_neuron_step_by_layer: dict[str, float]
    to_float: StageComparison | None
    to_previous: StageComparison | None
    rmse: float | None = None
    rmse_low: float | None = None
    rmse_high: float | None = None
    published_percent: float | None = None

    @property
    def measure(self) -> tuple[float, float, float]:
        """The accuracy in percent, or the error, with its interval."""
        if self.accuracy_percent is not None:
            return _all(self.accuracy_percent, self.accuracy_low_percent, self.accuracy_high_percent)
        return _all(self.rmse, self.rmse_low, self.rmse_high)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Raw result of a stage.

    Attributes:
        predictions: (samples,) or (samples, steps) classes; for traces (samples,) mean squared errors.
        rates: layer index -> spikes per neuron and step of spiking layers; {} if unknown.
        examples: for traces (samples, steps, outputs) of the first ``EXAMPLES`` samples, in the unit of the targets.
    """

    predictions: Kept
    rates: Mapping[int, float] = field(default_factory=dict)
    examples: npt.NDArray[Any] | None = None


def summarise(
    outcomes: Mapping[str, Outcome], task: Task, sizes: Mapping[int, int], descriptions: Mapping[str, str] | None = None
) -> list[ValidationStage]:
    """Every stage with its comparisons; ``sizes``: layer index -> number of neurons, for spiking layers."""
    return [_stage(name, outcomes, task, sizes, descriptions or {}) for name in outcomes]


def _stage(
    name: str, outcomes: Mapping[str, Outcome], task: Task, sizes: Mapping[int, int], descriptions: Mapping[str, str]
) -> ValidationStage:
    outcome = outcomes[name]
    steps = there(CUMULATED, outcomes)
    previous = steps[steps.index(name) - 1] if name in steps[1:] else None
    trained = "training" in outcomes
    return ValidationStage(
        name=name,
        description=descriptions.get(name, DESCRIPTIONS[name]),
        quantised=QUANTISED.get(name, ()) if trained or name == INTEGER else (),
        spikes_per_neuron_step=_overall(outcome.rates, sizes),
        spikes_per_neuron_step_by_layer={str(index): rate for index, rate in outcome.rates.items()},
        to_float=None if name == FLOAT or FLOAT not in outcomes else _compare(name, FLOAT, outcomes, task, sizes),
        to_previous=None if previous is None else _compare(name, previous, outcomes, task, sizes),
        **task.figures(outcome.predictions),
    )


def there(names: Sequence[str], outcomes: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of ``names`` that have an outcome."""
    return tuple(name for name in names if name in outcomes)


def _compare(name: str, other: str, outcomes: Mapping[str, Outcome], task: Task, sizes: Mapping[int, int]) -> StageComparison:
    one, two = outcomes[other], outcomes[name]
    known = bool(one.rates)
    return StageComparison(
        to=other,
        spike_rate_change_percent=_change(_overall(one.rates, sizes), _overall(two.rates, sizes)),
        spike_rate_change_percent_by_layer=(
            {str(index): _change(one.rates[index], rate) for index, rate in two.rates.items()} if known else {}
        ),
        **task.compared(one.predictions, two.predictions),
    )


def _overall(rates: Mapping[int, float], sizes: Mapping[int, int]) -> float | None:
    total = sum(sizes[index] for index in rates)
    return sum(rate * sizes[index] for index, rate in rates.items()) / total if total else None


def _change(before: float | None, after: float | None) -> float | None:
    return None if not before or after is None else 100 * (after / before - 1)


def _all(*values: float | None) -> tuple[float, float, float]:
    one, two, three = (float(value) for value in values if value is not None)
    return one, two, three
