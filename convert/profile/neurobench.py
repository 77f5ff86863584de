"""NeuroBench's complexity metrics of an integer network, counted exactly with recurrence, delays and graded messages."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.axes import TimeAxis
from myelin.convert.compare.runs import SPIKES
from myelin.convert.network import Network
from myelin.convert.neurons import Neuron
from myelin.convert.opened import Source, opened_source
from myelin.convert.recording import Passage
from myelin.convert.simulator.simulator import simulate
from myelin.convert.stimulus import Inputs, Stimulus, stimulus_of
from myelin.convert.synapses import Connection, connections, fan_out
from myelin.hw_configs.argument_checks import path_or_none
from myelin.hw_configs.files import write_json

#: Samples that are binned at a time.
BATCH = 256
#: Bytes of a state in the simulator, in Lava and on the chip.
STATE_BYTES = 4


def neurobench(
    network: Source,
    *,
    inputs: Inputs | Stimulus = None,
    time_axis: TimeAxis | None = None,
    dt_ms: float | None = None,
    out: str | os.PathLike[str] | None = None,
) -> dict[str, Any]:
    """NeuroBench's metrics by their names there, as its ``Benchmark.run`` returns them.

    * ``Footprint``: bytes of the integers and of what a running sample needs, see ``footprint``.
    * ``ParameterCount``: weights, delays and constants of the neurons, as many as are stored.
    * ``ConnectionSparsity``: zeros among the stored weights, forward and recurrent; a kernel counts once.
    * ``ActivationSparsity`` and ``ActivationSparsityByLayer``: 1 - spikes / (neurons x steps x samples) of all populations that
      send; a readout of states sends nothing.
    * ``SynapticOperations`` per sample: ``Dense`` is the number of products if every weight and every value were nonzero,
      ``Effective_ACs`` and ``Effective_MACs`` that of nonzero weights with nonzero values.  As NeuroBench does for one sample
      at a time, the values of one step count as accumulates if all are in -1, 0, 1, else as multiplications.  A spike counts
      where it is sent, whatever its delay.
    * ``MembraneUpdates`` per sample: how often a neuron's ``v`` differs from the step before; the first step counts for every
      neuron.  Of neurons without ``v`` any change of state counts.

    Args:
        network, inputs, time_axis, dt_ms: as of ``myelin.profile``.
        out: a JSON file to write, in the form of NeuroBench's ``save_benchmark_results``; None for none.

    Raises:
        NetworkError: the network cannot be read.
        DataError: the inputs cannot be used.
        ConfigError: the file cannot be written.

    Source: the definitions of Yik et al., "The NeuroBench framework for benchmarking neuromorphic computing algorithms and
    systems", Nature Communications 16 (2025), as the package neurobench 2.3 counts them.
    """
    file = path_or_none("out", out)
    opened = opened_source(network, dt_ms=dt_ms)
    stimulus = inputs if isinstance(inputs, Stimulus) else stimulus_of([opened], inputs, time_axis=time_axis)
    counter = Counter(opened.network)
    for _, frames in stimulus.batches(BATCH):
        counter.add(frames)
    found = counter.result()
    if file is not None:
        write_json(file, found)
    return found


class Counter:
    """Counts batch by batch."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.samples = self.steps = self.accumulates = self.multiplications = 0
        self.first = 0 if network.input.neuron is None else -1
        self.sent = dict.fromkeys(range(self.first, len(network.layers)), 0)
        self.updates = 0
        self.links = [link for index in range(len(network.layers)) for link in connections(network, index)]
        self.outgoing = {index: _fan_out(network, index) for index in range(-1, len(network.layers))}

    def add(self, spikes: npt.ArrayLike) -> None:
        """Run ``spikes`` (batch, steps, *input shape); every batch must have the same number of steps."""
        values = np.asarray(spikes)
        neurons = (self.network.neuron(index) for index in self.sent)
        states = {name: None for neuron in neurons if neuron is not None for name in _membrane(neuron)}
        simulate(self.network, values, observe=self._observe, observed=tuple(states))
        self.samples += values.shape[0]
        self.steps = values.shape[1]

    def _observe(self, passage: Passage) -> None:
        index, sent = passage.layer, passage.arrays[SPIKES]
        if index == 0 and self.first == 0:
            self._operations(-1, passage.entered)
        if self._sends(index):
            self.sent[index] += int(np.count_nonzero(sent))
            self._operations(index, sent)
        neuron = self.network.neuron(index)
        if neuron is not None:
            arrays = [passage.arrays[name] for name in _membrane(neuron)]
            changed = np.logical_or.reduce([array[:, 1:] != array[:, :-1] for array in arrays])
            self.updates += int(np.count_nonzero(changed)) + arrays[0][:, 0].size

    def _operations(self, index: int, sent: npt.NDArray[Any]) -> None:
        """Add the products of the values (samples, steps, neurons) that population ``index`` sends."""
        products = np.count_nonzero(sent, axis=(0, 1)) @ self.outgoing[index]
        plain = (np.abs(sent) <= 1).all(axis=2)
        accumulates = products if plain.all() else np.count_nonzero(sent[plain], axis=0) @ self.outgoing[index]
        self.accumulates += int(accumulates)
        self.multiplications += int(products - accumulates)

    def _sends(self, index: int) -> bool:
        return index < 0 or self.network.layers[index].output == "spikes"

    def result(self) -> dict[str, Any]:
        """The metrics over all batches."""
        sizes = {index: _size(self.network, index) * self.samples * self.steps for index in self.sent if self._sends(index)}
        weights = [link.synapse.weight for link in self.links]
        zeros, size = sum(int(np.count_nonzero(weight == 0)) for weight in weights), sum(weight.size for weight in weights)
        all_sent, all_values = sum(self.sent[index] for index in sizes), sum(sizes.values())
        return {
            "Footprint": footprint(self.network, self.steps)["bytes"],
            "ParameterCount": sum(array.size for _, array in _parameters(self.network)),
            "ConnectionSparsity": round(zeros / size, 4) if size else 0.0,
            "ActivationSparsity": (all_values - all_sent) / all_values if all_values else 0.0,
            "ActivationSparsityByLayer": {
                _name(self.network, index): (count - self.sent[index]) / count for index, count in sizes.items()
            },
            "SynapticOperations": {
                "Effective_MACs": self.multiplications / self.samples,
                "Effective_ACs": self.accumulates / self.samples,
                "Dense": self.steps * sum(_products(link) for link in self.links),
            },
            "MembraneUpdates": self.updates / self.samples,
        }


