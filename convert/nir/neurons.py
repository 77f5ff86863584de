"""Conversion of the neurons of a NIR graph to constants per time step.

With the equations of ``myelin.convert.nir.format`` and the voltage measured from ``v_reset``, its initial value::

    current_decay = dt / tau_syn       1 for LIF, LI and IF, which have no synapse filter
    voltage_decay = dt / tau_mem       0 for IF, whose voltage is v <- v + dt r x
    gain          = w_in current_decay r voltage_decay        added to u, and so to the voltage, per unit of input
    bias          = voltage_decay (v_leak - v_reset)
    threshold     = v_threshold - v_reset

If thresholds differ between neurons, each neuron's voltage is scaled so that all have the same threshold; gain and bias are
multiplied by the same factor.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myelin.convert.arrays import Shape
from myelin.convert.floats.network import FloatArray
from myelin.convert.nir.graph import NirGraph
from myelin.hw_configs.errors import NetworkError

SPIKING = ("CubaLIF", "LIF", "IF")
#: Types of nodes with a state; each such node is a layer.
NEURONS = (*SPIKING, "CubaLI", "LI")

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


def neuron_constants(graph: NirGraph, name: str, shape: Shape, dt_s: float) -> Constants:
    """The constants of node ``name``, whose population has ``shape``; NetworkError if its parameters are not supported."""
    reader = _Parameters(graph, name, shape)
    kind = graph.nodes[name].kind
    one = np.ones(())
    current = reader.decay("tau_syn", dt_s) if kind.startswith("Cuba") else one
    w_in = reader.values("w_in") if kind.startswith("Cuba") else one
    if kind == "IF":
        voltage, gain, leak = np.zeros(()), dt_s * reader.values("r"), np.zeros(())
    else:
        voltage = reader.decay("tau_mem" if kind.startswith("Cuba") else "tau", dt_s)
        gain, leak = voltage * reader.values("r"), reader.values("v_leak")
    gain = gain * current * w_in
    gain = np.where(np.abs(gain - 1) < _FLOAT32, 1.0, gain)  # reciprocals in a float32 file cancel except for the last bits
    if kind not in SPIKING:
        return Constants(current, voltage, gain, voltage * leak, None)
    reset = reader.values("v_reset")
    bias = np.zeros(()) if kind == "IF" else voltage * (leak - reset)
    threshold = reader.values("v_threshold") - reset
    if threshold.min() < 0:
        raise NetworkError("v_threshold lies below v_reset, so its neurons would never rest")
    common = float(threshold.max())
    if np.all(threshold == common):
        return Constants(current, voltage, gain, bias, common)
    if threshold.min() == 0:
        raise NetworkError("some thresholds are v_reset itself and some are not; one for all is supported")
    return Constants(current, voltage, gain * common / threshold, bias * common / threshold, common)


class _Parameters:
    """Parameters of one node, each for the whole population or one per neuron."""

    def __init__(self, graph: NirGraph, name: str, shape: Shape) -> None:
        self.fields = graph.nodes[name].fields
        self.shape = shape

    def values(self, key: str) -> FloatArray:
        """One parameter: () if all values are equal, else of the population's shape."""
        values = np.asarray(self.fields[key], np.float64)
        if values.size not in (1, int(np.prod(self.shape))):
            raise NetworkError(f"{key} has shape {values.shape}, what reaches it has shape {self.shape}")
        first = values.reshape(-1)[0]
        return first.reshape(()) if np.all(values == first) else values.reshape(self.shape)

    def decay(self, key: str, dt_s: float) -> FloatArray:
        """Fraction of the state lost per step, ``dt / tau``, at most 1; NetworkError if the time constant is below a step."""
        tau = self.values(key)
        if tau.min() <= 0 or dt_s / tau.min() > 1 + 1e-6:
            raise NetworkError(
                f"{key} is {tau.min() * 1e3:g} ms at its shortest, and a step {dt_s * 1e3:g} ms; no shorter than a "
                "step is supported: give a shorter step (--dt-ms)"
            )
        return np.minimum(dt_s / tau, 1.0)
