"""A float network as the reference: its delays, weights and decays unrounded, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.floats.network import FloatNetwork
from myelin.convert.floats.simulator import simulate_floats
from myelin.convert.network import Network
from myelin.hw_configs.errors import NetworkError
from myelin.validation.answers import Answer, Shapes, grouped
from myelin.validation.reference import CHUNK, FLOAT, Chunk, FloatSpikes, Reference, StageRun

#: Upper bound on the values of all layers that are held at a time; each layer has its spikes and two states.
_CHUNK_VALUES = 4 << 20


class FloatReference(Reference):
    """A float network of the same structure as the integers.

    Args:
        floats: the network; fractional delays are interpolated between two steps.
        name: of its file.
        network: the integer network.

    Raises:
        NetworkError: input or layers have other shapes than those of the integers.
    """

    KIND = "floats"

    def __init__(self, floats: FloatNetwork, name: str, network: Network) -> None:
        super().__init__(name)
        self.floats, self.network = floats, network
        ours = (network.input.shape, *(layer.shape for layer in network.layers), (network.num_classes,))
        classes = floats.average_groups or int(np.prod(floats.output_shape))
        theirs = (floats.input_shape, *(layer.shape for layer in floats.layers), (classes,))
        if ours != theirs:
            raise NetworkError(
                f"{name}: the float network has the shapes {_listed(theirs)}, the integers have {_listed(ours)} (input, "
                "layers, classes); give the floats that the integers were made from"
            )
        self.sizes = {i: int(np.prod(y.shape)) for i, y in enumerate(floats.layers) if y.output == "spikes"}

    @property
    def description(self) -> str:
        """See ``Reference``."""
        return "float delays, weights, decays"

    def samples_at_a_time(self, steps: int) -> int:
        """See ``Reference``."""
        values = 3 * steps * sum(int(np.prod(layer.shape)) for layer in self.floats.layers)
        return max(1, min(CHUNK, _CHUNK_VALUES // max(1, values)))

    def readout_weights(self) -> npt.NDArray[np.float64]:
        """See ``Reference``."""
        return self.floats.layers[-1].synapse.weight

    def spikes(self, frames: npt.NDArray[Any], network: Network) -> FloatSpikes:
        """See ``Reference``."""
        recording = simulate_floats(self.floats, frames, interpolate=True)
        predictions = np.argmax(grouped(network, recording.output, "classes").sum(axis=1), axis=1)
        return FloatSpikes({index: recording.layers[index]["spikes"] for index in self.sizes}, predictions)

    def run(self, chunk: Chunk, shapes: Shapes) -> dict[str, StageRun]:
        """See ``Reference``."""
        recording = simulate_floats(self.floats, chunk.frames, interpolate=True)
        spikes = {index: int(np.count_nonzero(recording.layers[index]["spikes"])) for index in self.sizes}
        output = grouped(self.network, recording.output, shapes.task)
        members = self.network.layers[-1].neurons // self.network.num_classes
        return {FLOAT: StageRun(Answer(output=output), spikes, scale=float(members))}


def _listed(shapes: tuple[tuple[int, ...], ...]) -> str:
    return ", ".join(" x ".join(map(str, shape)) for shape in shapes)
