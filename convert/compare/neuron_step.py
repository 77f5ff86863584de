"""Reference computation of one step of one neuron from the recorded previous steps: spikes that arrive, and the result.

It uses the neuron's own reference step and a plain sum over its synapses.  If two runs differ, it shows which of them follows
the equations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.arrays import signed
from myelin.convert.inputs import input_values
from myelin.convert.network import Network
from myelin.convert.neurons import Neuron
from myelin.convert.synapses import connections, fan_in, parts_of

#: Recorded arrays by name, (steps, neurons) of one sample.
Trace = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Arrival:
    """A spike that reaches the neuron in this step: its source, weight, delay and value.

    ``part`` is "real " or "imag " for a spike through one part of complex weights, else empty.
    """

    part: str
    recurrent: bool
    source: int
    weight: int
    delay_steps: int
    value: int


@dataclass(frozen=True)
class NeuronStep:
    """Input of a neuron in one step, and the result of its equations.

    Attributes:
        arrivals: spikes that arrive through a nonzero weight.
        expected: summed input, states and spikes by the equations; None if the previous states are unknown.
    """

    arrivals: tuple[Arrival, ...]
    expected: dict[str, int] | None


def neuron_step(network: Network, index: int, neuron: int, step: int, entered: npt.NDArray[Any], own: Trace) -> NeuronStep:
    """Compute step ``step`` of neuron ``neuron`` of layer ``index`` (-1: the input's neurons) from the previous steps.

    Args:
        network: network with the constants.
        index, neuron, step: the layer, the flat index of the neuron, the step.
        entered: (steps, sources) output of the previous population.
        own: recorded arrays of the layer: "spikes" and the states of its neurons; without the states ``expected`` is None
            unless ``step`` is 0.
    """
    kind = network.neuron(index)
    assert kind is not None
    known = step == 0 or set(kind.STATES) <= own.keys()
    before: dict[str, Any] = (
        kind.rest(()) if not step or not known else {name: own[name][step - 1, neuron] for name in kind.STATES}
    )
    if index < 0:
        if not known:
            return NeuronStep((), None)
        source = network.input
        drive = kind.input_drive(input_values(source, entered[step].reshape(source.shape))).reshape(-1)[neuron]
        return NeuronStep((), _expected(kind.at(source.shape, neuron), before, [0], drive))
    layer = network.layers[index]
    arrivals: list[Arrival] = []
    totals = dict.fromkeys(kind.INPUTS, 0)
    pieces = [
        (name, part, connection)
        for whole in connections(network, index)
        for name, (part, connection) in zip(kind.INPUTS, parts_of(whole))
    ]
    for name, part, connection in pieces:
        sent = own["spikes"] if connection.recurrent else entered
        reach = fan_in(connection, neuron)
        leaves = step - 1 - reach.delay_steps  # (sources,) step in which a spike must have left to arrive now
        value = np.where(leaves >= 0, sent[np.maximum(leaves, 0), np.arange(leaves.size)], 0).astype(np.int64)
        for source in np.flatnonzero((value != 0) & (reach.weight != 0)).tolist():
            one = (int(array[source]) for array in (reach.weight, reach.delay_steps, value))
            arrivals.append(Arrival(part, connection.recurrent, source, *one))
        for delay in np.unique(reach.delay_steps[value != 0]):
            due = signed(int((reach.weight * value)[reach.delay_steps == delay].sum()), reach.sum_bits or 32)
            totals[name] += int(due << reach.weight_exp if reach.weight_exp > 0 else due >> -reach.weight_exp)
    if not known:
        return NeuronStep(tuple(arrivals), None)
    drive = kind.drive(layer.shape)[neuron]
    summed = [int(signed(total, 32)) for total in totals.values()]
    return NeuronStep(tuple(arrivals), _expected(kind.at(layer.shape, neuron), before, summed, drive))


def _expected(neuron: Neuron, before: Mapping[str, Any], summed: list[int], drive: Any) -> dict[str, int]:
    """Result of a single neuron's reference step for its states, its summed inputs and its drive."""
    a = np.asarray(summed if len(summed) > 1 else summed[0])
    states, sent = neuron.step({name: np.asarray(value, np.int64) for name, value in before.items()}, a, drive)
    found: dict[str, Any] = {**dict(zip(neuron.INPUTS, summed)), **states, "spikes": sent}
    return {name: int(value) for name, value in found.items() if name in neuron.NAMES}
