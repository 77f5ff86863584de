"""Results of a backend: spikes and states of a run, aligned as in ``myelin.convert.network``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.network import Network

#: Names to record by layer index, from the ``NAMES`` of the layer's neurons; index -1 is the input's neurons.
Record = Mapping[int, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Recording:
    """Result of running a network on a batch of samples.

    Attributes:
        output: (batch, steps, *output shape), output of the last layer: uint8 spikes or the int32 messages of sigma-delta
            neurons, after any axonal delay; for a readout of states its int32 voltages or sums.
        readout: (batch, classes) int64 class scores: the sum of ``output`` over steps and, if the network ends in an average,
            over the members of each group (groups have equal size, so sums rank classes as means do).  Messages are changes,
            so their sum is the part of the activation sent by the last step.
        layers: recorded arrays, ``layers[index][name]`` of shape (batch, steps, *layer shape): "spikes" of the neurons, before
            any axonal delay; the sum "a" of their synaptic input; their states after the step.
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
    """Argument of an observer after some samples have passed a layer; the observer may read the arrays but not keep them.

    Attributes:
        layer: index of the layer; -1 is the input's neurons.
        samples: slice of the batch.
        entered: (samples, steps, sources) output of the previous population.
        arrays: "spikes" and the requested arrays by name, (samples, steps, neurons).
        seconds: time that one thread spent in the layer.
        engine: how the products of its feed-forward and its recurrent connection were computed: "events" or "dense".
    """

    layer: int
    samples: slice
    entered: npt.NDArray[Any]
    arrays: Mapping[str, npt.NDArray[Any]]
    seconds: float
    engine: str


#: Function called after each layer of each chunk of samples, from several threads but never concurrently.
Observer = Callable[[Passage], None]


def class_scores(network: Network, output: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
    """Class scores (batch, classes) of ``output`` (batch, steps, *output shape), as ``Recording.readout`` defines them."""
    batch = output.shape[0]
    total = output.sum(axis=1, dtype=np.int64)
    members = network.layers[-1].neurons // network.num_classes
    return total.reshape(batch, network.num_classes, members).sum(axis=2)
