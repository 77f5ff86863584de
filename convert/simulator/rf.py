"""Layers of resonate-and-fire neurons in the simulator: spikes through two sets of weights, and the neurons through time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from myelin.convert.arrays import IntArray
from myelin.convert.network import Layer
from myelin.convert.neurons import Rf, RfIz
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
from myelin.convert.simulator.step_loops import RF, RF_IZ
from myelin.hw_configs.fixed_point import DECAY_UNITY, STATE_MAX, STATE_SHIFT

_LIMIT = np.int32(STATE_MAX)
#: Inputs beyond this saturate the state whatever it was: the rotated state is below 2^25.
_DRIVE_LIMIT = np.int32(1 << 30)
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy"}
_NOTHING = np.zeros((0, 0, 0), np.int32)


@njit(**_OPTIONS)
def resonate(  # type: ignore[no-untyped-def]  # noqa: ANN201
    current_real,  # noqa: ANN001
    current_imag,  # noqa: ANN001
    sine,  # noqa: ANN001
    cosine,  # noqa: ANN001
    threshold,  # noqa: ANN001
    resets,  # noqa: ANN001
    interval,  # noqa: ANN001
    phase,  # noqa: ANN001
    emitted,  # noqa: ANN001
    record_real,  # noqa: ANN001
    record_imag,  # noqa: ANN001
):
    """Run resonate-and-fire neurons from rest; for the equations see ``myelin.convert.neurons.rf``.

    The product with a decay / 4096 is exact in float64 (fewer than 53 bits); its conversion to an integer rounds toward zero.

    Args:
        current_real, current_imag: (batch, steps, neurons) int32, summed synaptic input.
        sine, cosine: (neurons,) float64, sin_decay / 4096 and cos_decay / 4096.
        threshold: vThMant << 6, int32.
        resets: whether a spike resets the state (RfIz); if not, spikes come at a phase (Rf).
        interval, phase: the states become 0 before the step at index t if interval > 0 and (t + 1 - phase) % interval == 0.
        emitted: (batch, steps, neurons) uint8, written.
        record_real, record_imag: (batch, steps, neurons) int32, written; or of size 0.
    """
    batch, steps, neurons = emitted.shape
    real, imag = np.zeros(neurons, np.int32), np.zeros(neurons, np.int32)
    fired = np.zeros(neurons, np.uint8)
    for b in range(batch):
        real[:] = 0
        imag[:] = 0
        for t in range(steps):
            if interval > 0 and (t + 1 - phase) % interval == 0:
                real[:] = 0
                imag[:] = 0
            row_real, row_imag = current_real[b, t], current_imag[b, t]
            for i in range(neurons):
                x, y = np.float64(real[i]), np.float64(imag[i])
                p = min(max(np.int32(row_real[i] << STATE_SHIFT), -_DRIVE_LIMIT), _DRIVE_LIMIT)
                q = min(max(np.int32(row_imag[i] << STATE_SHIFT), -_DRIVE_LIMIT), _DRIVE_LIMIT)
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
            emitted[b, t] = fired
            if record_real.size:
                record_real[b, t] = real
            if record_imag.size:
                record_imag[b, t] = imag


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
        states = (result.get(name, _NOTHING) for name in Rf.STATES)
        constants = (self.sine, self.cosine, self.threshold, self.resets)
        resonate(*currents, *constants, interval, phase, result["spikes"], *states)
        return result | {name: current for name, current in zip(Rf.INPUTS, currents) if name in wanted}

    def step_neurons(self) -> StepNeurons:
        """See ``Stepped``."""
        none = np.zeros(self.sine.size, np.int32)
        floats = np.stack([self.sine, self.cosine])
        return StepNeurons(RF_IZ if self.resets else RF, Rf.STATES, none, floats, {"threshold": int(self.threshold)})


def rf_stage(where: str, layer: Layer, forward: PreparedConnection, recurrent: PreparedConnection | None) -> RfStage:
    """A prepared layer of resonate-and-fire neurons; they have no recurrence."""
    neuron: Any = layer.neuron.flattened(layer.shape, forward.order.target)
    sine, cosine = (
        np.ascontiguousarray(np.broadcast_to(decay, layer.neurons) / DECAY_UNITY)
        for decay in (neuron.sin_decay, neuron.cos_decay)
    )
    return RfStage(forward, sine, cosine, np.int32(neuron.threshold << STATE_SHIFT), isinstance(neuron, RfIz))
