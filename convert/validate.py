"""Did the chip's integers cost accuracy?  The same samples as float network, in rounded forms, as integers, and in Lava.

Neurons compute with integer states of 1/4096 in every stage, as in training, and decays are 12 bit throughout; so the stages
tell delays and weights apart, and show that the exported integers are what was trained.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from convert import statistics
from convert.checkpoint import read_checkpoint
from convert.difference import Parity, Trains, compare_trains
from convert.network import Network
from convert.provenance import Run
from convert.recording import Record, Recording
from convert.samples import Samples, spread_choice
from convert.simulator import simulate

if TYPE_CHECKING:
    from train.config import Config
    from train.model import SpikingNetwork

#: Samples that pass through all stages at a time; bounds memory.
_CHUNK = 128

#: Runs Lava: (network, frames (batch, steps, *input shape), record, stock) -> Recording.
LavaRunner = Callable[[Network, npt.NDArray[Any], Record, bool], Recording]


@dataclass(frozen=True)
class Setting:
    """How the trained network is evaluated in a stage: weights on their grid or floats, delays in whole steps or fractional."""

    name: str
    description: str
    quantised: bool
    rounded: bool


#: The trained network on its way to integers; the first is the reference, the last must equal the integer network.
SETTINGS = (
    Setting("float", "float weights, fractional delays", quantised=False, rounded=False),
    Setting("rounded", "float weights, rounded delays", quantised=False, rounded=True),
    Setting("quantised", "quantised weights, rounded delays", quantised=True, rounded=True),
)
INTEGER = ("integer", "integer network, simulator")


@dataclass(frozen=True)
class Stage:
    """One row of the table; differences are to the float network, on the same samples."""

    name: str
    description: str
    accuracy_percent: float
    accuracy_low_percent: float
    accuracy_high_percent: float
    difference_points: float
    difference_low_points: float
    difference_high_points: float
    only_float_right_samples: int
    only_this_right_samples: int
    agreement_percent: float
    mcnemar_p: float


@dataclass(frozen=True)
class Validation:
    """Everything the table shows.

    Attributes:
        data, split, samples: what it was measured on.
        stages: float, rounded, quantised, integer.
        parities: runs that must be equal.
        lava_skipped: why Lava was not run; None if it was.
        max_drop_points: allowed loss of accuracy of the integer against the float network, in percent points.
        events_not_in_frames: events offered, and those that did not fit, by reason.
    """

    data: str
    split: str
    samples: int
    stages: tuple[Stage, ...]
    parities: tuple[Parity, ...]
    lava_skipped: str | None
    max_drop_points: float
    events_not_in_frames: dict[str, int]

    @property
    def drop_points(self) -> float:
        """Points of accuracy that the integer network lost on these samples: the point estimate, which decides."""
        return -self.stages[-1].difference_points

    @property
    def drop_bound_points(self) -> float:
        """Largest loss within the 95 % interval."""
        return -self.stages[-1].difference_low_points

    @property
    def bound_holds(self) -> bool:
        """Whether even the largest loss within the interval is allowed."""
        return self.drop_bound_points <= self.max_drop_points

    @property
    def failures(self) -> list[str]:
        """Why the gate says no; empty if it says yes."""
        reasons = [str(parity) for parity in self.parities if not parity.equal]
        if self.drop_points > self.max_drop_points + 1e-9:  # 100 * (k / n) is not exact
            reasons.append(
                f"the integer network loses {self.drop_points:.2f} points against the float network, allowed are "
                f"{self.max_drop_points:g}"
            )
        return reasons


def validate(
    network: Network,
    checkpoint: Path,
    samples: Samples,
    *,
    max_drop_points: float = 1.0,
    clip_steps: int | None = None,
    run_lava: LavaRunner | None = None,
    lava_samples: int = 0,
    stock_samples: int = 0,
    lava_skipped: str | None = None,
    progress: bool = False,
) -> Validation:
    """Run all stages on ``samples``.

    Args:
        network: the exported integers.
        checkpoint: folder with run.json and model.safetensors that they came from.
        samples: data, binned as in training.
        max_drop_points: see ``Validation``.
        clip_steps: delays were clipped to this at export; the quantised stage then does the same.
        run_lava: runs Lava; None leaves that out, and ``lava_skipped`` says why.
        lava_samples, stock_samples: how many samples run with our process models, and with Lava's own.
        lava_skipped: reason to report where Lava does not run.
        progress: whether to show a progress bar.

    Raises:
        NetworkError: the checkpoint is damaged or missing.
        ConfigError: its files do not belong together.
    """
    config, model = load_model(checkpoint)
    predictions, equal = _run_stages(network, config, model, samples, clip_steps, progress)
    reference = predictions[SETTINGS[0].name]
    named = [*((setting.name, setting.description) for setting in SETTINGS), INTEGER]
    parities = [equal]
    if run_lava is not None:
        for name, count, stock in (("our", lava_samples, False), ("its own", stock_samples, True)):
            if count:
                title = f"Lava with {name} process models = simulator"
                parities.append(_lava_parity(title, network, samples, run_lava, count, stock))
    return Validation(
        data=samples.dataset.name,
        split=samples.split,
        samples=len(samples),
        stages=tuple(_stage(name, text, reference, predictions[name], samples.labels) for name, text in named),
        parities=tuple(parities),
        lava_skipped=lava_skipped,
        max_drop_points=max_drop_points,
        events_not_in_frames=samples.events_not_in_frames(),
    )


def load_model(checkpoint: Path) -> tuple[Config, SpikingNetwork]:
    """Configuration and trained network of a checkpoint."""
    from train.checkpoint import load_parameters  # torch: loaded when a network is validated, not with convert
    from train.config_files import config_from_dict
    from train.model import build_model

    content = read_checkpoint(checkpoint)
    config = config_from_dict(content.config)
    model = build_model(config, Run.of(content).classes)
    load_parameters(model, checkpoint / "model.safetensors")
    return config, model


def _run_stages(
    network: Network, config: Config, model: SpikingNetwork, samples: Samples, clip_steps: int | None, progress: bool
) -> tuple[dict[str, npt.NDArray[np.int64]], Parity]:
    """Predictions (samples,) of every stage, and whether the integers equal the last of the trained network's."""
    from tqdm import tqdm

    from train.batches import Batches
    from train.evaluate import evaluate

    predictions: dict[str, list[npt.NDArray[np.int64]]] = {name: [] for name in (*(s.name for s in SETTINGS), INTEGER[0])}
    parity = Parity("simulator = the training code's own evaluation", 0, 0)
    limits = [(delay, delay.max_delay) for delay in model.delays()]
    with tqdm(total=len(samples), unit="sample", desc="validate", disable=not progress) as bar:
        for chunk in samples.chunks(_CHUNK):
            numbers = np.arange(chunk.start, chunk.stop)
            batches = Batches(samples.dataset.subset(numbers), config.data, _CHUNK)
            for setting in SETTINGS:
                model.quantise(setting.quantised)
                model.set_delays(hard=setting.rounded)
                for delay, limit in limits:
                    delay.max_delay = limit if clip_steps is None or not setting.quantised else min(limit, clip_steps)
                evaluation = evaluate(model, batches, keep_outputs=setting is SETTINGS[-1])
                predictions[setting.name].append(evaluation.prediction)
            integer = simulate(network, samples.frames(numbers))
            predictions[INTEGER[0]].append(integer.prediction)
            assert evaluation.outputs is not None
            parity += compare_trains(parity.name, [("output", evaluation.outputs)], [("output", integer.output)], numbers)
            bar.update(len(numbers))
    return {name: np.concatenate(parts) for name, parts in predictions.items()}, parity


