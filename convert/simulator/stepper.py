"""Streams that step through a network together: their memory, and the shortest way from a frame to an output."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import Shape
from myelin.convert.axes import integers_of
from myelin.convert.inputs import checked_spikes, input_values
from myelin.convert.network import Network
from myelin.convert.simulator.loops import take
from myelin.convert.simulator.state import SimulatorState
from myelin.convert.simulator.step_plan import ReferencePopulation, StepPlan
from myelin.hw_configs.errors import DataError

States = npt.NDArray[np.int32]
#: Types of frames for which ``take`` is compiled; others are converted.
_TAKEN = {np.dtype(np.uint8), np.dtype(np.int32), np.dtype(np.int64)}
_BOOL = np.dtype(bool)


def streams_of(shape: Shape, frame: Any) -> int:
    """The number of streams of a first frame for an input of ``shape``: 1 if it has no such axis."""
    given = tuple(np.shape(frame))
    return given[0] if given[1:] in (shape, (math.prod(shape),)) else 1


class Stepper:
    """Streams of one network, at rest at first.

    Args:
        network: the network.
        plan: the network laid out.
        streams: number of streams.
        interval: steps between two resets of the states; 0 for none.
    """

    def __init__(self, network: Network, plan: StepPlan, streams: int, interval: int) -> None:
        self.network, self.plan, self.streams, self.interval = network, plan, streams, interval
        source, inputs = network.input, math.prod(network.input.shape)
        plan.check_interval(interval)
        self._memory = np.zeros((streams, plan.size), np.int32)
        self._counts = np.zeros(streams, np.int64)
        self.reset(range(streams))
        self._frames = np.zeros((streams, 1, inputs), np.int32)
        self._flat = self._frames.reshape(-1)
        self._low, self._high = source.min_value, source.max_value
        self._inspect = not _always_fits(network)
        self._output = np.zeros((streams, 1, math.prod(network.output_shape)), np.int32)
        self._scratch = np.zeros(plan.scratch, np.int32)
        self._kept, self._records = plan.kept({})[0], np.zeros((streams, 1, 0), np.int32)
        self._tables = (plan.populations, plan.links)
        self._constants = (plan.end, plan.weights, plan.floats, plan.integers)
        self._dtype = network.output_dtype
        self._within: dict[tuple[int, int], npt.NDArray[Any]] = {}
        # shape of a frame -> the output in the shape that belongs to it
        together = self._output.reshape(streams, *network.output_shape)
        self._views = {(streams, inputs): together, (streams, *source.shape): together}
        if streams == 1:
            self._views |= {(inputs,): together[0], source.shape: together[0]}
        self._alone = streams == 1

    def step(self, frame: Any) -> npt.NDArray[Any]:
        """See ``Simulator.step``."""
        values = (
            frame if type(frame) is np.ndarray and frame.dtype.kind in "biu" else integers_of(frame, "the values of the frame")
        )
        view = self._views.get(values.shape)
        if view is None:
            raise self._wrong_shape(values.shape)
        if values.dtype not in _TAKEN:
            values = values.view(np.uint8) if values.dtype == _BOOL and values.flags.c_contiguous else self._converted(values)
        if self._inspect or not take(values.reshape(-1), self._flat, self._low, self._high):
            self._checked(values)
            take(values.reshape(-1), self._flat, self._low, self._high)
        if self.plan.references:
            self._step_references(self._frames[:, 0], self.interval)
        over = self.plan.advance(
            self._frames, self._output, self._records, self._memory, self._counts, *self._tables, self._kept, *self._constants,
            self._scratch, self.interval,
        )  # fmt: skip
        if over:
            self._check_sums()
        self._alone = view.ndim == len(self.network.output_shape)
        return view.astype(self._dtype)

    def run(
        self, spikes: npt.NDArray[Any], record: dict[int, tuple[str, ...]], interval: int
    ) -> tuple[npt.NDArray[Any], dict[int, dict[str, npt.NDArray[Any]]]]:
        """Output and recorded arrays of ``spikes`` (streams, steps, *input shape), which are checked, by layer and name."""
        network, plan = self.network, self.plan
        plan.check_interval(interval)
        streams, steps = spikes.shape[:2]
        kept, size = plan.kept(record)
        output = np.empty((streams, steps, math.prod(network.output_shape)), np.int32)
        records = np.empty((streams, steps, size), np.int32)
        values = spikes.reshape(streams, steps, math.prod(network.input.shape)).astype(np.int32)
        state = (self._memory, self._counts)
        if plan.references:  # their neurons step in Python, so all others wait for them in every step
            for t in range(steps):
                self._step_references(values[:, t], interval)
                here = [np.ascontiguousarray(array[:, t : t + 1]) for array in (values, output, records)]
                over = plan.advance(*here, *state, *self._tables, kept, *self._constants, self._scratch, interval)
                output[:, t], records[:, t] = here[1][:, 0], here[2][:, 0]
        else:
            over = plan.advance(values, output, records, *state, *self._tables, kept, *self._constants, self._scratch, interval)
        if steps and over:
            self._check_sums()
        layers: dict[int, dict[str, npt.NDArray[Any]]] = {index: {} for index in record}
        names = [(index, name) for index, names in record.items() for name in names]
        for (index, name), (_, neurons, start) in zip(names, kept):
            layers[index][name] = self._shaped(index, name, records[:, :, start : start + neurons])
        return output.reshape(streams, steps, *network.output_shape).astype(self._dtype), layers

    def values(self, index: int, name: str) -> npt.NDArray[Any]:
        """See ``Simulator.values``."""
        start, neurons = self.plan.offsets[index][name], self.plan.neurons(index)
        found = self._shaped(index, name, self._memory[:, start : start + neurons])
        return found[0] if self._alone else found

    def _shaped(self, index: int, name: str, values: States) -> npt.NDArray[Any]:
        """``values`` (..., neurons) of a layer in C order, in its shape and type; a copy."""
        order = self.plan.orders[index]
        result = np.empty(values.shape, self.network.spike_dtype(index) if name == "spikes" else np.int32)
        result[..., slice(None) if order is None else order] = values
        shape = self.network.input.shape if index < 0 else self.network.layers[index].shape
        return result.reshape(*values.shape[:-1], *shape)

    @property
    def state(self) -> SimulatorState:
        """A copy of the state."""
        return SimulatorState(self.plan.digest, self._counts, self._memory)

    def restore(self, state: SimulatorState) -> None:
        """Continue from ``state``, which belongs to this network and has as many streams."""
        self._within.clear()
        self._memory[:] = state.memory
        self._counts[:] = state.counts

    def reset(self, streams: int | Iterable[int]) -> None:
        """Put streams back to rest."""
        chosen = np.atleast_1d(np.asarray(streams if isinstance(streams, int) else [*streams], dtype=object))
        for one in chosen:
            if isinstance(one, bool) or not isinstance(one, int | np.integer) or not 0 <= one < self.streams:
                raise DataError(f"reset of stream {one!r}; this simulator has streams 0..{self.streams - 1}")
        rows = chosen.astype(np.int64)
        self._memory[rows] = 0
        self._counts[rows] = 0
        for start, values in self.plan.rests:
            self._memory[rows, start : start + values.size] = values
        for one in self.plan.references:
            self._rest(one, rows)

    def _rest(self, one: ReferencePopulation, rows: npt.NDArray[np.int64]) -> None:
        """Put the states of ``one`` to rest in the streams ``rows``; compiled ones are in ``StepPlan.rests``."""
        wide = self._memory.view(np.int64)
        neurons = int(self.plan.populations["neurons"][one.index])
        for name, values in one.neuron.rest((len(rows), neurons)).items():
            wide[rows, one.wide[name] : one.wide[name] + neurons] = values

    def _step_references(self, frames: States, interval: int) -> None:
        """One step of the neurons without a compiled loop, for all streams; what they send, ``advance`` sends on."""
        wide, every = self._memory.view(np.int64), np.arange(self.streams)
        for one in self.plan.references:
            own = self.plan.populations[one.index]
            neurons = int(own["neurons"])
            if interval:
                self._rest(one, np.flatnonzero((self._counts + 1 - own["phase"]) % interval == 0))
            inputs, drive = one.neuron.INPUTS, one.drive
            a = np.zeros((len(inputs), self.streams, neurons), np.int64)
            if one.at_input:
                source = self.network.input
                assert source.neuron is not None
                drive = source.neuron.input_drive(input_values(source, frames.reshape(self.streams, *source.shape)))
                drive = drive.reshape(self.streams, neurons)
            else:
                now = own["ring"] + self._counts % own["length"] * neurons
                for place in range(len(inputs)):
                    places = (now + place * own["length"] * neurons)[:, None] + np.arange(neurons)
                    a[place] = self._memory[every[:, None], places]
                    self._memory[every[:, None], places] = 0
            states = {name: wide[:, start : start + neurons].copy() for name, start in one.wide.items()}
            states, sent = one.neuron.step(states, a if len(inputs) > 1 else a[0], drive)
            for name, start in one.wide.items():
                wide[:, start : start + neurons] = states[name]
            narrow = self.plan.offsets[one.index + min(self.plan.offsets)]
            for name, values in {**states, **dict(zip(inputs, a)), "spikes": sent}.items():
                self._memory[:, narrow[name] : narrow[name] + neurons] = values

    def _converted(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Integers of any type as int64."""
        if values.dtype == np.uint64:  # the only type with values beyond
            self._checked(values)
        return values.astype(np.int64)

    def _checked(self, values: npt.NDArray[Any]) -> None:
        """Raise DataError as a run over one step does."""
        checked_spikes(self.network, values.reshape(self.streams, 1, *self.network.input.shape))

    def _wrong_shape(self, shape: tuple[int, ...]) -> DataError:
        source, count = self.network.input.shape, self.streams
        wanted, cure = ", ".join(map(str, source)), ""
        if len(shape) > 1 and shape[1:] in (source, (math.prod(source),)):
            cure = f": make a Simulator with streams={shape[0]}, or call reset() before a frame with another number of streams"
        allowed = f"({wanted}) or (1, {wanted})" if count == 1 else f"({count}, {wanted})"
        return DataError(f"frame has shape {shape}; {allowed} is allowed for {count} stream{'s'[: count > 1]}{cure}")

    def _check_sums(self) -> None:
        """Raise DataError if a sum of sigma-delta neurons may have left its range in any stream."""
        for index, stage in self.plan.bounded.items():
            start, sources = self.plan.links[index]["highest"], self.plan.links[index]["sources"]
            for stream in range(self.streams):
                highest, before = self._memory[stream, start : start + sources], self._within.get((index, stream))
                if before is None or not np.array_equal(highest, before):
                    stage.check_sums(highest.astype(np.int64))
                    self._within[index, stream] = highest.copy()


def _always_fits(network: Network) -> bool:
    """True if no frame of values in the input's range is refused."""
    ends = [np.full(network.input.shape, value, np.int64) for value in (network.input.min_value, network.input.max_value)]
    try:
        checked_spikes(network, np.stack(ends)[None])
    except DataError:
        return False
    return True
