"""Profile of a network on an input: spikes, synaptic operations, ranges of its integers and time, per layer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.compare.runs import SPIKES
from myelin.convert.inputs import input_values
from myelin.convert.messages import Messages, messages_of, sending
from myelin.convert.network import Network
from myelin.convert.neurons import Neuron
from myelin.convert.recording import Passage
from myelin.convert.simulator.simulator import simulate
from myelin.convert.synapses import connections, fan_out, late_operations
from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX

#: Each batch is timed for at least this many seconds, and at least once.
_TIMED_S = 0.3


@dataclass(frozen=True)
class Range:
    """Smallest and largest value."""

    low: int
    high: int

    @property
    def largest(self) -> int:
        """Largest magnitude."""
        return max(-self.low, self.high)

    @property
    def bits(self) -> int:
        """Bits of the narrowest signed integer type that holds both ends."""
        return 1 + max((-self.low - 1).bit_length() if self.low < 0 else 0, max(self.high, 0).bit_length())

    @property
    def percent(self) -> float:
        """Largest magnitude in percent of 2^23, the end of the range of 24-bit states."""
        return 100 * self.largest / CURRENT_WRAP


@dataclass(frozen=True)
class LayerProfile:
    """One population; counts are over all samples and steps.

    Attributes:
        name: ``input``, ``input neurons`` or ``layer 1 (dense)``.
        neurons: number of neurons.
        spikes: number of spikes sent; a graded value counts as one.
        forward_operations, recurrent_operations: numbers of products of a spike and a nonzero weight, for spikes of the
            previous population and of this one.  A spike counts when it is sent, even if it arrives after the last step.
        late_operations: how many of both are of spikes that arrive after the last step, so that the run does not do them.
        silent, always: numbers of neurons that never send, and that send in every step of every sample; None for a readout
            of states.
        ranges: by name, of every recorded value except spikes.  A state that wraps or saturates at 24 bits is measured before
            it does so, and before a spike resets it, so it may exceed 24 bits.
        overflow: behaviour of states at the end of 24 bits, "wraps" or "saturates", by name; see ``Neuron.OVERFLOW``.
        overflows: how often each state wrapped or saturated, by name.
        seconds: time of all threads together in the timed runs, without recording; 0 for the input.
        engine: how the products of spikes and weights were computed.
    """

    name: str
    neurons: int
    spikes: int
    forward_operations: int = 0
    recurrent_operations: int = 0
    late_operations: int = 0
    silent: int | None = None
    always: int | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    overflow: Mapping[str, str] = field(default_factory=dict)
    overflows: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    engine: str = ""

    @property
    def wraps(self) -> int | None:
        """How often a state wrapped; None if no state of these neurons wraps."""
        return self._cut("wraps")

    @property
    def saturations(self) -> int | None:
        """How often a state saturated; None if no state of these neurons saturates."""
        return self._cut("saturates")

    def _cut(self, kind: str) -> int | None:
        names = [name for name, does in self.overflow.items() if does == kind]
        return sum(self.overflows.get(name, 0) for name in names) if names else None

    @property
    def operations(self) -> int:
        """Sum of forward and recurrent operations."""
        return self.forward_operations + self.recurrent_operations


@dataclass(frozen=True)
class Profile:
    """Result of a profile.

    Attributes:
        samples, steps: size of the input.
        layers: profiles of the input and of each layer, in order.
        timed_samples: number of samples in the timed runs; short inputs run several times.
        seconds: wall-clock time of the timed runs, with all threads in parallel.
        messages: of sigma-delta neurons; None without them.
    """

    samples: int
    steps: int
    layers: tuple[LayerProfile, ...]
    timed_samples: int
    seconds: float
    messages: Messages | None = None

    @property
    def operations(self) -> int:
        """Synaptic operations of all layers."""
        return sum(layer.operations for layer in self.layers)

    @property
    def late_operations(self) -> int:
        """Those of all layers whose spikes arrive after the last step."""
        return sum(layer.late_operations for layer in self.layers)


def profile(network: Network, spikes: npt.ArrayLike, *, timed: bool = True) -> Profile:
    """Profile ``network`` on ``spikes`` (batch, steps, *input shape); ``Profiler`` takes inputs that do not fit in memory.

    Raises:
        DataError: the spikes do not fit the network.
    """
    profiler = Profiler(network, timed=timed)
    profiler.add(spikes)
    return profiler.result()


@dataclass
class _Sums:
    """Sums for one population."""

    spikes: int = 0
    forward: int = 0
    recurrent: int = 0
    late: int = 0
    fired: Any = 0  # (neurons,) number of steps in which each neuron sent
    ranges: dict[str, Range] = field(default_factory=dict)
    overflows: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    engines: dict[str, None] = field(default_factory=dict)

    def widen(self, name: str, values: npt.NDArray[Any]) -> None:
        if values.size:
            low, high = int(values.min()), int(values.max())
            before = self.ranges.get(name, Range(low, high))
            self.ranges[name] = Range(min(low, before.low), max(high, before.high))


class Profiler:
    """Accumulates a profile batch by batch.

    Every batch runs once with all states observed, and again for timing without observation, since observing states takes time.
    With ``timed=False`` there are no timed runs.
    """

    def __init__(self, network: Network, *, timed: bool = True) -> None:
        self.network, self.timed = network, timed
        self.samples = self.steps = self.timed_samples = 0
        self.seconds = 0.0
        indices = range(0 if network.input.neuron is None else -1, len(network.layers))
        self.sums = {index: _Sums() for index in indices}
        self.entered = _Sums()
        self.links = {index: [(link, fan_out(link)) for link in connections(network, index)] for index in indices if index >= 0}

    def add(self, spikes: npt.ArrayLike) -> None:
        """Run ``spikes`` (batch, steps, *input shape); every batch must have the same number of steps."""
        values = np.asarray(spikes)
        if self.timed and not self.samples:
            simulate(self.network, values[:1])  # loads the compiled loops, so that loading is not timed
        simulate(self.network, values, observe=self.observe, observed=self.observed)
        until = time.perf_counter() + _TIMED_S
        while self.timed:
            started = time.perf_counter()
            simulate(self.network, values, observe=self._time)
            self.seconds += time.perf_counter() - started
            self.timed_samples += values.shape[0]
            if time.perf_counter() >= until:
                break
        self.count(values)

    def count(self, spikes: npt.NDArray[Any]) -> None:
        """Count the samples and steps of ``spikes``, which were run with ``observe`` and ``observed``."""
        self.samples += spikes.shape[0]
        self.steps = spikes.shape[1]

    @property
    def observed(self) -> tuple[str, ...]:
        """Names of the arrays that ``observe`` needs."""
        return tuple({name: None for index in self.sums for name in self._names(index)})

    def result(self) -> Profile:
        """The profile over all batches."""
        source = LayerProfile("input", int(np.prod(self.network.input.shape)), self.entered.spikes)
        layers = (source, *(self._layer(index, sums) for index, sums in self.sums.items()))
        rates = {
            index: self.sums[index].spikes / (neurons * self.samples * self.steps)
            for index, neurons in sending(self.network).items()
        }
        messages = messages_of(self.network, rates)
        return Profile(self.samples, self.steps, layers, self.timed_samples, self.seconds, messages)

    def _names(self, index: int) -> tuple[str, ...]:
        neuron = self.network.neuron(index)
        return () if neuron is None else tuple(name for name in neuron.NAMES if name != SPIKES)

    def _time(self, passage: Passage) -> None:
        sums = self.sums[passage.layer]
        sums.seconds += passage.seconds
        sums.engines[passage.engine] = None

    def observe(self, passage: Passage) -> None:
        """Add what a population did in a run."""
        index, sums, arrays = passage.layer, self.sums[passage.layer], passage.arrays
        if index == min(self.sums):
            self.entered.spikes += int(np.count_nonzero(passage.entered))
        sent = np.count_nonzero(arrays[SPIKES], axis=(0, 1))
        sums.fired = sums.fired + sent
        sums.spikes += int(sent.sum())
        if index >= 0:
            for link, fans in self.links[index]:
                spikes = arrays[SPIKES] if link.recurrent else passage.entered
                products = int(np.count_nonzero(spikes, axis=(0, 1)) @ fans)
                sums.recurrent += products if link.recurrent else 0
                sums.forward += 0 if link.recurrent else products
                sums.late += late_operations(link, spikes)
        neuron = self.network.neuron(index)
        if neuron is not None:
            self._states(passage, neuron, sums)

    def _states(self, passage: Passage, neuron: Neuron, sums: _Sums) -> None:
        if passage.layer < 0:
            shape, entered = self.network.input.shape, passage.entered
            values = input_values(self.network.input, entered.reshape(*entered.shape[:2], *shape))
            drive = neuron.input_drive(values).reshape(entered.shape)
        else:
            shape = self.network.layers[passage.layer].shape
            drive = neuron.drive(shape)
        uncut = neuron.before_limits(passage.arrays, drive, shape)
        for name in self._names(passage.layer):
            sums.widen(name, uncut.get(name, passage.arrays[name]))
        for name, kind in neuron.OVERFLOW.items():
            # a spike may have reset a saturated state to zero, so it is compared with the end of its range
            cut = uncut[name] != passage.arrays[name] if kind == "wraps" else np.abs(uncut[name]) > STATE_MAX
            sums.overflows[name] = sums.overflows.get(name, 0) + int(np.count_nonzero(cut))

    def _layer(self, index: int, sums: _Sums) -> LayerProfile:
        sends = index < 0 or self.network.layers[index].output == "spikes"
        neuron = self.network.neuron(index)
        shape = self.network.input.shape if index < 0 else self.network.layers[index].shape
        return LayerProfile(
            name="input neurons" if index < 0 else f"layer {index} ({self.network.layers[index].kind})",
            neurons=int(np.prod(shape)),
            spikes=sums.spikes,
            forward_operations=sums.forward,
            recurrent_operations=sums.recurrent,
            late_operations=sums.late,
            silent=int(np.count_nonzero(sums.fired == 0)) if sends else None,
            always=int(np.count_nonzero(sums.fired == self.samples * self.steps)) if sends else None,
            ranges=sums.ranges,
            overflow={} if neuron is None else neuron.OVERFLOW,
            overflows=sums.overflows,
            seconds=sums.seconds,
            engine=", ".join(sums.engines),
        )
