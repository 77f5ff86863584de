"""Conversion of the neurons of a NIR graph to constants per time step.

With the equations of ``myelin.convert.nir.format`` and the voltage measured from ``v_reset``, its initial value::

    current_decay = dt / tau_syn       1 for LIF, LI, IF and I, which have no synapse filter
    voltage_decay = dt / tau_mem       0 for IF and I, whose voltage is v <- v + dt r x
    gain          = w_in current_decay r voltage_decay        added to u, and so to the voltage, per unit of input
    bias          = voltage_decay (v_leak - v_reset)
    threshold     = v_threshold - v_reset

Writers with other equations have other decays and gains: ``myelin.convert.nir.conventions``.  A Threshold, which has no state,
is a neuron whose current and voltage decay fully in each step.

If thresholds differ between neurons, each neuron's voltage is scaled so that all have the same threshold; gain and bias are
multiplied by the same factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatArray
from myelin.convert.nir.conventions import LEAKY
from myelin.convert.nir.graph import NirGraph, Node
from myelin.convert.nir.timing import TimeStep, hint
from myelin.hw_configs.errors import NetworkError

SPIKING = ("CubaLIF", "LIF", "IF", "Threshold")
#: Types of nodes that are a layer.
NEURONS = (*SPIKING, "CubaLI", "LI", "I")

#: Upper bound on the error of a product equal to 1 after four roundings to float32.
_FLOAT32 = 5e-7


@dataclass(frozen=True, eq=False)
class Constants:
    """Constants of a population of a graph; arrays are () or of its shape, ``threshold`` is None if it never spikes."""

    current_decay: FloatArray
    voltage_decay: FloatArray
    gain: FloatArray
    bias: FloatArray
    threshold: float | None


def neuron_constants(graph: NirGraph, name: str, shape: Shape, step: TimeStep) -> Constants:
    """The constants of node ``name``, whose population has ``shape``; NetworkError if its parameters are not supported."""
    kind = graph.nodes[name].kind
    node = Node(kind, _parameters(graph.nodes[name], shape))
    if kind == "Threshold":
        one = np.ones(())
        return _scaled(one, one, one, np.zeros(()), node.fields["threshold"])
    _check_times(graph, node, step)
    current, voltage, gain = step.convention.shares(node, step.dt_s)
    current, voltage = np.minimum(current, 1.0), np.minimum(voltage, 1.0)
    gain = np.where(np.abs(gain - 1) < _FLOAT32, 1.0, gain)  # reciprocals in a float32 file cancel except for the last bits
    leak = node.fields["v_leak"] if kind in LEAKY else np.zeros(())
    if kind not in SPIKING:
        return Constants(current, voltage, gain, voltage * leak, None)
    reset = node.fields["v_reset"]
    bias = np.zeros(()) if kind == "IF" else voltage * (leak - reset)
    return _scaled(current, voltage, gain, bias, node.fields["v_threshold"] - reset)


def _scaled(current: FloatArray, voltage: FloatArray, gain: FloatArray, bias: FloatArray, threshold: FloatArray) -> Constants:
    """Constants with one threshold for all neurons."""
    if threshold.min() < 0:
        raise NetworkError(
            "v_threshold lies below v_reset (of a Threshold: threshold below 0), so its neurons would never rest"
        )
    common = float(threshold.max())
    if np.all(threshold == common):
        return Constants(current, voltage, gain, bias, common)
    if threshold.min() == 0:
        raise NetworkError("some thresholds are v_reset itself and some are not; one for all is supported")
    return Constants(current, voltage, gain * common / threshold, bias * common / threshold, common)


def _parameters(node: Node, shape: Shape) -> dict[str, FloatArray]:
    """Every parameter: () if all values are equal, else of the population's shape."""
    found = {}
    for key, value in node.fields.items():
        if key.endswith("_type") or value is None:
            continue
        values = np.asarray(value, np.float64)
        if values.size not in (1, int(np.prod(shape))):
            raise NetworkError(f"{key} has shape {values.shape}, what reaches it has shape {shape}")
        first = values.reshape(-1)[0]
        found[key] = first.reshape(()) if np.all(values == first) else values.reshape(shape)
    return found


def _check_times(graph: NirGraph, node: Node, step: TimeStep) -> None:
    """Raise NetworkError if a time constant is not positive, or shorter than a step."""
    for key in ("tau_syn", "tau_mem", "tau"):
        if key not in node.fields:
            continue
        shortest = float(node.fields[key].min())
        if shortest <= 0 or step.dt_s / shortest > 1 + 1e-5:
            raise NetworkError(
                f"{key} is {shortest * 1e3:g} ms at its shortest, and a step {step.dt_s * 1e3:g} ms; no shorter than a step is "
                f"supported: give a shorter step with dt_ms= (--dt-ms){hint(graph, step.dt_s)}"
            )
