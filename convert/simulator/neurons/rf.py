"""Layers of resonate-and-fire neurons in the simulator: spikes through two sets of weights, and the neurons through time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

import myelin.hw_configs.compiling.compiled_cache  # noqa: F401
from myelin.convert.arrays import IntArray
from myelin.convert.network import Layer
from myelin.convert.neurons import Rf, RfIz
from myelin.convert.simulator.events import OPTIONS
from myelin.convert.simulator.stage import (
    Arrays,
    Choice,
    Names,
    PreparedConnection,
    Spikes,
    States,
    StepNeurons,
    measured_density,
)
from myelin.convert.simulator.step_loops import OTHER
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_MAX, STATE_SHIFT

_LIMIT = np.int32(STATE_MAX)
_DRIVE_LIMIT = np.int32(1 << 30)
_NOTHING = np.zeros((0, 0, 0), np.int32)


@njit(inline="always", **OPTIONS)
def _step(a_real, a_imag, sine, cosine, threshold, resets, real, imag, fired):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One step of resonate-and-fire neurons; all arrays (neurons,), the last three are written.

    The product with a decay / 4096 is exact in float64 (fewer than 53 bits); its conversion to an integer rounds toward zero.
    An input that is cut to ``_DRIVE_LIMIT`` saturates the state all the same: the rotated state is below 2^25.
    """
    for i in range(real.size):
        x, y = np.float64(real[i]), np.float64(imag[i])
        p = min(max(np.int32(a_real[i] << STATE_SHIFT), -_DRIVE_LIMIT), _DRIVE_LIMIT)
        q = min(max(np.int32(a_imag[i] << STATE_SHIFT), -_DRIVE_LIMIT), _DRIVE_LIMIT)
        p = np.int32(np.int32(x * cosine[i]) - np.int32(y * sine[i]) + p)
        q = np.int32(np.int32(x * sine[i]) + np.int32(y * cosine[i]) + q)
        p = min(max(p, -_LIMIT), _LIMIT)
        q = min(max(q, -_LIMIT), _LIMIT)
        if resets:
            over = q >= threshold
            real[i] = np.int32(0) if over else p
            imag[i] = np.int32(threshold - 1) if over else q
        else:
            over = (p >= threshold) & (q >= 0) & (imag[i] < 0)
            real[i] = p
            imag[i] = q
        fired[i] = over


@njit(**OPTIONS)
def resonate(currents, sine, cosine, threshold, resets, interval, phase, emitted, records):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Run resonate-and-fire neurons from rest; for the equations see ``myelin.convert.neurons.rf``.

    Args:
        currents: two (batch, steps, neurons) int32, the summed synaptic inputs of the real and of the imaginary part.
        sine, cosine: (neurons,) float64, sin_decay / 4096 and cos_decay / 4096.
        threshold: vThMant << 6, int32.
        resets: whether a spike resets the state (RfIz); if not, spikes come at a phase (Rf).
        interval, phase: the states become 0 before the step at index t if interval > 0 and (t + 1 - phase) % interval == 0.
        emitted: (batch, steps, neurons) uint8, written.
        records: of real and imag, (batch, steps, neurons) int32, written; or of size 0.
    """
    batch, steps, neurons = emitted.shape
    # the compiler knows that arrays created here do not overlap, and vectorises the loop
    real, imag, fired = np.zeros(neurons, np.int32), np.zeros(neurons, np.int32), np.zeros(neurons, np.uint8)
    for b in range(batch):
        real[:] = 0
        imag[:] = 0
        for t in range(steps):
            if interval > 0 and (t + 1 - phase) % interval == 0:
                real[:] = 0
                imag[:] = 0
            _step(currents[0][b, t], currents[1][b, t], sine, cosine, threshold, resets, real, imag, fired)
            emitted[b, t] = fired
            if records[0].size:
                records[0][b, t] = real
            if records[1].size:
                records[1][b, t] = imag


@njit(**OPTIONS)
def _single(row, own, sums, drive, spikes, floats, integers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """One step of a stream, see ``StepNeurons.step``; the number behind the drive says whether a spike resets."""
    size, place = own.neurons, own.floats
    real, imag = row[own.states : own.states + size], row[own.states + size : own.states + 2 * size]
    sine, cosine = floats[place : place + size], floats[place + size : place + 2 * size]
    resets = integers[own.integers + size] != 0
    _step(sums[:size], sums[size : 2 * size], sine, cosine, np.int32(own.threshold), resets, real, imag, spikes)


@dataclass(frozen=True)
class RfStage:
    """A layer of resonate-and-fire neurons with its feed-forward connection.

    Attributes:
        forward: the feed-forward connection, of two parts.
        sine, cosine: (neurons,) the decays / 4096, in the order of the population.
        threshold: vThMant << 6.
        resets: whether the neurons are RfIz.
    """

    forward: PreparedConnection
    sine: npt.NDArray[np.float64]
    cosine: npt.NDArray[np.float64]
    threshold: np.int32
    resets: bool
    wants_many_samples: bool = False

    @property
    def order(self) -> IntArray | None:
        """See ``Stage.order``."""
        return self.forward.order.target

    def choose(self, spikes: Spikes) -> Choice:
        """See ``Stage.choose``; both parts use one engine."""
        return Choice(self.forward.parts[0].is_dense(measured_density(spikes)))

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """See ``Stage.run``."""
        largest = int(spikes.max(initial=0)) if spikes.dtype == np.uint8 else int(np.abs(spikes).max(initial=0))
        currents: list[States] = [
            part.currents(spikes, largest, choice.forward_dense, self.sine.size) for part in self.forward.parts
        ]
        shape = currents[0].shape
        result: Arrays = {"spikes": np.empty(shape, np.uint8)}
        result |= {name: np.empty(shape, np.int32) for name in Rf.STATES if name in wanted}
        records = (result.get("real", _NOTHING), result.get("imag", _NOTHING))
        constants = (self.sine, self.cosine, self.threshold, self.resets)
        resonate((currents[0], currents[1]), *constants, interval, phase, result["spikes"], records)
        return result | {name: current for name, current in zip(Rf.INPUTS, currents) if name in wanted}

    def step_neurons(self) -> StepNeurons:
        """See ``Stepped``."""
        none, floats = np.zeros(self.sine.size, np.int32), np.stack([self.sine, self.cosine])
        values, numbers = {"threshold": int(self.threshold)}, (int(self.resets),)
        return StepNeurons(OTHER, Rf.STATES, none, floats, values, _single, numbers)


def rf_stage(where: str, layer: Layer, forward: PreparedConnection, recurrent: PreparedConnection | None) -> RfStage:
    """A prepared layer of resonate-and-fire neurons; they have no recurrence."""
    neuron: Any = layer.neuron.flattened(layer.shape, forward.order.target)
    sine, cosine = (
        np.ascontiguousarray(np.broadcast_to(decay, layer.neurons) / DECAY_UNITY)
        for decay in (neuron.sin_decay, neuron.cos_decay)
    )
    return RfStage(forward, sine, cosine, np.int32(neuron.threshold << STATE_SHIFT), isinstance(neuron, RfIz))
