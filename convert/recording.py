"""What a backend returns: spikes and states of a run, in the alignment that ``myelin.convert.network`` states."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Network

#: Per layer index, the names to record, of the ``NAMES`` of its neurons; layer -1 is the input's neurons where it has them.
Record = Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Recording:
    """Result of running a network on a batch of samples.

    Attributes:
        output: (batch, steps, *output shape): what leaves the last layer: uint8 spikes, delayed by its axonal delay if it
            has one, or the int32 messages of sigma-delta neurons; for a readout of states its int32 voltages or sums.
        readout: (batch, classes) int64 class scores: the sum of ``output`` over steps, and over the members of each group
            where the network ends in an average (all groups have the same size, so sums rank classes as means do).  Messages
            are changes: their sum is what has been sent of the activation by the last step.
        layers: recorded arrays, ``layers[index][name]`` of shape (batch, steps, *layer shape): "spikes" that the neurons emit
            (before any axonal delay), the sum "a" of their synaptic input, and their states after the step.
    """

    output: npt.NDArray[np.generic]
    readout: npt.NDArray[np.int64]
    layers: dict[int, dict[str, npt.NDArray[np.generic]]] = field(default_factory=dict)

    @property
    def prediction(self) -> npt.NDArray[np.int64]:
        """(batch,) class with the highest score; the lowest index wins a tie."""
        return np.argmax(self.readout, axis=1)


@dataclass(frozen=True, eq=False)
class Passage:
    """What an observer sees when some samples have passed a layer; the arrays are the observer's to read, not to keep.

    Attributes:
        layer: its index; -1 is the input's neurons where it has them.
        samples: which of the batch.
        entered: (samples, steps, sources) what reached the layer from the population before.
        arrays: by name, "spikes" and what was asked for, (samples, steps, neurons).
        seconds: time that one thread spent in the layer.
        engine: "events" or "dense": how the products of its feed-forward and its recurrent connection were made.
    """

    layer: int
    samples: slice
    entered: npt.NDArray[Any]
    arrays: Mapping[str, npt.NDArray[Any]]
    seconds: float
    engine: str


#: Called after each layer of each chunk of samples, by several threads but never by two at a time.
Observer = Callable[[Passage], None]


def class_scores(network: Network, output: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Class scores (batch, classes) of ``output`` (batch, steps, *output shape), as ``Recording.readout`` defines them."""
    batch = output.shape[0]
    total = output.sum(axis=1, dtype=np.int64)
    members = network.layers[-1].neurons // network.num_classes
    return total.reshape(batch, network.num_classes, members).sum(axis=2)
