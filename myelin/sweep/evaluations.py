"""What a run of a sweep keeps of an evaluation: the classes that its integer and its float network answer, and their accuracy.

=========================== ====================================================================================================
``split, samples``          the samples
``labels``                  the true class of each; with a class for each step a text for each sample, one character a step
``integer_predictions``     the answers, in the same form; also ``float_predictions``
``..._accuracy_percent``    right answers: samples, or labelled steps
``..._published_percent``   of steps: as published scripts count (``myelin.convert.published_steps``); None if all have a label
``..._as_trained_percent``  only if training took steps without a label as class 0: over all steps, as training counts
=========================== ====================================================================================================

In a text a class is a digit of base 36, and a step without a label ``-``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert.published_steps import published_percent
from myelin.hw_configs.errors import DataError

if TYPE_CHECKING:
    from myelin.convert.network import Network
    from myelin.convert.samples import Samples
    from myelin.train.config.config import Config
    from myelin.train.model import SpikingNetwork

#: Samples in a batch, which both networks run; limits memory.
_CHUNK = 128
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CODES = np.frombuffer((_DIGITS + "-").encode(), np.uint8)  # -1 is the last one


def evaluate(network: Network, config: Config, model: SpikingNetwork, samples: Samples) -> dict[str, Any]:
    """Answers of the integer network, and of the trained network with float weights and fractional delays.

    Raises:
        DataError: steps have more classes than there are digits.
    """
    from myelin.convert.simulator.batch import BatchRunner
    from myelin.train.datasets.targets import unlabelled_as
    from myelin.train.run.batches import Batches
    from myelin.train.run.evaluate import predictions
    from myelin.validation.answers import Answer, grouped
    from myelin.validation.tasks import task_of

    task = task_of(samples, network.num_classes)
    simulator = BatchRunner(network)
    model.quantise(False)
    model.set_delays(hard=False)
    integer, floats = [], []
    for chunk in samples.chunks(_CHUNK):
        numbers = np.arange(chunk.start, chunk.stop)
        result = simulator.run(samples.frames(numbers))
        integer.append(task.kept(Answer(output=grouped(network, result.output, samples.task)), numbers))
        floats.append(predictions(model, Batches(samples.dataset.subset(numbers), config.data, _CHUNK)))
    truth = samples.labels if samples.targets is None else samples.targets
    found = {"integer": np.concatenate(integer), "float": np.concatenate(floats)}
    values: dict[str, Any] = {"split": samples.split, "samples": len(samples)}
    for name, answers in found.items():
        values[f"{name}_accuracy_percent"] = 100 * float((answers == truth)[truth >= 0].mean())
        if truth.ndim == 2:
            values[f"{name}_published_percent"] = published_percent(answers, truth)
        if config.data.unlabelled != "ignore":
            values[f"{name}_as_trained_percent"] = 100 * float((answers == unlabelled_as(truth, config.data.unlabelled)).mean())
    values["events_not_in_frames"] = samples.events_not_in_frames()
    return values | {"labels": packed(truth)} | {f"{name}_predictions": packed(answers) for name, answers in found.items()}


def packed(classes: npt.NDArray[Any]) -> list[int] | list[str]:
    """(samples,) classes as integers, or (samples, steps) classes as texts; DataError for steps of more than 36 classes."""
    if classes.ndim == 1:
        return [int(value) for value in classes]
    if classes.max(initial=0) >= len(_DIGITS):
        raise DataError(f"steps have classes up to {classes.max()}; a sweep keeps the answers of up to {len(_DIGITS)} classes")
    return [_CODES[row].tobytes().decode() for row in classes]


def unpacked(values: Sequence[int] | Sequence[str]) -> npt.NDArray[np.int64]:
    """The classes that ``packed`` made ``values`` of."""
    if not len(values) or not isinstance(values[0], str):
        return np.array(values, np.int64)
    place = np.full(256, -1, np.int64)
    place[_CODES[: len(_DIGITS)]] = np.arange(len(_DIGITS))
    return place[np.array([np.frombuffer(str(text).encode(), np.uint8) for text in values])]
