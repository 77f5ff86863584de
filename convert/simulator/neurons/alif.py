"""ALIF neurons in the simulator."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401
from myelin.convert.arrays import IntArray, Shape
from myelin.convert.neurons import Alif
from myelin.convert.simulator.events import OPTIONS
from myelin.convert.simulator.fused import FusedPopulation, fused_stage, loops
from myelin.convert.simulator.stage import StepNeurons
from myelin.convert.simulator.step_loops import OTHER
from myelin.hw_configs.fixed_point import CURRENT_WRAP, DECAY_UNITY, STATE_MAX, STATE_SHIFT

_LIMIT = np.int32(STATE_MAX)
_WRAP = np.int32(CURRENT_WRAP)
_TURN = np.int32(2 * CURRENT_WRAP)


@njit(inline="always", **OPTIONS)
def _step(current, drive, constants, states, emitted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One step of ALIF neurons; all arrays (neurons,).  For the products see the step of CUBA neurons."""
    keep_i, keep_v, keep_theta, keep_r, base, rise = constants
    i_state, v_state, theta_state, r_state = states
    for n in range(current.size):
        i = np.int32(np.int32(i_state[n] * keep_i[n]) + (current[n] << STATE_SHIFT))
        if i > _WRAP:
            i = np.int32(i - _TURN)
        elif i <= -_WRAP:
            i = np.int32(i + _TURN)
        v = np.int32(np.int32(v_state[n] * keep_v[n]) + i + drive[n])
        v = min(max(v, -_LIMIT), _LIMIT)
        theta = np.int32(np.int32(np.int32(theta_state[n] - base) * keep_theta[n]) + base)
        r = np.int32(r_state[n] * keep_r[n])
        over = np.int32(v - r) >= theta
        i_state[n] = i
        v_state[n] = v
        theta_state[n] = np.int32(theta + rise) if over else theta
        r_state[n] = np.int32(r + np.int32(2 * theta)) if over else r
        emitted[n] = over


@njit(inline="always", **OPTIONS)
def _copies(rest):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return rest[0].copy(), rest[1].copy(), rest[2].copy(), rest[3].copy()


_LOOPS = loops("alif", _step, _copies)


@njit(**OPTIONS)
def _single(row, own, sums, drive, spikes, floats, integers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One step of a stream, see ``StepNeurons.step``."""
    size, place = own.neurons, own.floats
    states = (
        row[own.states : own.states + size],
        row[own.states + size : own.states + 2 * size],
        row[own.states + 2 * size : own.states + 3 * size],
        row[own.states + 3 * size : own.states + 4 * size],
    )
    constants = (
        floats[place : place + size],
        floats[place + size : place + 2 * size],
        floats[place + 2 * size : place + 3 * size],
        floats[place + 3 * size : place + 4 * size],
        integers[own.integers + size],
        integers[own.integers + size + 1],
    )
    _step(sums, drive, constants, states, spikes)


def population(neuron: Alif, shape: Shape, order: IntArray | None = None) -> FusedPopulation:
    """The prepared constants of neurons of ``shape``, stored in ``order`` (``myelin.convert.simulator.plan.Order``)."""
    flat = neuron.flattened(shape, order)

    def kept(decay: IntArray) -> npt.NDArray[Any]:
        return np.ascontiguousarray((DECAY_UNITY - decay) / DECAY_UNITY)

    keeps = [kept(flat.current_decay), kept(flat.voltage_decay), kept(flat.threshold_decay), kept(flat.refractory_decay)]
    drive = (flat.bias_mant << flat.bias_exp).astype(np.int32)
    base, rise = np.int32(neuron.threshold << STATE_SHIFT), np.int32(neuron.threshold_step << STATE_SHIFT)
    rest = tuple(values.astype(np.int32) for values in neuron.rest((drive.size,)).values())
    single = StepNeurons(OTHER, Alif.STATES, drive, np.stack(keeps), step=_single, numbers=(int(base), int(rise)), rest=rest)
    return FusedPopulation(Alif.STATES, _LOOPS, (*keeps, base, rise), rest, drive.reshape(1, 1, -1), single, order)


#: A prepared layer of ALIF neurons with its incoming connections.
alif_stage = fused_stage(population)