def _lava_parity(name: str, network: Network, samples: Samples, run: LavaRunner, count: int, stock: bool) -> Parity:
    """Some samples of different classes in Lava and in the simulator: every spike of every layer, and every output value."""
    numbers = spread_choice(samples.labels, count)
    frames = samples.frames(numbers, count_lost=False)
    record = {index: ("spikes",) for index, layer in enumerate(network.layers) if layer.output == "spikes"}
    expected, got = simulate(network, frames, record=record), run(network, frames, record, stock)
    return compare_trains(name, _trains(expected), _trains(got), numbers)


def _trains(recording: Recording) -> Trains:
    layers = [(f"the spikes of layer {index}", names["spikes"]) for index, names in sorted(recording.layers.items())]
    return [*layers, ("the output", recording.output)]


def _stage(
    name: str, description: str, reference: npt.NDArray[Any], candidate: npt.NDArray[Any], labels: npt.NDArray[Any]
) -> Stage:
    paired = statistics.compare(reference, candidate, labels)
    return Stage(
        name=name,
        description=description,
        accuracy_percent=100 * paired.accuracy,
        accuracy_low_percent=100 * paired.accuracy_interval[0],
        accuracy_high_percent=100 * paired.accuracy_interval[1],
        difference_points=100 * paired.difference,
        difference_low_points=100 * paired.difference_interval[0],
        difference_high_points=100 * paired.difference_interval[1],
        only_float_right_samples=paired.only_reference,
        only_this_right_samples=paired.only_candidate,
        agreement_percent=100 * paired.agreement,
        mcnemar_p=paired.mcnemar_p,
    )