def footprint(network: Network, steps: int) -> Mapping[str, int]:
    """Bytes of the network: ``weights``, ``delays``, ``constants``, ``states``, ``rings``, and their sum ``bytes``.

    Every stored array takes the narrowest of 1, 2 or 4 bytes a value that holds it; weights that are all even are halved first,
    as the chip stores them.  A state takes 4 bytes; a ring holds one bit for each neuron and step of its longest delay, or 4
    bytes if its spikes are graded.  ``steps`` bounds the rings: a longer delay never arrives.
    """
    found = {"weights": 0, "delays": 0, "constants": 0, "states": 0, "rings": 0}
    for kind, array in _parameters(network):
        found[kind] += array.size * _width(array // 2 if kind == "weights" and not (array & 1).any() else array)
    for index in range(-1, len(network.layers)):
        size, neuron = _size(network, index), network.neuron(index)
        found["states"] += 0 if neuron is None else STATE_BYTES * size * len(neuron.STATES)
        longest = min(steps, _longest_delay(network, index))
        graded = network.input.message_bits > 0 if neuron is None else neuron.GRADED
        found["rings"] += size * longest * STATE_BYTES if graded else -(-size * longest // 8)
    return {**found, "bytes": sum(found.values())}


def _longest_delay(network: Network, index: int) -> int:
    """Longest delay of a spike of population ``index``, axonal and synaptic together."""
    leaving = list(_leaving(network, index))
    synaptic = [0 if link.synapse.delay_steps is None else int(link.synapse.delay_steps.max(initial=0)) for link in leaving]
    axonal = [int(np.max(link.axonal, initial=0)) for link in leaving]
    return max((one + other for one, other in zip(axonal, synaptic, strict=True)), default=0)


def _parameters(network: Network) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield the stored arrays of the network, each with ``weights``, ``delays`` or ``constants``."""
    for index in range(len(network.layers)):
        for link in connections(network, index):
            for part in link.synapse.parts:
                yield "weights", np.asarray(part.weight)
                if part.delay_steps is not None:
                    yield "delays", part.delay_steps
        layer = network.layers[index]
        for delays in (layer.delay_steps, None if layer.recurrent is None else layer.recurrent.delay_steps):
            if delays is not None and np.any(delays):
                yield "delays", np.asarray(delays)
    for index in range(-1, len(network.layers)):
        neuron = network.neuron(index)
        for constant in () if neuron is None else neuron.CONSTANTS:
            yield "constants", np.asarray(getattr(neuron, constant.name))


def _width(array: npt.NDArray[Any]) -> int:
    """Bytes of the narrowest integer type that holds every value."""
    low, high = (int(array.min()), int(array.max())) if array.size else (0, 0)
    return int(np.promote_types(np.min_scalar_type(low), np.min_scalar_type(high)).itemsize)


def _leaving(network: Network, index: int) -> Iterator[Connection]:
    """Yield the connections whose spikes population ``index`` sends: to the next layer, and to itself."""
    if index + 1 < len(network.layers):
        yield from (link for link in connections(network, index + 1) if not link.recurrent)
    if index >= 0:
        yield from (link for link in connections(network, index) if link.recurrent)


def _fan_out(network: Network, index: int) -> npt.NDArray[np.int64]:
    """(neurons,) number of nonzero weights that a spike of each neuron of population ``index`` meets."""
    total = np.zeros(_size(network, index), np.int64)
    for link in _leaving(network, index):
        total += fan_out(link)
    return total


def _products(link: Connection) -> int:
    """Products of a step in which every weight and every value is nonzero."""
    ones = dataclasses.replace(link.synapse, weight=np.ones_like(link.synapse.weight))  # type: ignore[type-var]
    return int(fan_out(link._replace(synapse=ones)).sum())


def _membrane(neuron: Neuron) -> tuple[str, ...]:
    """The states whose change is an update of the membrane."""
    return ("v",) if "v" in neuron.STATES else neuron.STATES


def _size(network: Network, index: int) -> int:
    return int(np.prod(network.input.shape if index < 0 else network.layers[index].shape))


def _name(network: Network, index: int) -> str:
    return "input neurons" if index < 0 else f"layer {index} ({network.layers[index].kind})"
