"""CUBA neurons in the simulator, at the input and in layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401
from myelin.convert.arrays import IntArray, Shape
from myelin.convert.inputs import input_values
from myelin.convert.network import Input
from myelin.convert.neurons import Cuba
from myelin.convert.simulator.events import OPTIONS
from myelin.convert.simulator.fused import NONE, FusedPopulation, fused_stage, loops
from myelin.convert.simulator.plan import NO_PLAN
from myelin.convert.simulator.stage import Arrays, Choice, InputStage, Names, Spikes, StepNeurons
from myelin.convert.simulator.step_loops import CUBA, CUBA_INPUT
from myelin.hw_configs.fixed_point import CURRENT_WRAP, DECAY_UNITY, STATE_MAX, STATE_SHIFT

_LIMIT = np.int32(STATE_MAX)
_WRAP = np.int32(CURRENT_WRAP)
_TURN = np.int32(2 * CURRENT_WRAP)


@njit(inline="always", **OPTIONS)
def _step(current, drive, constants, states, emitted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One step of CUBA neurons; all arrays (neurons,).

    The product with (4096 - decay) / 4096 is exact in float64 (fewer than 53 bits).  Its conversion to an integer rounds
    toward zero, like Lava's ``sign(x) * (abs(x) >> 12)``.
    """
    keep_u, keep_v, threshold = constants
    u, v = states
    for i in range(current.size):
        c = np.int32(np.int32(u[i] * keep_u[i]) + (current[i] << STATE_SHIFT))
        if c > _WRAP:
            c = np.int32(c - _TURN)
        elif c <= -_WRAP:
            c = np.int32(c + _TURN)
        w = np.int32(np.int32(v[i] * keep_v[i]) + c + drive[i])
        w = min(max(w, -_LIMIT), _LIMIT)
        over = w > threshold
        u[i] = c
        v[i] = np.int32(0) if over else w
        emitted[i] = over


@njit(inline="always", **OPTIONS)
def _copies(rest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return rest[0].copy(), rest[1].copy()


_LOOPS = loops("cuba", _step, _copies)


@dataclass(frozen=True)
class CubaInputStage(InputStage):
    """The CUBA neurons of an input layer."""

    source: Input
    neuron: Cuba
    population: FusedPopulation

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """See ``Stage.run``; ``spikes`` are the input values."""
        values = input_values(self.source, spikes.reshape(*spikes.shape[:2], *self.source.shape))
        bias = self.neuron.input_drive(values).astype(np.int32).reshape(spikes.shape)
        result = self.population.empty(spikes.shape, wanted)
        self.population.run(None, NONE, (NO_PLAN, NO_PLAN), 1, bias, interval, phase, result)
        return result

    def step_neurons(self) -> StepNeurons:
        """See ``Stepped``; the drive is ``(weight * x + bias + bias_mant) << bias_exp``."""
        mantissa = np.broadcast_to(self.neuron.bias_mant, self.source.shape).reshape(-1) + np.int32(self.source.bias)
        values = {"gain": self.source.weight, "shift": self.neuron.bias_exp}
        single = self.population.single
        return StepNeurons(CUBA_INPUT, single.states, mantissa.astype(np.int32), single.floats, single.values | values)


def population(neuron: Cuba, shape: Shape, order: IntArray | None = None) -> FusedPopulation:
    """The prepared constants of neurons of ``shape``, stored in ``order`` (``myelin.convert.simulator.plan.Order``)."""

    def each(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        flat = np.broadcast_to(values, shape).reshape(-1)
        return np.ascontiguousarray(flat if order is None else flat[order])

    keep_u = (DECAY_UNITY - each(neuron.current_decay)) / DECAY_UNITY
    keep_v = (DECAY_UNITY - each(neuron.voltage_decay)) / DECAY_UNITY
    bias = (each(neuron.bias_mant) << neuron.bias_exp).astype(np.int32)
    threshold = np.int32(neuron.threshold << STATE_SHIFT)
    zero = np.zeros(bias.size, np.int32)
    single = StepNeurons(CUBA, Cuba.STATES, bias, np.stack((keep_u, keep_v)), {"threshold": int(threshold)})
    constants = (keep_u, keep_v, threshold)
    return FusedPopulation(Cuba.STATES, _LOOPS, constants, (zero, zero), bias.reshape(1, 1, -1), single, order)


def cuba_input_stage(source: Input, neuron: Cuba) -> CubaInputStage:
    """The prepared CUBA neurons of an input layer."""
    return CubaInputStage(source, neuron, population(neuron, source.shape))


#: A prepared layer of CUBA neurons with its incoming connections.
cuba_stage = fused_stage(population)
