"""One step of one neuron, worked out from what was recorded before: which spikes arrive, what the equations make of them.

The neuron's own reference step and a plain sum over the synapses that reach it tell which of two runs that differ holds to the
equations.
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
from myelin.convert.synapses import connections, fan_in

#: By name of a state, (steps, neurons) of one sample.
Trace = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Arrival:
    """A spike that reaches the neuron in this step: from which source, by which weight and delay, with which value."""

    recurrent: bool
    source: int
    weight: int
    delay_steps: int
    value: int


@dataclass(frozen=True)
class NeuronStep:
    """What arrives at a neuron in a step, and what must come out.

    Attributes:
        arrivals: spikes that meet a weight other than zero.
        expected: summed input, states and spikes by the equations; None where the states before are unknown.
    """

    arrivals: tuple[Arrival, ...]
    expected: dict[str, int] | None


def neuron_step(network: Network, index: int, neuron: int, step: int, entered: npt.NDArray[Any], own: Trace) -> NeuronStep:
    """Work out step ``step`` of neuron ``neuron`` of layer ``index`` (-1: the input's neurons) from the steps before.

    Args:
        network: whose constants to use.
        index, neuron, step: which; the neuron by its flat index.
        entered: (steps, sources) what the population before gave.
        own: what the layer itself recorded: "spikes" and the states of its neurons; without these nothing is expected.
    """
    kind = network.neuron(index)
    assert kind is not None
    known = step == 0 or set(kind.STATES) <= own.keys()
    before = {name: own[name][step - 1, neuron] if step and known else 0 for name in kind.STATES}
    if index < 0:
        if not known:
            return NeuronStep((), None)
        source = network.input
        drive = kind.input_drive(input_values(source, entered[step].reshape(source.shape))).reshape(-1)[neuron]
        return NeuronStep((), _expected(kind.at(source.shape, neuron), before, 0, drive))
    layer = network.layers[index]
    arrivals: list[Arrival] = []
    total = 0
    for connection in connections(network, index):
        sent = own["spikes"] if connection.recurrent else entered
        reach = fan_in(connection, neuron)
        leaves = step - 1 - reach.delay_steps  # (sources,) step in which a spike must have left to arrive now
        value = np.where(leaves >= 0, sent[np.maximum(leaves, 0), np.arange(leaves.size)], 0).astype(np.int64)
        for source in np.flatnonzero((value != 0) & (reach.weight != 0)).tolist():
            one = (int(array[source]) for array in (reach.weight, reach.delay_steps, value))
            arrivals.append(Arrival(connection.recurrent, source, *one))
        for delay in np.unique(reach.delay_steps[value != 0]):
            part = signed(int((reach.weight * value)[reach.delay_steps == delay].sum()), reach.sum_bits or 32)
            total += int(part << reach.weight_exp if reach.weight_exp > 0 else part >> -reach.weight_exp)
    if not known:
        return NeuronStep(tuple(arrivals), None)
    drive = kind.drive(layer.shape)[neuron]
    return NeuronStep(tuple(arrivals), _expected(kind.at(layer.shape, neuron), before, int(signed(total, 32)), drive))


def _expected(neuron: Neuron, before: Mapping[str, Any], a: int, drive: Any) -> dict[str, int]:
    """What the reference step of a single neuron makes of its states, its summed input and its drive."""
    states, sent = neuron.step({name: np.asarray(value, np.int64) for name, value in before.items()}, np.asarray(a), drive)
    found: dict[str, Any] = {"a": a, **states, "spikes": sent}
    return {name: int(value) for name, value in found.items() if name in neuron.NAMES}
