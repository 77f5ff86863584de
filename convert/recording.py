"""Results of a backend: spikes and states of a run, aligned as in ``myelin.convert.network``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from myelin.convert import notebook
from myelin.convert.network import Network
from myelin.hw_configs.argument_checks import path_or_none

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
        names: layer index -> its name for people, such as "layer 0 (dense, recurrent conv)"; -1 is the input's neurons.
        output_name: what the output is: "spikes", or the state of a readout; empty if unknown.
    """

    output: npt.NDArray[np.generic]
    readout: npt.NDArray[np.int64]
    layers: dict[int, dict[str, npt.NDArray[np.generic]]] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    output_name: str = ""

    @classmethod
    def of(
        cls,
        network: Network,
        output: npt.NDArray[np.generic],
        layers: dict[int, dict[str, npt.NDArray[np.generic]]] | None = None,
    ) -> Recording:
        """The recording of a run of ``network`` with this output and these recorded arrays."""
        names = {index: f"layer {index} ({layer.kind})" for index, layer in enumerate(network.layers)}
        last = network.layers[-1]
        return cls(
            output,
            class_scores(network, output),
            layers or {},
            {-1: "the input's neurons", **names},
            last.state if last.output == "state" else "spikes",
        )

    @property
    def prediction(self) -> npt.NDArray[np.int64]:
        """(batch,) class with the highest score; the lowest index wins a tie."""
        return np.argmax(self.readout, axis=1)

    def __repr__(self) -> str:
        return notebook.recording_text(self)

    def _repr_html_(self) -> str:
        return notebook.recording_html(self)

    def plot(self, sample: int = 0, *, step_ms: float | None = None, path: str | os.PathLike[str] | None = None) -> Figure:
        """A figure of one sample: spikes as dots and states as lines, for every recorded array and the output.

        Args:
            sample: index of the sample in the batch.
            step_ms: length of a step, for the axis of time; None to count steps.
            path: PNG file to write too; None for none.

        Raises:
            DataError: there is no such sample.
            ConfigError: the file cannot be written.
        """
        from myelin.convert.plots import recording_figure, saved

        file = path_or_none("path", path)
        return saved(recording_figure(self, sample, step_ms=step_ms), file)


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
