"""Activity of a network on an input: how often each neuron spikes, and how often it is active."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.compare.runs import SPIKES
from myelin.convert.network import Network
from myelin.convert.recording import Passage
from myelin.convert.simulator.batch import BatchRunner
from myelin.hw_configs.errors import DataError

Counts = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Activity:
    """Counts over all samples and steps, neurons in C order.

    Attributes:
        samples: number of samples.
        steps: number of steps of one sample.
        entered: (inputs,) spikes that enter the network; a graded value counts as one.
        sent: layer index (-1: the neurons of the input) -> (neurons,) spikes sent.
        active: layer index -> (neurons,) steps in which a neuron had nonzero synaptic input or a nonzero bias.
    """

    samples: int
    steps: int
    entered: Counts
    sent: dict[int, Counts]
    active: dict[int, Counts]

    def into(self, index: int, *, recurrent: bool) -> Counts:
        """Spikes (sources,) sent into layer ``index`` by the population before it, or if ``recurrent`` by itself."""
        return self.sent[index] if recurrent else self.sent.get(index - 1, self.entered)


class ActivityMeter:
    """Adds up the activity of a network batch by batch."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.simulator = BatchRunner(network)
        self.inputs = tuple(dict.fromkeys(name for layer in network.layers for name in layer.neuron.INPUTS))
        self.samples = self.steps = 0
        self.entered: Counts = np.zeros(int(np.prod(network.input.shape)))
        self.sent: dict[int, Counts] = {}
        self.active: dict[int, Counts] = {}

    def add(self, spikes: npt.ArrayLike) -> None:
        """Run ``spikes`` (batch, steps, *input shape) and add the counts; all batches must have the same number of steps."""
        values = np.asarray(spikes)
        self.simulator.run(values, observe=self._observe, observed=self.inputs)
        self.entered += np.count_nonzero(values, axis=(0, 1)).reshape(-1)
        self.samples += values.shape[0]
        self.steps = values.shape[1]

    def result(self) -> Activity:
        """The activity of all batches; DataError if no sample or no step was run."""
        if not self.samples * self.steps:
            raise DataError(f"activity of {self.samples} samples of {self.steps} steps; 1 or more of each are needed")
        return Activity(self.samples, self.steps, self.entered, dict(self.sent), dict(self.active))

    def _observe(self, passage: Passage) -> None:
        index = passage.layer
        sent = np.count_nonzero(passage.arrays[SPIKES], axis=(0, 1))
        active = np.count_nonzero(self._driven(passage), axis=(0, 1))
        self.sent[index] = self.sent.get(index, 0.0) + sent
        self.active[index] = self.active.get(index, 0.0) + active

    def _driven(self, passage: Passage) -> npt.NDArray[Any]:
        """(samples, steps, neurons): nonzero where synaptic input, a bias or an input value drives the neuron."""
        source = self.network.input
        if passage.layer < 0:
            return passage.entered.astype(np.int64) * source.weight + source.bias
        layer = self.network.layers[passage.layer]
        drive = layer.neuron.drive(layer.shape) if layer.neuron.DRIVES_EVERY_STEP else np.zeros(1, np.int64)
        driven: npt.NDArray[Any] = np.broadcast_to(drive != 0, passage.arrays[SPIKES].shape)
        for name in layer.neuron.INPUTS:
            driven = driven | (passage.arrays[name] != 0)
        return driven


def measure(network: Network, spikes: npt.ArrayLike) -> Activity:
    """Activity of ``network`` on ``spikes`` (batch, steps, *input shape).

    Raises:
        DataError: the spikes do not fit the network, or there is no sample or no step.
    """
    meter = ActivityMeter(network)
    meter.add(spikes)
    return meter.result()
