"""The stages from the float network to the integers: each quantisation alone, then cumulated, on the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from myelin.convert import statistics
from myelin.convert.compare.difference import Parity, compare_trains
from myelin.convert.network import Network
from myelin.convert.recording import Passage, class_scores
from myelin.convert.samples import Samples
from myelin.convert.simulator.batch import BatchRunner
from myelin.validation.trained import ALL, QuantisedParts, Trained

#: Samples in a batch, which all stages run; limits memory.
_CHUNK = 128

#: Settings of the trained network in the training code; the first is the reference, the last must equal the integer network.
SETTINGS = {
    "float": QuantisedParts(),
    "delays": QuantisedParts(delays=True),
    "weights": QuantisedParts(weights=True),
    "decays": QuantisedParts(decays=True),
    "delays_weights": QuantisedParts(delays=True, weights=True),
    "training": ALL,
}
#: Name of the stage with the integer network in the simulator.
INTEGER = "simulator"
NAMES = (*SETTINGS, INTEGER)
DESCRIPTIONS = {
    "float": "float delays, weights, decays",
    "delays": "delays rounded",
    "weights": "weights quantised",
    "decays": "decays quantised",
    "delays_weights": "and weights quantised",
    "training": "and decays: all integer",
    INTEGER: "integer network, simulator",
}
#: Stages with a single quantisation; and stages that each add one more.
ALONE = ("delays", "weights", "decays")
CUMULATED = ("float", "delays", "delays_weights", "training", INTEGER)


@dataclass(frozen=True)
class StageComparison:
    """Comparison of two stages on the same samples; differences are this stage minus the other, in percent points.

    Attributes:
        to: name of the other stage.
        difference_low_points, difference_high_points: 95 % interval (Tango), which the gate uses.
        bootstrap_low_points, bootstrap_high_points: 95 % interval of the paired bootstrap.
        only_other_right_samples, only_this_right_samples: samples that only one of them gets right.
        agreement_percent: share of samples on which both predict the same class, right or wrong.
        mcnemar_p: p of McNemar's test, exact, two-sided.
        spike_rate_change_percent: change over all spiking layers together; None if the other stage is silent.
        spike_rate_change_percent_by_layer: index of the layer -> change.
    """

    to: str
    difference_points: float
    difference_low_points: float
    difference_high_points: float
    bootstrap_low_points: float
    bootstrap_high_points: float
    only_other_right_samples: int
    only_this_right_samples: int
    agreement_percent: float
    mcnemar_p: float
    spike_rate_change_percent: float | None
    spike_rate_change_percent_by_layer: dict[str, float | None]


@dataclass(frozen=True)
class ValidationStage:
    """The result of a stage.

    Attributes:
        name, description: entries of ``NAMES`` and ``DESCRIPTIONS``.
        quantised: names of the quantised parts of the trained network.
        accuracy_low_percent, accuracy_high_percent: 95 % interval (Wilson).
        correct_samples_by_class: in the order of the classes.
        spikes_per_neuron_step: mean over all spiking layers' neurons, steps and samples; None without such layers.
        spikes_per_neuron_step_by_layer: index of the layer -> mean.
        to_float, to_previous: comparisons; None for the float network, and if there is no previous stage.
    """

    name: str
    description: str
    quantised: tuple[str, ...]
    accuracy_percent: float
    accuracy_low_percent: float
    accuracy_high_percent: float
    correct_samples: int
    correct_samples_by_class: tuple[int, ...]
    spikes_per_neuron_step: float | None
    spikes_per_neuron_step_by_layer: dict[str, float]
    to_float: StageComparison | None
    to_previous: StageComparison | None


@dataclass(frozen=True, eq=False)
class Outcome:
    """Raw result of a stage: ``predictions`` (samples,), and layer index -> spikes per neuron and step of spiking layers."""

    predictions: npt.NDArray[np.int64]
    rates: Mapping[int, float] = field(default_factory=dict)


def run_stages(
    network: Network, trained: Trained, samples: Samples, progress: bool = False
) -> tuple[dict[str, Outcome], Parity]:
    """Run ``samples`` through every stage of ``NAMES``; also compares every output value of simulator and training code."""
    from tqdm import tqdm

    predictions: dict[str, list[npt.NDArray[np.int64]]] = {name: [] for name in NAMES}
    spikes = {name: dict.fromkeys((index for index, _ in trained.spiking), 0) for name in NAMES}
    parity = Parity("simulator = the training code's own evaluation", 0, 0)
    simulator = BatchRunner(network)
    with tqdm(total=len(samples), unit="sample", desc="validate", disable=not progress) as bar:
        for chunk in samples.chunks(_CHUNK):
            numbers = np.arange(chunk.start, chunk.stop)
            frames = samples.frames(numbers)
            for name, setting in SETTINGS.items():
                layers, output = trained.forward(frames, setting)
                output = output.reshape(*output.shape[:2], *network.output_shape)
                predictions[name].append(np.argmax(class_scores(network, output), axis=1))
                for index, array in layers.items():
                    spikes[name][index] += int(np.count_nonzero(array))
            integer = simulator.run(frames, observe=_Counter(spikes[INTEGER]))
            predictions[INTEGER].append(integer.prediction)
            parity += compare_trains(parity.name, [("output", output)], [("output", integer.output)], numbers)
            bar.update(len(numbers))
    sizes, seen = dict(trained.spiking), len(samples) * frames.shape[1]
    rates = {name: {index: sums[index] / (sizes[index] * seen) for index in sums} for name, sums in spikes.items()}
    return {name: Outcome(np.concatenate(parts), rates[name]) for name, parts in predictions.items()}, parity


def summarise(
    outcomes: Mapping[str, Outcome], labels: npt.NDArray[np.int64], classes: int, sizes: Mapping[int, int]
) -> list[ValidationStage]:
    """Every stage of ``NAMES`` with its comparisons; ``sizes``: layer index -> number of neurons, for spiking layers."""
    return [_stage(name, outcomes, labels, classes, sizes) for name in NAMES]


def _stage(
    name: str, outcomes: Mapping[str, Outcome], labels: npt.NDArray[np.int64], classes: int, sizes: Mapping[int, int]
) -> ValidationStage:
    outcome = outcomes[name]
    right = outcome.predictions == labels
    correct = int(right.sum())
    low, high = statistics.wilson_interval(correct, len(labels))
    previous = CUMULATED[CUMULATED.index(name) - 1] if name in CUMULATED[1:] else None
    return ValidationStage(
        name=name,
        description=DESCRIPTIONS[name],
        quantised=SETTINGS.get(name, ALL).quantised,
        accuracy_percent=100 * correct / len(labels),
        accuracy_low_percent=100 * low,
        accuracy_high_percent=100 * high,
        correct_samples=correct,
        correct_samples_by_class=tuple(np.bincount(labels[right], minlength=classes).tolist()),
        spikes_per_neuron_step=_overall(outcome.rates, sizes),
        spikes_per_neuron_step_by_layer={str(index): rate for index, rate in outcome.rates.items()},
        to_float=None if name == CUMULATED[0] else _compare(name, CUMULATED[0], outcomes, labels, sizes),
        to_previous=None if previous is None else _compare(name, previous, outcomes, labels, sizes),
    )


def _compare(
    name: str, other: str, outcomes: Mapping[str, Outcome], labels: npt.NDArray[np.int64], sizes: Mapping[int, int]
) -> StageComparison:
    one, two = outcomes[other], outcomes[name]
    paired = statistics.compare(one.predictions, two.predictions, labels)
    return StageComparison(
        to=other,
        difference_points=100 * paired.difference,
        difference_low_points=100 * paired.difference_interval[0],
        difference_high_points=100 * paired.difference_interval[1],
        bootstrap_low_points=100 * paired.bootstrap_interval[0],
        bootstrap_high_points=100 * paired.bootstrap_interval[1],
        only_other_right_samples=paired.only_reference,
        only_this_right_samples=paired.only_candidate,
        agreement_percent=100 * paired.agreement,
        mcnemar_p=paired.mcnemar_p,
        spike_rate_change_percent=_change(_overall(one.rates, sizes), _overall(two.rates, sizes)),
        spike_rate_change_percent_by_layer={str(index): _change(one.rates[index], rate) for index, rate in two.rates.items()},
    )


def _overall(rates: Mapping[int, float], sizes: Mapping[int, int]) -> float | None:
    total = sum(sizes[index] for index in rates)
    return sum(rate * sizes[index] for index, rate in rates.items()) / total if total else None


def _change(before: float | None, after: float | None) -> float | None:
    return None if not before or after is None else 100 * (after / before - 1)


class _Counter:
    """Observer for the simulator that adds up the spikes of every layer in ``totals``."""

    def __init__(self, totals: dict[int, int]) -> None:
        self.totals = totals

    def __call__(self, passage: Passage) -> None:
        if passage.layer in self.totals:
            self.totals[passage.layer] += int(np.count_nonzero(passage.arrays["spikes"]))
