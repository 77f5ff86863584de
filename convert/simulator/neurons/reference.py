"""Neurons without a compiled loop: the simulator calls their reference step once per time step, for all samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myelin.convert.arrays import IntArray, signed
from myelin.convert.inputs import input_values
from myelin.convert.network import Input, Layer
from myelin.convert.neurons import Neuron
from myelin.convert.neurons.neuron import Ints
from myelin.convert.simulator.stage import Arrays, Choice, InputStage, Names, PreparedConnection, Spikes, measured_density


@dataclass(frozen=True)
class ReferenceInputStage(InputStage):
    """Neurons at a network's input."""

    source: Input
    neuron: Neuron

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """See ``Stage.run``; ``spikes`` are the input values."""
        values = input_values(self.source, spikes.reshape(*spikes.shape[:2], *self.source.shape))
        run = _Run(self.neuron.flattened(self.source.shape), spikes.shape, wanted, interval, phase)
        drive = self.neuron.input_drive(values).reshape(spikes.shape)
        for t in range(spikes.shape[1]):
            run.step(t, np.zeros(run.shape, np.int64), drive[:, t])
        return run.arrays


@dataclass(frozen=True)
class ReferenceStage:
    """A layer with its feed-forward and its recurrent connection."""

    forward: PreparedConnection
    recurrent: PreparedConnection | None
    neuron: Neuron
    drive: Ints
    order: IntArray | None
    wants_many_samples: bool = False

    def choose(self, spikes: Spikes) -> Choice:
        """See ``Stage.choose``; the recurrence is always a product, since each step runs for all samples."""
        return Choice(self.forward.parts[0].is_dense(measured_density(spikes)), None if self.recurrent is None else True)

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """See ``Stage.run``."""
        run = _Run(self.neuron, (*spikes.shape[:2], self.drive.size), wanted, interval, phase)
        largest = int(np.abs(spikes.astype(np.int64)).max(initial=0))
        parts = [part.currents(spikes, largest, choice.forward_dense, self.drive.size) for part in self.forward.parts]
        given = parts[0] if len(parts) == 1 else np.stack(parts)
        for t in range(spikes.shape[1]):
            a = given[..., t, :].astype(np.int64)
            if self.recurrent is not None:
                back, sent = np.zeros(run.shape, np.int32), run.arrays["spikes"]
                most = int(np.abs(sent[:, :t].astype(np.int64)).max(initial=0)) if self.neuron.GRADED else 1
                self.recurrent.products.add_at(sent, t, most, back)
                a += back
            run.step(t, signed(a, 32), self.drive)
        return run.arrays


class _Run:
    """The states of a population during one run, and the recorded arrays."""

    def __init__(self, neuron: Neuron, shape: tuple[int, ...], wanted: Names, interval: int, phase: int) -> None:
        batch, _, neurons = shape
        self.neuron, self.shape, self.interval, self.phase = neuron, (batch, neurons), interval, phase
        self.states = neuron.rest(self.shape)
        self.arrays: Arrays = {"spikes": np.zeros(shape, np.int32 if neuron.GRADED else np.uint8)}
        self.arrays |= {name: np.zeros(shape, np.int32) for name in neuron.NAMES if name in wanted and name != "spikes"}

    def step(self, t: int, a: Ints, drive: Ints) -> None:
        if self.interval > 0 and (t + 1 - self.phase) % self.interval == 0:
            self.states = self.neuron.rest(self.shape)
        self.states, sent = self.neuron.step(self.states, a, drive)
        self.arrays["spikes"][:, t] = sent
        inputs = {self.neuron.INPUTS[0]: a} if len(self.neuron.INPUTS) == 1 else dict(zip(self.neuron.INPUTS, a))
        for name, values in {**inputs, **self.states}.items():
            if name in self.arrays:
                self.arrays[name][:, t] = values


def reference_stage(
    where: str, layer: Layer, forward: PreparedConnection, recurrent: PreparedConnection | None
) -> ReferenceStage:
    """A prepared layer with its incoming connections."""
    order, drive = forward.order.target, layer.neuron.drive(layer.shape)
    neuron = layer.neuron.flattened(layer.shape, order)
    return ReferenceStage(forward, recurrent, neuron, drive if order is None else drive[order], order)
