"""One step of one neuron, worked out from what was recorded before: which spikes arrive, what the equations make of them.

It is a second, plain writing of ``myelin.convert.neurons.cuba`` and ``myelin.convert.layers``, for a single neuron; it tells
which of two runs that differ holds to the equations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myelin.convert.cuba_states import bias_of, decayed, each, signed
from myelin.convert.inputs import input_mantissa
from myelin.convert.network import Network
from myelin.convert.neurons import Cuba
from myelin.convert.synapses import connections, fan_in
from myelin.hw_configs.fixed_point import CONV_SUM_BITS, CURRENT_WRAP, STATE_MAX, STATE_SHIFT

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
        expected: a, u, v and spikes by the equations; None where the neuron is not of the CUBA kind or its states are unknown.
    """

    arrivals: tuple[Arrival, ...]
    expected: dict[str, int] | None


def neuron_step(network: Network, index: int, neuron: int, step: int, entered: npt.NDArray[Any], own: Trace) -> NeuronStep:
    """Work out step ``step`` of neuron ``neuron`` of layer ``index`` (-1: the input's neurons) from the steps before.

    Args:
        network: whose constants to use.
        index, neuron, step: which; the neuron by its flat index.
        entered: (steps, sources) what the population before gave.
        own: what the layer itself recorded: "spikes", and "u" and "v" of CUBA neurons; without these nothing is expected.
    """
    known = step == 0 or {"u", "v"} <= own.keys()
    u, v = (int(own[name][step - 1, neuron]) if step and name in own else 0 for name in ("u", "v"))
    if index < 0:
        driven = network.input.neuron
        if not isinstance(driven, Cuba) or not known:
            return NeuronStep((), None)
        mantissa = input_mantissa(network.input, entered[step].reshape(network.input.shape)).reshape(-1)[neuron]
        bias = int(mantissa) << driven.bias_exp
        return NeuronStep((), _cuba_step(driven, network.input.shape, neuron, 0, u, v, bias))
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
            part = signed(int((reach.weight * value)[reach.delay_steps == delay].sum()), CONV_SUM_BITS if reach.wraps else 32)
            total += int(part << reach.weight_exp if reach.weight_exp > 0 else part >> -reach.weight_exp)
    if not isinstance(layer.neuron, Cuba) or not known:
        return NeuronStep(tuple(arrivals), None)
    bias = int(bias_of(layer.neuron, layer.shape)[neuron])
    return NeuronStep(tuple(arrivals), _cuba_step(layer.neuron, layer.shape, neuron, int(signed(total, 32)), u, v, bias))


def _cuba_step(cuba: Cuba, shape: tuple[int, ...], neuron: int, a: int, u: int, v: int, bias: int) -> dict[str, int]:
    """The equations of ``myelin.convert.neurons.cuba``, in sums of 32 bit that wrap."""
    u = int(signed(decayed(u, each(cuba.current_decay, shape)[neuron]) + signed(a << STATE_SHIFT, 32), 32))
    if u > CURRENT_WRAP:
        u -= 2 * CURRENT_WRAP
    elif u <= -CURRENT_WRAP:
        u += 2 * CURRENT_WRAP
    v = int(signed(decayed(v, each(cuba.voltage_decay, shape)[neuron]) + u + bias, 32))
    v = min(max(v, -STATE_MAX), STATE_MAX)
    spike = v > cuba.threshold << STATE_SHIFT
    return {"a": a, "u": u, "v": 0 if spike else v, "spikes": int(spike)}
