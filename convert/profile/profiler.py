"""What a network does with an input: spikes, synaptic operations, ranges of its integers, and time, layer by layer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.compare.runs import INPUT, SPIKES
from myelin.convert.cuba_states import bias_of, current_before_wrap, voltage_before_limit
from myelin.convert.inputs import input_mantissa
from myelin.convert.network import Network
from myelin.convert.neurons import Cuba
from myelin.convert.recording import Passage
from myelin.convert.simulator.simulator import simulate
from myelin.convert.synapses import connections, fan_out
from myelin.hw_configs.fixed_point import CURRENT_WRAP, STATE_MAX

#: Every batch is timed for so long at least, in seconds, and once at least.
_TIMED_S = 0.3


@dataclass(frozen=True)
class Range:
    """Least and largest value that was taken."""

    low: int
    high: int

    @property
    def largest(self) -> int:
        """Largest magnitude."""
        return max(-self.low, self.high)

    @property
    def bits(self) -> int:
        """Bits of the narrowest signed integer that holds both ends."""
        return 1 + max((-self.low - 1).bit_length() if self.low < 0 else 0, max(self.high, 0).bit_length())

    @property
    def percent(self) -> float:
        """Largest magnitude as a share of 2^23, where 24 bit states end."""
        return 100 * self.largest / CURRENT_WRAP


@dataclass(frozen=True)
class LayerProfile:
    """One population; counts are over all samples and steps.

    Attributes:
        name: ``input``, ``input neurons`` or ``layer 1 (dense)``.
        neurons: how many there are.
        spikes: sent; a graded value counts as one.
        forward_operations, recurrent_operations: synapses with a nonzero weight that spikes met on their way in, from the
            population before and from itself.  A spike counts where it is sent, also when it arrives after the last step.
        silent, always: neurons that never send, and that send in every step of every sample; None for a readout of states.
        ranges: by name of what is recorded besides spikes.  Of CUBA neurons u is taken before it wraps, and v before it
            saturates and before a spike sets it to zero, so both may exceed 24 bit.
        wraps, saturations: how often u wrapped and v saturated; None where the neurons are of another kind.
        seconds: of all threads together while time was taken, without any recording; 0 for the input.
        engine: how the products were made.
    """

    name: str
    neurons: int
    spikes: int
    forward_operations: int = 0
    recurrent_operations: int = 0
    silent: int | None = None
    always: int | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    wraps: int | None = None
    saturations: int | None = None
    seconds: float = 0.0
    engine: str = ""

    @property
    def operations(self) -> int:
        """Forward and recurrent together."""
        return self.forward_operations + self.recurrent_operations


@dataclass(frozen=True)
class Profile:
    """Result of a profile.

    Attributes:
        samples, steps: of the input.
        layers: the input first.
        timed_samples: how many passed while time was taken; short inputs pass several times.
        seconds: that it took by the clock, all threads together.
    """

    samples: int
    steps: int
    layers: tuple[LayerProfile, ...]
    timed_samples: int
    seconds: float

    @property
    def operations(self) -> int:
        """Synaptic operations of all layers."""
        return sum(layer.operations for layer in self.layers)


def profile(network: Network, spikes: npt.ArrayLike, *, timed: bool = True) -> Profile:
    """Profile ``network`` on ``spikes`` (batch, steps, *input shape); see ``Profiler`` for more than fits in memory.

    Raises:
        DataError: the spikes do not fit the network.
    """
    profiler = Profiler(network, timed=timed)
    profiler.add(spikes)
    return profiler.result()


@dataclass
class _Sums:
    """What accumulates for one population."""

    spikes: int = 0
    forward: int = 0
    recurrent: int = 0
    fired: Any = 0  # (neurons,) in how many steps each has sent
    ranges: dict[str, Range] = field(default_factory=dict)
    wraps: int = 0
    saturations: int = 0
    seconds: float = 0.0
    engines: dict[str, None] = field(default_factory=dict)

    def widen(self, name: str, values: npt.NDArray[Any]) -> None:
        if values.size:
            low, high = int(values.min()), int(values.max())
            before = self.ranges.get(name, Range(low, high))
            self.ranges[name] = Range(min(low, before.low), max(high, before.high))


class Profiler:
    """Adds up a profile batch by batch.

    Every batch runs twice: once observed in all its states, once timed without, since handing out states takes time of its own;
    with ``timed=False`` only the first.
    """

    def __init__(self, network: Network, *, timed: bool = True) -> None:
        self.network, self.timed = network, timed
        self.samples = self.steps = self.timed_samples = 0
        self.seconds = 0.0
        indices = range(0 if network.input.neuron is None else -1, len(network.layers))
        self.sums = {index: _Sums() for index in indices}
        self.entered = _Sums()
        self.fan_outs = {
            index: {link.recurrent: fan_out(link) for link in connections(network, index)} for index in indices if index >= 0
        }

    def add(self, spikes: npt.ArrayLike) -> None:
        """Run ``spikes`` (batch, steps, *input shape), of as many steps as the batches before."""
        values = np.asarray(spikes)
        if self.timed and not self.samples:
            simulate(self.network, values[:1])  # loads the compiled loops, which would count as time otherwise
        names = tuple({name: None for index in self.sums for name in self._names(index)})
        simulate(self.network, values, observe=self._observe, observed=names)
        until = time.perf_counter() + _TIMED_S
        while self.timed:
            started = time.perf_counter()
            simulate(self.network, values, observe=self._time)
            self.seconds += time.perf_counter() - started
            self.timed_samples += values.shape[0]
            if time.perf_counter() >= until:
                break
        self.samples += values.shape[0]
        self.steps = values.shape[1]

    def result(self) -> Profile:
        """All batches together."""
        source = LayerProfile("input", int(np.prod(self.network.input.shape)), self.entered.spikes)
        layers = (source, *(self._layer(index, sums) for index, sums in self.sums.items()))
        return Profile(self.samples, self.steps, layers, self.timed_samples, self.seconds)

    def _names(self, index: int) -> tuple[str, ...]:
        neuron = self.network.neuron(index)
        return () if neuron is None else tuple(name for name in neuron.NAMES if name != SPIKES)

    def _time(self, passage: Passage) -> None:
        sums = self.sums[passage.layer]
        sums.seconds += passage.seconds
        sums.engines[passage.engine] = None

    def _observe(self, passage: Passage) -> None:
        index, sums, arrays = passage.layer, self.sums[passage.layer], passage.arrays
        if index == min(self.sums):
            self.entered.spikes += int(np.count_nonzero(passage.entered))
        sent = np.count_nonzero(arrays[SPIKES], axis=(0, 1))
        sums.fired = sums.fired + sent
        sums.spikes += int(sent.sum())
        if index >= 0:
            counts = np.count_nonzero(passage.entered, axis=(0, 1))
            sums.forward += int(counts @ self.fan_outs[index][False])
            if True in self.fan_outs[index]:
                sums.recurrent += int(sent @ self.fan_outs[index][True])
        neuron = self.network.neuron(index)
        if isinstance(neuron, Cuba):
            self._cuba(passage, neuron, sums)
        else:
            for name in self._names(index):
                sums.widen(name, arrays[name])

    def _cuba(self, passage: Passage, neuron: Cuba, sums: _Sums) -> None:
        a, u, v = (passage.arrays[name] for name in (INPUT, "u", "v"))
        if passage.layer < 0:
            source = self.network.input
            shape = source.shape
            mantissa = input_mantissa(source, passage.entered.reshape(*passage.entered.shape[:2], *shape))
            bias = (mantissa << neuron.bias_exp).reshape(passage.entered.shape)
        else:
            shape = self.network.layers[passage.layer].shape
            bias = bias_of(neuron, shape)
        current, voltage = current_before_wrap(a, u, neuron, shape), voltage_before_limit(u, v, bias, neuron, shape)
        for name, array in ((INPUT, a), ("u", current), ("v", voltage)):
            sums.widen(name, array)
        sums.wraps += int(np.count_nonzero(current != u))
        sums.saturations += int(np.count_nonzero(np.abs(voltage) > STATE_MAX))

    def _layer(self, index: int, sums: _Sums) -> LayerProfile:
        sends = index < 0 or self.network.layers[index].output == "spikes"
        cuba = isinstance(self.network.neuron(index), Cuba)
        shape = self.network.input.shape if index < 0 else self.network.layers[index].shape
        return LayerProfile(
            name="input neurons" if index < 0 else f"layer {index} ({self.network.layers[index].kind})",
            neurons=int(np.prod(shape)),
            spikes=sums.spikes,
            forward_operations=sums.forward,
            recurrent_operations=sums.recurrent,
            silent=int(np.count_nonzero(sums.fired == 0)) if sends else None,
            always=int(np.count_nonzero(sums.fired == self.samples * self.steps)) if sends else None,
            ranges=sums.ranges,
            wraps=sums.wraps if cuba else None,
            saturations=sums.saturations if cuba else None,
            seconds=sums.seconds,
            engine=", ".join(sums.engines),
        )
