"""Golden values: a few real inputs of an artifact with the exact outputs of its network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.compare.difference import Parity, Trains, compare_trains
from myelin.convert.network import Network
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.errors import DataError, NetworkError
from myelin.hw_configs.reading.array_files import read_npz

GOLDEN = "golden.npz"
#: Prefix of the names under which the file stores each layer's spikes.
_LAYER = "spikes_of_layer_"


@dataclass(frozen=True, eq=False)
class Golden:
    """Inputs with their exact outputs.

    Attributes:
        spikes: input (samples, steps, *input shape), in the narrowest integer type that fits.
        output: (samples, steps, *output shape), as ``Recording.output``.
        scores: (samples, classes), as ``Recording.readout``.
        layers: index of a spiking layer -> its spikes (samples, steps, *layer shape), as in ``Recording.layers``; {} if the
            file has none.
    """

    spikes: npt.NDArray[Any]
    output: npt.NDArray[Any]
    scores: npt.NDArray[np.int64]
    layers: Mapping[int, npt.NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, network: Network, spikes: npt.NDArray[Any]) -> Golden:
        """The simulator's outputs for ``spikes`` (samples, steps, *input shape); raises DataError if they do not fit."""
        spiking = {index: ("spikes",) for index, layer in enumerate(network.layers) if layer.output == "spikes"}
        recording = simulate(network, spikes, record=spiking)
        layers = {index: arrays["spikes"] for index, arrays in recording.layers.items()}
        spikes = spikes.reshape(*spikes.shape[:2], *network.input.shape)
        bounds = (int(spikes.min(initial=0)), int(spikes.max(initial=0)))
        spikes = spikes.astype(np.result_type(*map(np.min_scalar_type, bounds)))
        return cls(spikes, recording.output, recording.readout, layers)

    def trains(self) -> Trains:
        """All expected values, in the order of the layers."""
        layers = [(f"the spikes of layer {index}", array) for index, array in sorted(self.layers.items())]
        return [*layers, ("the output", self.output)]

    def write(self, path: Path) -> None:
        """Write the file."""
        layers = {f"{_LAYER}{index}": array for index, array in self.layers.items()}
        arrays = {"spikes": self.spikes, "output": self.output, "scores": self.scores, **layers}
        np.savez_compressed(path, **arrays)  # type: ignore[arg-type]

    @classmethod
    def read(cls, place: Path, network: Network) -> Golden:
        """The golden values of the artifact ``place``; raises NetworkError if they cannot be read or do not fit."""
        try:
            stored = read_npz(place / GOLDEN)
            layers = {int(name.removeprefix(_LAYER)): stored[name] for name in stored if name.startswith(_LAYER)}
            golden = cls(stored["spikes"], stored["output"], stored["scores"], layers)
        except (OSError, ValueError, KeyError) as error:
            raise NetworkError(f"{place}: {GOLDEN} cannot be read: {error}; export the artifact again") from error
        for what, array in [("spikes", golden.spikes), *golden.trains(), ("scores", golden.scores)]:
            if not _whole(array):
                got = f"has dtype {array.dtype}" if array.dtype.kind != "f" else "holds fractions, NaN or infinite values"
                raise NetworkError(f"{place}: {what} of {GOLDEN} {got}; whole numbers are expected: export the artifact again")
        shape = network.input.shape
        if golden.spikes.ndim != 2 + len(shape) or golden.spikes.shape[2:] != shape:
            raise NetworkError(f"{place}: golden inputs have shape {golden.spikes.shape}, the network's input has {shape}")
        return golden


def golden_parity(place: Path, network: Network, golden: Golden) -> Parity:
    """Run the golden inputs in the simulator and compare every expected value.

    Raises:
        NetworkError: the inputs do not fit the network, values have other shapes, or the scores are not those of the output.
    """
    _check_shapes(place, network, golden)
    try:
        got = Golden.of(network, golden.spikes)
    except DataError as error:
        raise NetworkError(f"{place}: the golden inputs do not fit the network: {error}") from error
    came = {name: array for name, array in got.trains() if name == "the output" or golden.layers}
    pairs = [*((name, array, came.get(name)) for name, array in golden.trains()), ("class scores", golden.scores, got.scores)]
    for what, stored, array in pairs:
        if array is None or stored.shape != array.shape:
            shape = "none" if array is None else array.shape
            raise NetworkError(f"{place}: {what} of {GOLDEN} has shape {stored.shape}, the simulator gives {shape}")
    trains = [(name, came[name]) for name, _ in golden.trains()]
    parity = compare_trains("simulator = golden values", golden.trains(), trains, np.arange(len(golden.spikes)))
    places = np.argwhere(golden.scores != got.scores)
    if parity.equal and len(places):
        raise NetworkError(
            f"{place}: golden class scores are not the sums of the golden output: {len(places)} of {got.scores.size} values "
            f"differ, first at sample {places[0][0]}, class {places[0][1]}; export the artifact again"
        )
    return parity


def _check_shapes(place: Path, network: Network, golden: Golden) -> None:
    """Raise NetworkError unless what is stored has the shapes that the inputs lead to; to run them takes memory."""
    first = golden.spikes.shape[:2]
    expected = {f"the spikes of layer {index}": (*first, *layer.shape) for index, layer in enumerate(network.layers)}
    expected["the output"] = (*first, *network.layers[-1].shape)
    for what, stored in golden.trains():
        shape = expected.get(what, "none")
        if stored.shape != shape:
            raise NetworkError(f"{place}: {what} of {GOLDEN} has shape {stored.shape}, the simulator gives {shape}")


def _whole(array: npt.NDArray[Any]) -> bool:
    """Whether all values are finite whole numbers, of any type of numbers."""
    if array.dtype.kind == "f":
        return bool(np.isfinite(array).all() and np.array_equal(array, np.rint(array)))
    return array.dtype.kind in "biu"
