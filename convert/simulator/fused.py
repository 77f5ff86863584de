"""Layers that run in one loop with both their connections; a neuron brings its states, its constants and its compiled step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from myelin.convert.arrays import IntArray
from myelin.convert.network import Layer
from myelin.convert.simulator import events
from myelin.convert.simulator.plan import NO_PLAN, ConnectionPlan, alike, is_narrow
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
from myelin.hw_configs.compiling.specialised import specialised

NONE = np.zeros((0, 0, 0), np.int32)


class Loops(NamedTuple):
    """The loops of ``events.py`` with the step of one kind of neuron: over all steps, and over the batch in one step."""

    run: Any
    step_batch: Any


def loops(name: str, step: Any, copies: Any) -> Loops:
    """The loops of the neuron called ``name``; ``step`` and ``copies`` replace those in ``events.py``."""
    made = (specialised(one, events.OPTIONS, name, step=step, copies=copies) for one in (events.run, events.step_batch))
    return Loops(*made)


@dataclass(frozen=True)
class FusedPopulation:
    """Neurons prepared for the loops.

    Attributes:
        names: names of their states.
        loops: their compiled loops.
        constants: tuple of arrays (neurons,) and numbers, as their step takes it.
        rest: (neurons,) int32 for each state, the values before the first step.
        drive: (1, 1, neurons) int32, see ``Neuron.drive``.
        single: the neurons for the loop of single steps.
        order: order of the population; None for C order.
    """

    names: Names
    loops: Loops
    constants: tuple[Any, ...]
    rest: tuple[IntArray, ...]
    drive: States
    single: StepNeurons
    order: IntArray | None = None

    @property
    def neurons(self) -> int:
        """The number of neurons."""
        return self.drive.size

    def empty(self, shape: tuple[int, ...], wanted: Names) -> Arrays:
        """Arrays of ``shape`` (batch, steps, neurons) for the spikes and the wanted states."""
        result: Arrays = {"spikes": np.empty(shape, np.uint8)}
        return result | {name: np.empty(shape, np.int32) for name in ("a", *self.names) if name in wanted}

    def run(
        self,
        spikes: Spikes | None,
        given: States,
        plans: Sequence[ConnectionPlan],
        largest: int,
        drive: States,
        interval: int,
        phase: int,
        result: Arrays,
    ) -> None:
        """Run from rest and fill ``result``; for the arguments see ``events.run``."""
        records = tuple(result.get(name, NONE) for name in self.names)
        plans = alike(*plans)  # beside no plan this costs nothing
        narrow = (is_narrow(plans[0], largest), is_narrow(plans[1], 1))
        if spikes is None:
            spikes = np.empty((*result["spikes"].shape[:2], 0), np.uint8)
        binary = largest <= 1  # values that may be -1 come as ``given``
        neurons = (self.constants, self.rest, drive)
        written = (result["spikes"], result.get("a", NONE), records)
        self.loops.run(spikes, given, *plans, narrow, binary, *neurons, interval, phase, *written)

    def step(self, current: States, states: tuple[States, ...], emitted: Spikes) -> None:
        """One step for a batch; ``states``, ``current`` and ``emitted`` are (batch, neurons)."""
        self.loops.step_batch(current, self.drive[0, 0], self.constants, self.rest, states, emitted)


@dataclass
class FusedStage:
    """A layer with its feed-forward and its recurrent connection.

    Attributes:
        forward: the feed-forward connection.
        recurrent: the recurrent connection; None if there is none.
        population: the neurons.
        density: measured share of the layer's own neurons that spike in a step; None before the first run.
    """

    forward: PreparedConnection
    recurrent: PreparedConnection | None
    population: FusedPopulation
    density: float | None = field(default=None)

    @property
    def order(self) -> IntArray | None:
        """See ``Stage.order``."""
        return self.population.order

    @property
    def wants_many_samples(self) -> bool:
        """See ``Stage.wants_many_samples``."""
        return self.recurrent is not None and self.recurrent.is_dense(self.density)

    def choose(self, spikes: Spikes) -> Choice:
        """See ``Stage.choose``."""
        recurrent_dense = None if self.recurrent is None else self.wants_many_samples
        return Choice(self.forward.is_dense(measured_density(spikes)), recurrent_dense)

    def run(self, spikes: Spikes, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """See ``Stage.run``."""
        largest = int(spikes.max(initial=0)) if spikes.dtype == np.uint8 else int(np.abs(spikes).max(initial=0))
        if choice.recurrent_dense:
            result = self._products(spikes, largest, wanted, interval, phase, choice)
        else:
            given, (plan, own), population = NONE, self._plans, self.population
            # values that need 32 bit are rare: one more variant of the loops would cost each user who has them 9 s of compiling
            if choice.forward_dense or self._may_wrap(largest) or spikes.dtype != np.uint8:
                given, plan = self.currents(spikes, largest, choice.forward_dense), NO_PLAN
            result = population.empty((*spikes.shape[:2], population.neurons), wanted)
            entering = None if plan is NO_PLAN else spikes
            population.run(entering, given, (plan, own), largest, population.drive, interval, phase, result)
        if self.recurrent is not None:
            self.density = measured_density(result["spikes"])
        return result

    def step_neurons(self) -> StepNeurons:
        """See ``Stepped``."""
        return self.population.single

    @cached_property
    def _plans(self) -> tuple[ConnectionPlan, ConnectionPlan]:
        """Of both connections, with weights of one type."""
        forward, own = alike(self.forward.plan, NO_PLAN if self.recurrent is None else self.recurrent.plan)
        return forward, own

    def currents(self, spikes: Spikes, largest: int, dense: bool) -> States:
        """Feed-forward input (batch, steps, neurons) for ``spikes`` (batch, steps, sources) of magnitudes up to ``largest``."""
        return self.forward.currents(spikes, largest, dense, self.population.neurons)

    def _products(self, spikes: Spikes, largest: int, wanted: Names, interval: int, phase: int, choice: Choice) -> Arrays:
        """Run with the recurrence as products; the feed-forward input is a product in the same step or computed beforehand."""
        assert self.recurrent is not None
        population, forward = self.population, self.forward
        step_by_step = choice.forward_dense and not self._may_wrap(largest)
        given = NONE if step_by_step else self.currents(spikes, largest, choice.forward_dense)
        batch, steps = spikes.shape[:2]
        result = population.empty((batch, steps, population.neurons), wanted)
        result["spikes"][:] = 0
        current = np.zeros((batch, population.neurons), np.int32)
        states = tuple(np.tile(values, (batch, 1)) for values in population.rest)
        emitted = np.empty(current.shape, np.uint8)
        for t in range(steps):
            current[:] = 0
            if step_by_step:
                forward.products.add_at(spikes, t, largest, current)
            else:
                current += given[:, t]
            self.recurrent.products.add_at(result["spikes"], t, 1, current)
            if interval > 0 and (t + 1 - phase) % interval == 0:
                for state, values in zip(states, population.rest, strict=True):
                    state[:] = values
            population.step(current, states, emitted)
            result["spikes"][:, t] = emitted
            for name, state in (("a", current), *zip(population.names, states, strict=True)):
                if name in result:
                    result[name][:, t] = state
        return result

    def _may_wrap(self, largest: int) -> bool:
        return self.forward.may_wrap(largest * self.forward.absolute_sum)


def fused_stage(
    prepare: Callable[[Any, tuple[int, ...], IntArray | None], FusedPopulation],
) -> Callable[[str, Layer, PreparedConnection, PreparedConnection | None], FusedStage]:
    """The function that prepares a layer; ``prepare`` makes a ``FusedPopulation`` of neurons, shape and order."""

    def stage(where: str, layer: Layer, forward: PreparedConnection, recurrent: PreparedConnection | None) -> FusedStage:
        return FusedStage(forward, recurrent, prepare(layer.neuron, layer.shape, forward.order.target))

    return stage
