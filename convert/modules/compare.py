"""Compares a torch module with a network on the same spikes: equal, or the layer, step and neuron where they first diverge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.axes import TimeAxis, frames_of
from myelin.convert.floats.simulator import late
from myelin.convert.modules.comparison import ComparedPart, Comparison, FirstValue
from myelin.convert.modules.known import title
from myelin.convert.modules.reading import ReadModule
from myelin.convert.modules.walk import unwrapped
from myelin.convert.network import Network
from myelin.convert.opened import Source, opened_source
from myelin.convert.recording import Record
from myelin.convert.simulator.simulator import simulate
from myelin.hw_configs.errors import DataError, NetworkError

#: Upper bound on the values of all layers that are held at a time.
_CHUNK_VALUES = 8 << 20
#: Unknown shifts of the output that are tried to explain a difference, in steps.
_SHIFTS = (1, -1, 2, -2, 3, -3)

Values = npt.NDArray[Any]


def compare(module: Any, network: Source, x: Any, *, time_axis: TimeAxis | None = None) -> Comparison:
    """Run a torch module and a network on the same spikes, and compare every value of every layer; true if all are equal.

    The module runs in evaluation mode, from rest (also where lava-dl keeps its state), without gradients; its modes and its
    state are afterwards as before.  Its voltages are compared in the network's integers, its spikes at the network's index t;
    blocks without the step of latency are taken into account.  Each block is compared with its layer if the module can be read
    and has as many blocks as the network layers; otherwise the outputs alone are compared.

    Args:
        module: takes (batch, *input shape, steps) and gives (batch, ..., steps), or class scores (batch, classes): the sum or
            the mean of its output over steps.
        network: a network, or a path of one.
        x: spikes, see ``frames_of``.
        time_axis: see ``frames_of``.

    Raises:
        DataError: the spikes do not fit the network.
        NetworkError: the module fails, or its output does not fit the network's.
    """
    from myelin.convert.modules.from_torch import require_module

    require_module(module)
    integers = opened_source(network).network
    frames = frames_of(x, integers.input, time_axis=time_axis, name="x")
    if not frames.size:
        raise DataError(f"x has shape {frames.shape}; at least one sample of one step is allowed")
    total, notes = _planned(unwrapped(module), integers)
    for start in range(0, len(frames), total.samples_at_a_time(frames.shape[1])):
        total.add(unwrapped(module), frames[start : start + total.samples_at_a_time(frames.shape[1])], start)
    return total.result(frames, notes)


def _planned(module: Any, network: Network) -> tuple[_Total, tuple[str, ...]]:
    """What is compared, and notes about it: every block with its layer if the module can be read, else the outputs."""
    from myelin.convert.modules.from_torch import read_module
    from myelin.train.foreign import package_of

    package = package_of(module)
    if package is not None:
        note = f"only the outputs are compared: {package}'s modules have no step of latency, the network has one in each layer"
        return _Total(network, [], len(network.layers), package), (note,)
    try:
        read = read_module(module, network.input.shape, network.input.message_bits)
    except NetworkError as error:
        return _Total(network, [], 0), (f"only the outputs are compared, since the module cannot be read: {error}",)
    blocks, layers = [block.floats.shape for block in read.blocks], [layer.shape for layer in network.layers]
    if blocks != layers:
        shapes = (" ".join(map(str, blocks)), " ".join(map(str, layers)))
        note = f"only the outputs are compared: the module's blocks have shapes {shapes[0]}, the network's layers {shapes[1]}"
        return _Total(network, [], read.lag, step=read.input_step), (note,)
    soft = tuple(f"{title(block.path, block.block)}: {block.soft}" for block in read.blocks if block.soft is not None)
    return _Total(network, _watched(read, network), read.lag, step=read.input_step), soft


@dataclass(frozen=True)
class _Watched:
    """A block of the module that is compared with a layer of the network."""

    where: str
    block: Any
    layer: int
    scale: float
    lag: int


def _watched(read: ReadModule, network: Network) -> list[_Watched]:
    lag, found = read.lag - sum(block.lag for block in read.blocks), []
    for index, block in enumerate(read.blocks):
        lag += block.lag
        scale = float(block.output_scale)
        found.append(_Watched(f"{title(block.path, block.block)}, layer {index}", block.block, index, scale, lag))
    return found


@dataclass
class _Total:
    """Sums over the chunks so far."""

    network: Network
    watched: list[_Watched]
    lag: int
    package: str | None = None
    step: float = 1.0
    products: Values = field(default_factory=lambda: np.zeros(3))
    rows: dict[str, list[int]] = field(default_factory=dict)
    first: FirstValue | None = None
    shifts: dict[int, bool] = field(default_factory=lambda: dict.fromkeys(_SHIFTS, True))
    active: bool = False

    def samples_at_a_time(self, steps: int) -> int:
        """Number of samples whose values are held at a time."""
        return max(1, _CHUNK_VALUES // (steps * sum(layer.neurons for layer in self.network.layers)))

    def add(self, module: Any, frames: Values, start: int) -> None:
        """Run and compare one chunk, whose first sample has the number ``start``."""
        from myelin.train.evaluate import Evaluated, evaluated
        from myelin.train.foreign import run_foreign

        network = self.network
        record: Record = {}
        if self.watched:
            record = {i: ("spikes",) if y.output == "spikes" else (y.state,) for i, y in enumerate(network.layers)}
        recording = simulate(network, frames, record=record)
        if self.package is None:
            got = evaluated(
                module, frames if self.step == 1 else frames * self.step, {part.where: part.block for part in self.watched}
            )
        else:
            got = Evaluated(np.moveaxis(run_foreign(module, frames, self.package), 1, -1), {})
        compared: list[tuple[str, Shape, int, Values, Values]] = []
        for part in self.watched:
            layer = network.layers[part.layer]
            name = record[part.layer][0]
            ours = recording.layers[part.layer][name].reshape(*frames.shape[:2], -1)
            if layer.output == "spikes" and layer.delay_steps.any():
                ours = late(ours.astype(np.float64), layer.delays.astype(np.float64))
            theirs = _flat(got.parts[part.where], part.where, frames, layer.neurons) * part.scale
            compared.append((part.where, layer.shape, part.lag, theirs, ours))
        compared.append(self._output(got.output, recording, frames))
        pairs = []
        for where, shape, lag, theirs, ours in compared:
            one, two = _aligned(theirs, ours, lag)
            unequal = one != two
            counts = self.rows.setdefault(where, [0, 0])
            counts[0] += unequal.size
            counts[1] += int(np.count_nonzero(unequal))
            pairs.append((where, shape, max(lag, 0), one, two, unequal))
        if self.first is None:
            self.first = _first(pairs, start)
        self._shift(*compared[-1][3:])
        if network.layers[-1].output == "state":
            one, two = _aligned(*compared[-1][3:], self.lag)
            self.products += [np.sum(one * one), np.sum(one * two.astype(np.float64)), np.sum(two.astype(np.float64) ** 2)]

    def _output(self, output: Values, recording: Any, frames: Values) -> tuple[str, Shape, int, Values, Values]:
        """The module's output and the network's, as (batch, steps, values) each."""
        network, last = self.network, self.network.layers[-1]
        scale = self.watched[-1].scale if self.watched else float(network.output_scale)
        if output.shape == (len(frames), network.num_classes):
            scores = output * scale * (last.neurons // network.num_classes)
            summed, mean = np.rint(scores * 64) / 64, np.rint(scores * frames.shape[1])
            wanted = recording.readout
            by_mean = np.count_nonzero(mean != wanted) < np.count_nonzero(summed != wanted)
            name = f"class scores, the {'mean' if by_mean else 'sum'} over steps"
            return name, (network.num_classes,), 0, (mean if by_mean else summed)[:, None], wanted[:, None]
        if network.average_groups is not None and self.watched:
            members = last.neurons // network.average_groups
            ours = recording.output.reshape(*frames.shape[:2], network.average_groups, members).sum(axis=3)
            theirs = _flat(output, "the output", frames, network.average_groups) * members
            return "output, the average of groups", (network.average_groups,), self.lag, np.rint(theirs * 1024) / 1024, ours
        theirs = _flat(output, "the output", frames, last.neurons) * scale
        return "output", last.shape, self.lag, theirs, recording.output.reshape(*frames.shape[:2], -1)

    def _shift(self, theirs: Values, ours: Values) -> None:
        self.active |= bool(theirs.any())
        for shift in _SHIFTS:
            one, two = _aligned(theirs, ours, self.lag + shift)
            self.shifts[shift] &= bool(one.size) and np.array_equal(one, two)

    def result(self, frames: Values, notes: tuple[str, ...]) -> Comparison:
        """The comparison over all chunks."""
        rows = tuple(ComparedPart(where, *counts) for where, counts in self.rows.items())
        different = sum(row.different_values for row in rows)
        shift = None
        if rows[-1].different_values and self.active:
            shift = next((shift for shift, equal in self.shifts.items() if equal), None)
        theirs, both, ours = (float(value) for value in self.products)
        if rows[-1].different_values and both > 0:  # readouts that were calibrated have a scale of their own
            error = np.sqrt(max(0.0, 1 - both * both / (theirs * ours)))
            notes += (
                f"times {both / theirs:.4g}, the module's voltages differ from the network's by {error:.2%} (root mean square)",
            )
        if different and any(layer.neuron.has_bias for layer in self.network.layers):
            notes += ("the network's biases act from its first step on, and its layers get their input one step later each",)
        values = sum(row.values for row in rows)
        return Comparison(frames.shape[0], frames.shape[1], values, different, rows, self.first, self.lag, shift, notes)


def _flat(values: Values, where: str, frames: Values, neurons: int) -> Values:
    """(batch, steps, neurons) from a module's (batch, ..., steps)."""
    batch, steps = frames.shape[:2]
    if values.ndim < 3 or values.shape[0] != batch or values.shape[-1] != steps or values.size != batch * steps * neurons:
        raise NetworkError(f"{where} has shape {values.shape}; ({batch}, {neurons}, {steps}) is expected by the network")
    return np.moveaxis(values.reshape(batch, neurons, steps), -1, 1)


def _aligned(theirs: Values, ours: Values, lag: int) -> tuple[Values, Values]:
    """The steps that both have if ours come ``lag`` steps later."""
    steps = ours.shape[1]
    if lag >= 0:
        return theirs[:, : max(steps - lag, 0)], ours[:, lag:]
    return theirs[:, -lag:], ours[:, : max(steps + lag, 0)]


def _first(pairs: list[tuple[str, Shape, int, Values, Values, Values]], start: int) -> FirstValue | None:
    """The earliest layer, and there the earliest step and neuron, of the first sample that differs."""
    for sample in range(len(pairs[0][5])):
        for where, shape, offset, theirs, ours, unequal in pairs:
            if unequal[sample].any():
                step, neuron = (int(index[0]) for index in np.nonzero(unequal[sample]))
                place = tuple(int(index) for index in np.unravel_index(neuron, shape))
                values = float(theirs[sample, step, neuron]), float(ours[sample, step, neuron])
                return FirstValue(where, start + sample, step + offset, place, *values)
    return None
